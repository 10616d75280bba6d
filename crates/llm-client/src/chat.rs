//! What is asked of a model, in the words of OpenAI's chat completions.

use serde_json::{Map, Value, json};

/// A request to a chat model. A text alone is one, too: the user says it to the default model.
///
/// ```
/// use llm_client::Chat;
///
/// let request = Chat::new("mock/echo")
///     .system("Answer in one sentence.")
///     .user("What is a gateway?")
///     .temperature(0.2)
///     .max_tokens(100);
/// assert_eq!(request.model(), Some("mock/echo"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    fields: Map<String, Value>,
    messages: Vec<Value>,
}

impl Chat {
    /// A request to a model, by its public name.
    pub fn new(model: impl Into<String>) -> Self {
        Self::default().set("model", model.into())
    }

    /// What the model is told first.
    #[must_use]
    pub fn system(self, text: impl Into<String>) -> Self {
        self.says("system", &text.into())
    }

    /// What the user says.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.says("user", &text.into())
    }

    /// What the model said before.
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.says("assistant", &text.into())
    }

    /// A message of any kind: pictures, calls of tools and their results. See OpenAI's chat completions.
    #[must_use]
    pub fn message(mut self, message: Value) -> Self {
        self.messages.push(message);
        self
    }

    /// How freely the model chooses its words: from 0 to 2.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        self.set("temperature", temperature)
    }

    /// The most tokens of the answer.
    #[must_use]
    pub fn max_tokens(self, tokens: u64) -> Self {
        self.set("max_tokens", tokens)
    }

    /// A function that the model may call, with the schema of its arguments.
    #[must_use]
    pub fn tool(mut self, name: &str, about: &str, parameters: impl Into<Value>) -> Self {
        let function = json!({"name": name, "description": about, "parameters": parameters.into()});
        let tools = self.fields.entry("tools").or_insert_with(|| json!([]));
        if let Value::Array(tools) = tools {
            tools.push(json!({"type": "function", "function": function}));
        }
        self
    }

    /// Models that answer when the one that is asked fails, in this order.
    #[must_use]
    pub fn fallbacks(self, models: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let models: Vec<String> = models.into_iter().map(Into::into).collect();
        self.set("fallbacks", models)
    }

    /// Any other field of the request: `response_format`, `reasoning_effort`, `metadata`, `user` …
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The model that is asked; `None`: the default one.
    pub fn model(&self) -> Option<&str> {
        self.fields.get("model").and_then(Value::as_str)
    }

    fn says(self, role: &str, text: &str) -> Self {
        self.message(json!({"role": role, "content": text}))
    }

    /// The body of the request.
    pub(crate) fn body(mut self, default: Option<&str>) -> Value {
        if let (None, Some(model)) = (self.model(), default) {
            self = self.set("model", model);
        }
        self.fields.insert("messages".to_owned(), Value::Array(self.messages));
        Value::Object(self.fields)
    }
}

impl From<&str> for Chat {
    fn from(text: &str) -> Self {
        Self::default().user(text)
    }
}

impl From<String> for Chat {
    fn from(text: String) -> Self {
        Self::default().user(text)
    }
}
