//! A workload's identity: a token of another identity provider, such as a Kubernetes cluster, in the place of a secret
//! (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>, "Access token request with
//! a federated credential"). The variables are those that Azure's webhook sets in a pod.

use llm_core::{Error, Result};
use llm_transport::ColdCall;

use super::{SCOPE, posted};
use crate::credentials::form::pairs;
use crate::files::Files;
use crate::parameters::Parameters;

const FILE: &str = "azure_federated_token_file";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application that shows a token in the place of its secret.
#[derive(Clone)]
pub(super) struct Workload {
    host: Option<String>,
    tenant: String,
    id: String,
    scope: String,
    /// Read each time: whoever writes it replaces it before it expires.
    file: String,
    files: Files,
}

impl Workload {
    /// When there is a file with such a token.
    ///
    /// # Errors
    /// When nobody says whose token it is.
    pub(super) fn of(parameters: &Parameters, files: &Files) -> Result<Option<Self>> {
        let Some(file) = parameters.get(FILE) else { return Ok(None) };
        let (Some(tenant), Some(id)) = (parameters.get("tenant_id"), parameters.get("client_id")) else {
            let what = format!("`{FILE}` needs `tenant_id` and `client_id` beside it");
            return Err(Error::invalid(format!("{what}: set them, or set `api_key`")).with_param(FILE));
        };
        Ok(Some(Self {
            host: parameters.get("azure_authority_host").map(str::to_owned),
            tenant: tenant.to_owned(),
            id: id.to_owned(),
            scope: parameters.get("azure_scope").unwrap_or(SCOPE).to_owned(),
            file: file.to_owned(),
            files: files.clone(),
        }))
    }

    /// The call for a token.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn call(&self) -> Result<ColdCall> {
        let token = self.files.text(&self.file, FILE)?;
        let form = pairs(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", token.expose()),
            ("scope", &self.scope),
        ]);
        Ok(posted(self.host.as_deref(), &self.tenant, form))
    }
}
