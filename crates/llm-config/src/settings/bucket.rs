//! A bucket of a store that is asked as S3 is: LiteLLM's keys that begin with `s3_`.

use std::sync::Arc;

use llm_core::{Authenticator, Secret};
use llm_providers::{Files, Parameters, Registry, aws_signer};

use super::callbacks::{Wrong, is_address};
use crate::environment::Environment;
use crate::node::Node;
use crate::programs;

/// A bucket, and who may look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its address.
    pub url: String,
    /// What the names of all objects begin with; empty or with a slash at its end.
    pub prefix: String,
    region: String,
    parameters: Parameters,
}

impl Bucket {
    /// What a section says, and this machine.
    ///
    /// # Errors
    /// When the section names no bucket, or one that cannot be.
    pub(crate) fn read(
        own: Option<&Node>,
        environment: &Environment,
        vendors: &Registry,
    ) -> Result<Self, Wrong> {
        let text = |key: &str| own.and_then(|own| own.get_text(key)).filter(|text| !text.is_empty());
        let bucket = text("s3_bucket_name")
            .ok_or_else(|| ("there is no bucket".to_owned(), "set `s3_bucket_name`".to_owned()))?;
        let parameters = of_this_machine(own, environment, vendors);
        let region = text("s3_region_name")
            .or_else(|| parameters.get("aws_region_name"))
            .unwrap_or("us-east-1")
            .to_owned();
        let url = match text("s3_endpoint_url") {
            Some(url) if is_address(url) => format!("{}/{bucket}", url.trim_end_matches('/')),
            Some(_) => {
                let what = "`s3_endpoint_url` is no http or https address".to_owned();
                return Err((what, "give the whole address, from `https://` on".to_owned()));
            }
            // A name with a point in it has no certificate of its own.
            None if bucket.contains('.') => format!("https://s3.{region}.amazonaws.com/{bucket}"),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        };
        let prefix = text("s3_path").unwrap_or_default().trim_matches('/');
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=".contains(letter);
        if !prefix.chars().chain(bucket.chars()).all(is_plain) {
            let what =
                "`s3_path` and `s3_bucket_name` have letters that names of objects should not".to_owned();
            return Err((what, "use letters, digits, `-`, `_`, `.`, `=` and `/`".to_owned()));
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self { url, prefix, region, parameters })
    }

    /// Who signs requests for it.
    ///
    /// # Errors
    /// When nobody can.
    pub(crate) fn signer(&self) -> llm_core::Result<Arc<dyn Authenticator>> {
        let hands = (&Files::new(|path| std::fs::read_to_string(path)), &programs::runner());
        aws_signer("s3", &self.region, &self.parameters, hands)
    }
}

/// The keys that the section names, or those that this machine has.
fn of_this_machine(own: Option<&Node>, environment: &Environment, vendors: &Registry) -> Parameters {
    let mut parameters = Parameters::default();
    for name in ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] {
        if let Some(value) = own.and_then(|own| own.get_text(&format!("s3_{name}"))) {
            parameters.set(name, Secret::new(value.to_owned()));
        }
    }
    let is_given = !parameters.is_empty();
    let row = vendors.get("bedrock");
    for (name, variables) in row.iter().flat_map(|row| &row.parameters) {
        let value = variables.iter().find_map(|variable| environment.get(variable));
        let value = value.filter(|_| !is_given || name == "aws_region_name");
        if let Some(value) = value {
            parameters.set(name.as_str(), Secret::new(value.to_owned()));
        }
    }
    parameters
}
