//! Clients put together in code: models, fallbacks, and whatever else a configuration may say.

use std::path::PathBuf;
use std::sync::Arc;

use llm_config::{Options, Report};
use llm_gateway::{Gateway, GatewayParts};
use serde_json::{Map, Value, json};

use crate::client::Client;

/// A model at a vendor: a deployment. Several of one name share its load.
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    params: Map<String, Value>,
}

impl Model {
    /// A model by its public name, and the vendor's: `openai/gpt-4o`, `anthropic/claude-sonnet-4-5`, `mock/echo`.
    pub fn new(name: impl Into<String>, model: impl Into<String>) -> Self {
        let model = Value::from(model.into());
        Self { name: name.into(), params: Map::from_iter([("model".to_owned(), model)]) }
    }

    /// The vendor's key; without it, the variable that the vendor's row names.
    #[must_use]
    pub fn api_key(self, key: impl Into<String>) -> Self {
        self.set("api_key", key.into())
    }

    /// Another address of the vendor.
    #[must_use]
    pub fn api_base(self, address: impl Into<String>) -> Self {
        self.set("api_base", address.into())
    }

    /// Any other parameter of a deployment (`litellm_params`): `rpm`, `timeout`, `weight`, prices …
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }
}

/// What is done with the parts of a gateway before it is made.
type Shape = Box<dyn FnOnce(&mut GatewayParts)>;

/// Puts a client together.
#[derive(Default)]
pub struct Builder {
    options: Options,
    models: Vec<Model>,
    fallbacks: Vec<Value>,
    settings: Map<String, Value>,
    default_model: Option<String>,
    key: Option<String>,
    shapes: Vec<Shape>,
}

impl Builder {
    /// Reads the variables of this process, `.env` included.
    #[must_use]
    pub fn process(mut self) -> Self {
        self.options = Options { config: self.options.config, ..Options::from_process() };
        self
    }

    /// Begins with a configuration file. Models and settings of the code do not go together with one.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.config = Some(path.into());
        self
    }

    /// Begins with a configuration in YAML or JSON, in the place of a file.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.options.text = Some(text.into());
        self
    }

    /// Adds a model. The first one is asked by requests that name none, unless something else is said.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.default_model.get_or_insert_with(|| model.name.clone());
        self.models.push(model);
        self
    }

    /// Models that answer when one fails, in this order.
    #[must_use]
    pub fn fallbacks(mut self, model: &str, others: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let others: Vec<String> = others.into_iter().map(Into::into).collect();
        self.fallbacks.push(json!({ model: others }));
        self
    }

    /// A setting of the router (`router_settings`): `routing_strategy`, `num_retries`, `timeout` …
    #[must_use]
    pub fn routing(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// The model that is asked where a request names none.
    #[must_use]
    pub fn default_model(mut self, model: impl Into<String>) -> Self {
        self.default_model = Some(model.into());
        self
    }

    /// The key of the gateway that this client asks with; without it, the master key of the configuration.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Changes what the gateway is made from: hooks, guardrails, callbacks of the program's own.
    #[must_use]
    pub fn shape(mut self, shape: impl FnOnce(&mut GatewayParts) + 'static) -> Self {
        self.shapes.push(Box::new(shape));
        self
    }

    /// Makes the client. Opens no connection.
    ///
    /// # Errors
    /// Everything that is wrong with what was said.
    pub fn build(mut self) -> Result<Client, Report> {
        if !self.models.is_empty() {
            self.options.text = Some(self.written());
        }
        let loaded = llm_config::load(&self.options)?;
        let mut parts = llm_config::build(&loaded)?;
        for shape in self.shapes {
            shape(&mut parts);
        }
        let mut client = Client::over(Arc::new(Gateway::new(parts)));
        let master = loaded.config.server.master_key.as_ref().map(|key| key.expose().to_owned());
        if let Some(key) = self.key.or(master) {
            client = client.with_key(&key);
        }
        Ok(match self.default_model {
            Some(model) => client.with_default_model(model),
            None => client,
        })
    }

    /// What the code says, as a configuration: it is checked as one.
    fn written(&self) -> String {
        let model = |model: &Model| json!({"model_name": model.name, "litellm_params": model.params});
        let models: Vec<Value> = self.models.iter().map(model).collect();
        let mut router = self.settings.clone();
        if !self.fallbacks.is_empty() {
            router.insert("fallbacks".to_owned(), Value::Array(self.fallbacks.clone()));
        }
        json!({"model_list": models, "router_settings": router}).to_string()
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Builder").field("default_model", &self.default_model).finish_non_exhaustive()
    }
}
