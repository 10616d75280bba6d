//! Keys of a person's login at IAM Identity Center: the token that `aws sso login` left in its cache is shown to the
//! portal, which gives keys of a role (`GetRoleCredentials`). After "IAM Identity Center credential provider" of the
//! SDKs' reference guide. The login itself is AWS's own tools' work.

mod login;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bytes::Bytes;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use llm_core::{Error, ErrorKind, Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;

use self::login::Login;
use super::sigv4::Keys;
use crate::credentials::form;
use crate::credentials::kept::Fetched;
use crate::files::Files;
use crate::parameters::Parameters;

const TOKEN: HeaderName = HeaderName::from_static("x-amz-sso_bearer_token");
const DEADLINE: Duration = Duration::from_secs(20);
const MOST: usize = 64 * 1024;

/// A role that a person's login may have.
#[derive(Clone)]
pub(super) struct Sso {
    login: Login,
    url: String,
}

impl Sso {
    /// When a profile names a login.
    ///
    /// # Errors
    /// When it says too little about it.
    pub(super) fn of(parameters: &Parameters, files: &Files) -> Result<Option<Self>> {
        // Logins are kept by the name of their session, those of older profiles by their start page.
        let Some(login) = parameters.get("aws_sso_login") else { return Ok(None) };
        let needed = |name: &str, written: &str| {
            parameters.get(name).ok_or_else(|| {
                Error::invalid(format!(
                    "the AWS profile names a login and no `{written}`: add it to the profile"
                ))
            })
        };
        let region = needed("aws_sso_region", "sso_region")?;
        let account = needed("aws_sso_account_id", "sso_account_id")?;
        let role = needed("aws_sso_role_name", "sso_role_name")?;
        let directory = needed("aws_sso_directory", "sso_session` in a home directory with `.aws")?;
        let zone = if region.starts_with("cn-") { ".cn" } else { "" };
        let own = || format!("https://portal.sso.{region}.amazonaws.com{zone}");
        let endpoint = parameters.get("aws_sso_endpoint");
        let endpoint = endpoint.map_or_else(own, |endpoint| endpoint.trim_end_matches('/').to_owned());
        let query = form::pairs(&[("role_name", role), ("account_id", account)]);
        Ok(Some(Self {
            login: Login::new(format!("{directory}/{}.json", hex_sha1(login)), region, parameters, files),
            url: format!("{endpoint}/federation/credentials?{query}"),
        }))
    }

    pub(super) async fn keys(&self) -> Result<Fetched<Arc<Keys>>> {
        let mut token = HeaderValue::from_str(self.login.token().await?.expose())
            .map_err(|_| none("its token has letters that no header can carry"))?;
        token.set_sensitive(true);
        let call = ColdCall {
            method: Method::GET,
            url: self.url.clone(),
            headers: HeaderMap::from_iter([(TOKEN, token)]),
            body: Bytes::new(),
            size: MOST,
            deadline: DEADLINE,
        };
        let answer = llm_transport::ask(call).await.map_err(|fault| none(fault.message()))?;
        if answer.status != 200 {
            return Err(none(&format!("the portal answered with status {}", answer.status)));
        }
        read(&answer.body)
    }
}

fn none(why: &str) -> Error {
    let remedy = "run `aws sso login` for the profile where the gateway runs, or give it keys or a role";
    Error::new(ErrorKind::UpstreamAuth, format!("no AWS credentials of a login ({why}): {remedy}"))
}

fn read(body: &[u8]) -> Result<Fetched<Arc<Keys>>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        role_credentials: Given,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        access_key_id: String,
        secret_access_key: Secret,
        session_token: Secret,
        /// Milliseconds since 1970.
        expiration: u64,
    }
    let Answer { role_credentials: given } =
        serde_json::from_slice(body).map_err(|_| none("the portal gave no keys"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let life = Duration::from_millis(given.expiration).saturating_sub(now);
    let keys =
        Keys { id: given.access_key_id, secret: given.secret_access_key, token: Some(given.session_token) };
    Ok((Arc::new(keys), Some(life)))
}

fn hex_sha1(text: &str) -> String {
    let mut hex = String::with_capacity(40);
    for byte in digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref() {
        write!(hex, "{byte:02x}").expect("a string takes all");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_kept_by_the_sum_of_its_name() {
        // The example of FIPS 180-4.
        assert_eq!(hex_sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
