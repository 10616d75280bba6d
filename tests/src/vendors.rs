//! Deployments in LiteLLM's YAML.

use crate::dialect::Dialect;

/// What every vendor's model is called by the vendor.
pub const VENDOR_MODEL: &str = "vendor-large";
/// The key of every vendor.
pub const VENDOR_KEY: &str = "sk-vendor-fedcba9876543210";

/// One deployment of a configuration.
#[derive(Clone, Debug)]
pub struct Deployment {
    name: String,
    model: String,
    url: Option<String>,
    key: String,
    id: Option<String>,
    more: Vec<String>,
}

impl Deployment {
    /// A model under a public name at a vendor that speaks a dialect.
    pub fn new(name: &str, dialect: Dialect, url: &str) -> Self {
        let model = format!("{}{VENDOR_MODEL}", dialect.prefix());
        Self {
            name: name.to_owned(),
            model,
            url: Some(url.to_owned()),
            key: VENDOR_KEY.to_owned(),
            id: None,
            more: Vec::new(),
        }
    }

    /// A model under a public name of the gateway's own mock.
    pub fn mock(name: &str, model: &str) -> Self {
        Self { model: format!("mock/{model}"), url: None, ..Self::new(name, Dialect::Chat, "") }
    }

    /// With another key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// With another model of the vendor's.
    #[must_use]
    pub fn asking(mut self, model: &str) -> Self {
        self.model = self.model.replace(VENDOR_MODEL, model);
        self
    }

    /// With an id of its own.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// With another line of `litellm_params`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    fn yaml(&self) -> String {
        let Self { name, model, url, key, id, more } = self;
        let id = id.as_ref().map(|id| format!("    model_info: {{id: {id}}}\n")).unwrap_or_default();
        let more: String = more.iter().map(|line| format!("      {line}\n")).collect();
        let base = url.as_ref().map(|url| format!("      api_base: {url}/v1\n")).unwrap_or_default();
        format!(
            "  - model_name: {name:?}\n    litellm_params:\n      model: {model}\n{base}      api_key: {key}\n{more}{id}"
        )
    }
}

/// A configuration of these deployments, with lines of `router_settings`.
pub fn configuration(deployments: &[Deployment], router: &str) -> String {
    let list: String = deployments.iter().map(Deployment::yaml).collect();
    let router: String = router.lines().map(|line| format!("  {}\n", line.trim())).collect();
    format!("model_list:\n{list}router_settings:\n{router}")
}
