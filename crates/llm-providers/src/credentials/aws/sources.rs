//! Where keys come from, by what a deployment's parameters say.
//!
//! Keys that are given win; then a web identity, a person's login, a program that a profile names, a container's
//! credentials, the machine's. Roles are assumed with whatever was found, each with the keys of the one before.

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
    /// Assumed with the first keys, one after the other.
    roles: Vec<Role>,
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
        let mut roles = Role::all_of(parameters)?;
        if parameters.get("aws_access_key_id").is_some() || parameters.get("aws_secret_access_key").is_some()
        {
            return Ok(Self { first: First::Given(Arc::new(given(parameters)?)), roles, sts });
        }
        if let Some(token) = parameters.get("aws_web_identity_token") {
            let role = roles.pop().ok_or_else(|| {
                let what = "`aws_web_identity_token` needs the role that it is for: set `aws_role_name`";
                Error::invalid(what).with_param("aws_role_name")
            })?;
            let identity = WebIdentity::new(token, role, files);
            return Ok(Self { first: First::WebIdentity(identity), roles: Vec::new(), sts });
        }
        if let (Some(file), Some(arn)) =
            (parameters.get("aws_web_identity_token_file"), parameters.get("aws_web_identity_role"))
        {
            let identity = WebIdentity::of_file(file, Role::named(arn, parameters), files);
            roles.retain(|role| role.arn != arn);
            return Ok(Self { first: First::WebIdentity(identity), roles, sts });
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
        Ok(Self { first, roles, sts })
    }

    /// Fetches keys.
    ///
    /// # Errors
    /// When whoever gives them refuses, or cannot be reached.
    pub(super) async fn keys(&self) -> Result<Fetched<Arc<Keys>>> {
        let mut found = match &self.first {
            First::Given(keys) => (Arc::clone(keys), None),
            First::WebIdentity(identity) => self.sts.with_web_identity(identity).await?,
            First::Login(login) => login.keys().await?,
            First::Process(process) => process.keys().await?,
            First::Container(container) => container.keys().await?,
            First::Machine(machine) => machine.keys().await?,
        };
        for role in &self.roles {
            found = self.sts.assume(role, &found.0).await?;
        }
        Ok(found)
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
