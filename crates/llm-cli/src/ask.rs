//! One question to a model: the request, its answer whole or as it comes, and what it took.

mod stream;

use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use crate::backend::{Backend, Reply};
use crate::failure::Failure;
use crate::numbers::milliseconds;

pub(crate) use stream::{Answering, Piece};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    /// The model; `None`: the gateway's default.
    pub model: Option<String>,
    /// The conversation so far, the question last.
    pub messages: Vec<Value>,
    /// Other fields of the request.
    pub parameters: Map<String, Value>,
}

/// An answer, and what it took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The model that answered, as the gateway calls it.
    pub model: String,
    /// The model that answered in its place, where it failed.
    pub fallback: Option<String>,
    /// What it said.
    pub text: String,
    /// What it thought before, where it tells.
    pub reasoning: String,
    /// Calls of tools that it wants, as they came.
    pub tool_calls: Vec<Value>,
    /// Why it ended.
    pub finish: Option<String>,
    /// Tokens of the prompt.
    pub input: Option<u64>,
    /// Tokens of the answer.
    pub output: Option<u64>,
    /// Dollars, where a price is known.
    pub cost: Option<f64>,
    /// From the request to the end of the answer.
    pub latency: Duration,
    /// From the request to the first piece of a stream.
    pub first: Option<Duration>,
    /// The gateway's name for the call.
    pub call: Option<String>,
}

impl Question {
    fn body(&self, stream: bool) -> Value {
        let mut body = Map::new();
        if let Some(model) = &self.model {
            body.insert("model".to_owned(), json!(model));
        }
        body.insert("messages".to_owned(), json!(self.messages));
        body.extend(self.parameters.clone());
        if stream {
            body.insert("stream".to_owned(), json!(true));
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        Value::Object(body)
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// When nobody answers, or with an error.
    pub(crate) async fn ask(&self, backend: &Backend) -> Result<Answer, Failure> {
        let began = Instant::now();
        let reply = self.send(backend, false).await?;
        let headers = reply.headers.clone();
        let body = reply.json().await.map_err(|failure| self.advised(failure))?;
        let mut answer = Answer { latency: began.elapsed(), ..Answer::of_headers(&headers) };
        answer.take_whole(&body);
        answer.price(backend, self.model.as_deref()).await;
        Ok(answer)
    }

    /// Asks for a stream; what comes is taken from [`Answering`].
    ///
    /// # Errors
    /// When nobody answers, or with an error before the first piece.
    pub(crate) async fn stream(&self, backend: &Backend) -> Result<Answering, Failure> {
        let began = Instant::now();
        let reply = self.send(backend, true).await?;
        let reply = reply.good().await.map_err(|failure| self.advised(failure))?;
        Ok(Answering::new(reply, began, self.model.clone()))
    }

    /// The gateway speaks of its API; whoever types commands is told of those.
    fn advised(&self, failure: Failure) -> Failure {
        match (failure.status, &self.model) {
            _ if failure.help.is_some() => failure,
            (Some(400 | 422), None) => {
                failure.help("name a model with --model, or in LLM_MODEL: `llm list` shows them")
            }
            (Some(404), Some(_)) => failure.help("`llm list` shows the models that there are"),
            _ => failure,
        }
    }

    async fn send(&self, backend: &Backend, stream: bool) -> Result<Reply, Failure> {
        backend.send(Method::POST, "/v1/chat/completions", Some(&self.body(stream))).await
    }
}

impl Answer {
    fn of_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let fell_back = text("x-litellm-attempted-fallbacks").is_some_and(|count| count != "0");
        Self {
            fallback: text("x-litellm-model-group").filter(|_| fell_back),
            cost: text("x-litellm-response-cost").and_then(|cost| cost.parse().ok()),
            call: text("x-litellm-call-id"),
            ..Self::default()
        }
    }

    fn take_whole(&mut self, body: &Value) {
        self.take_model(body);
        self.take_usage(body);
        let choice = &body["choices"][0];
        let message = &choice["message"];
        self.text = message["content"]
            .as_str()
            .or_else(|| message["refusal"].as_str())
            .unwrap_or_default()
            .to_owned();
        self.reasoning = reasoning(message).unwrap_or_default().to_owned();
        self.tool_calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        self.finish = choice["finish_reason"].as_str().map(str::to_owned);
    }

    fn take_model(&mut self, body: &Value) {
        if let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) {
            model.clone_into(&mut self.model);
        }
    }

    fn take_usage(&mut self, body: &Value) {
        let usage = &body["usage"];
        self.input = usage["prompt_tokens"].as_u64().or(self.input);
        self.output = usage["completion_tokens"].as_u64().or(self.output);
    }

    /// Asks the gateway what this cost, where the answer did not say: streams do not. A price that nobody knows is no
    /// failure.
    async fn price(&mut self, backend: &Backend, model: Option<&str>) {
        if self.cost.is_some() || (self.input, self.output) == (None, None) {
            return;
        }
        let model = self.fallback.as_deref().or(model).unwrap_or(&self.model);
        let (input, output) = (self.input.unwrap_or(0), self.output.unwrap_or(0));
        self.cost = cost_of(backend, model, input, output).await;
    }

    /// Tokens of the answer in a second, after the first one of a stream.
    pub(crate) fn pace(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyhow")]
        let output = self.output? as f64;
        let writing = self.latency.saturating_sub(self.first.unwrap_or_default()).as_secs_f64();
        (writing > 0.0).then(|| output / writing)
    }

    /// The answer for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = json!({
            "model": self.model,
            "fallback": self.fallback,
            "answer": self.text,
            "finish_reason": self.finish,
            "usage": {
                "prompt_tokens": self.input,
                "completion_tokens": self.output,
                "total_tokens": self.input.zip(self.output).map(|(input, output)| input + output),
            },
            "cost": self.cost,
            "latency_ms": milliseconds(self.latency),
            "time_to_first_token_ms": self.first.map(milliseconds),
            "call_id": self.call,
        });
        if !self.reasoning.is_empty() {
            shown["reasoning"] = json!(self.reasoning);
        }
        if !self.tool_calls.is_empty() {
            shown["tool_calls"] = json!(self.tool_calls);
        }
        shown
    }
}

/// What so many tokens of a model cost by the gateway's prices.
pub(crate) async fn cost_of(backend: &Backend, model: &str, input: u64, output: u64) -> Option<f64> {
    let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
    let body = json!({"model": model, "completion_response": {"model": model, "usage": usage}});
    backend.post("/spend/calculate", &body).await.ok()?["cost"].as_f64()
}

/// What a model thought, under either name that vendors have for it.
fn reasoning(message: &Value) -> Option<&str> {
    message["reasoning_content"].as_str().or_else(|| message["reasoning"].as_str())
}
