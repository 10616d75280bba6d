//! Where keys come from, by what a deployment's parameters say.
//!
//! Keys that are given win; then a web identity, a person's login, a program that a profile names, a container's
//! credentials, the machine's. A role is assumed with whatever was found.

use std::sync::Arc;

use llm_core::{Error, Result, Secret};

use super::metadata::{Container, Machine, Process};
use super::sigv4::Keys;
use super::sso::Sso;
use super::sts::{Role, Sts, WebIdentity};
use crate::credentials::kept::Fetched;
use crate::files::Files;
use crate::parameters::Parameters;
use crate::programs::Programs;

/// A way to keys.
#[derive(Clone)]
pub(super) struct Source {
    first: First,
    /// Assumed with the first keys.
    role: Option<Role>,
    sts: Sts,
}

#[derive(Clone)]
enum First {
    Given(Arc<Keys>),
    WebIdentity(WebIdentity),
    Login(Sso),
    Process(Process),
    Container(Container),
    Machine(Machine),
}

impl Source {
    /// Decides.
    ///
    /// # Errors
    /// When only a part of something was set.
    pub(super) fn of(
        parameters: &Parameters,
        files: &Files,
        programs: &Programs,
        region: &str,
    ) -> Result<Self> {
        let sts = Sts::new(parameters.get("aws_sts_endpoint"), region);
        let role = Role::of(parameters);
        if parameters.get("aws_access_key_id").is_some() || parameters.get("aws_secret_access_key").is_some()
        {
            return Ok(Self { first: First::Given(Arc::new(given(parameters)?)), role, sts });
        }
        if let Some(token) = parameters.get("aws_web_identity_token") {
            let role = role.ok_or_else(|| {
                let what = "`aws_web_identity_token` needs the role that it is for: set `aws_role_name`";
                Error::invalid(what).with_param("aws_role_name")
            })?;
            let identity = WebIdentity::new(token, role, files);
            return Ok(Self { first: First::WebIdentity(identity), role: None, sts });
        }
        if let (Some(file), Some(arn)) =
            (parameters.get("aws_web_identity_token_file"), parameters.get("aws_web_identity_role"))
        {
            let identity = WebIdentity::of_file(file, Role::named(arn, parameters), files);
            let role = role.filter(|role| role.arn != arn);
            return Ok(Self { first: First::WebIdentity(identity), role, sts });
        }
        let first = if let Some(login) = Sso::of(parameters, files)? {
            First::Login(login)
        } else if let Some(process) = Process::of(parameters, programs) {
            First::Process(process)
        } else if let Some(container) = Container::of(parameters, files) {
            First::Container(container)
        } else {
            First::Machine(Machine::of(parameters)?)
        };
        Ok(Self { first, role, sts })
    }

    /// Fetches keys.
    ///
    /// # Errors
    /// When whoever gives them refuses, or cannot be reached.
    pub(super) async fn keys(&self) -> Result<Fetched<Arc<Keys>>> {
        let (keys, life) = match &self.first {
            First::Given(keys) => (Arc::clone(keys), None),
            First::WebIdentity(identity) => self.sts.with_web_identity(identity).await?,
            First::Login(login) => login.keys().await?,
            First::Process(process) => process.keys().await?,
            First::Container(container) => container.keys().await?,
            First::Machine(machine) => machine.keys().await?,
        };
        match &self.role {
            Some(role) => self.sts.assume(role, &keys).await,
            None => Ok((keys, life)),
        }
    }
}

fn given(parameters: &Parameters) -> Result<Keys> {
    let needed = |name: &str| {
        let missing =
            || Error::invalid(format!("the AWS keys are incomplete: set `{name}` too")).with_param(name);
        parameters.get(name).ok_or_else(missing)
    };
    let secret = needed("aws_secret_access_key")?;
    let token = parameters.get("aws_session_token").map(|token| Secret::new(token.to_owned()));
    Ok(Keys { id: needed("aws_access_key_id")?.to_owned(), secret: Secret::new(secret.to_owned()), token })
}
