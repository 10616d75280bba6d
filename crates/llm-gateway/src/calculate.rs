//! What a call would cost, or did cost, and how many tokens a prompt has: LiteLLM's `/spend/calculate` and
//! `/utils/token_counter`. Nobody pays for these, and nothing is booked.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, Call, Inbound};
use llm_core::{Error, Ingress, Result, Usage, tokens};
use llm_governance::Principal;
use llm_metrics::ModelEntry;
use llm_router::Deployment;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::gateway::{Gateway, State};

/// A body of `/spend/calculate`.
#[derive(Deserialize)]
struct Calculation {
    model: Option<String>,
    messages: Option<Vec<Value>>,
    completion_response: Option<Map<String, Value>>,
}

/// A body of `/utils/token_counter`.
#[derive(Deserialize)]
struct Counting {
    model: String,
    prompt: Option<String>,
    messages: Option<Value>,
    contents: Option<Value>,
    tools: Option<Value>,
    system: Option<Value>,
}

impl Gateway {
    /// What a chat call with these messages costs before its answer, or what an answer in OpenAI's format cost.
    ///
    /// # Errors
    /// When the body names no model, or one without a price.
    pub fn calculate_cost(&self, caller: &Principal, body: &[u8]) -> Result<Value> {
        let asked: Calculation = read(body)?;
        let response = asked.completion_response.as_ref();
        let named = response.and_then(|response| response.get("model")).and_then(Value::as_str);
        let model = asked.model.as_deref().or(named).filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| Error::invalid("name the `model`").with_param("model"))?;
        let state = self.state();
        let entry = state.priced(caller, model).ok_or_else(|| without_price(model))?;
        let prompt = || asked.messages.as_ref().map(|messages| state.tokens(&json!({"messages": messages})));
        let usage = match response {
            Some(response) => used(response, prompt)?,
            None => {
                let missing = || Error::invalid("say the `messages`, or a `completion_response`");
                Usage { input: Some(prompt().ok_or_else(missing)??), ..Usage::default() }
            }
        };
        if !entry.price.covers(&usage) {
            return Err(without_price(model));
        }
        let cost = entry.price.cost(&usage).total;
        #[expect(clippy::cast_precision_loss, reason = "clients read doubles")]
        let dollars = cost.0 as f64 / 1e9;
        Ok(json!({ "cost": dollars }))
    }

    /// How many tokens a prompt has: by our own estimate, or by the vendor's count where `ask_vendor` and it has one.
    ///
    /// # Errors
    /// When the body is none, or its model is not served to the caller.
    pub fn count<'a>(
        &'a self,
        caller: &'a Principal,
        body: &'a [u8],
        ask_vendor: bool,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let asked: Counting = read(body)?;
            let state = self.state();
            state.may_use(caller, &asked.model)?;
            let (group, name) = state.router.resolve(state.meant(caller, &asked.model))?;
            let deployment = group.deployments().first();
            let used = deployment
                .map_or_else(|| name.to_owned(), |deployment| deployment.model_for(name).into_owned());
            let request = asked.request();
            let counted = match deployment.filter(|_| ask_vendor) {
                Some(deployment) => state.counted_by_vendor(deployment, &used, &request).await?,
                None => None,
            };
            let (source, tokenizer) = if counted.is_some() {
                ("provider", "provider_tokenizer")
            } else {
                ("local_estimate", "estimate")
            };
            let total = match counted {
                Some(total) => total,
                None => state.tokens(&request)?,
            };
            Ok(json!({
                "total_tokens": total,
                "request_model": asked.model,
                "model_used": used,
                "tokenizer_type": tokenizer,
                "count_source": source,
                "original_response": null,
                "error": false,
                "error_message": null,
                "status_code": null,
            }))
        })
    }
}

impl Counting {
    /// The prompt as the body of a chat request, in whatever format it came.
    fn request(&self) -> Value {
        let mut body = json!({"model": self.model});
        let messages = match (&self.messages, &self.prompt) {
            (Some(messages), _) => Some(messages.clone()),
            (None, Some(prompt)) => Some(json!([{"role": "user", "content": prompt}])),
            (None, None) => None,
        };
        let parts =
            [("messages", messages), ("contents", self.contents.clone()), ("tools", self.tools.clone())];
        for (name, part) in parts.into_iter().chain([("system", self.system.clone())]) {
            if let Some(part) = part.filter(|part| !part.is_null()) {
                body[name] = part;
            }
        }
        body
    }
}

impl State {
    /// What is known of a model: by the name that the caller has for it, or as the price table spells it.
    fn priced(&self, caller: &Principal, model: &str) -> Option<ModelEntry> {
        let served = self.router.resolve(self.meant(caller, model)).ok().and_then(|(group, name)| {
            let deployment = group.deployments().first()?;
            let account = self.books.accounts.get(&deployment.id)?;
            account.entry(&self.books.prices, &deployment.model_for(name)).map(|entry| entry.into_owned())
        });
        let prices = &self.books.prices;
        served.filter(|entry| entry.price.is_known()).or_else(|| {
            let (provider, name) = model.split_once('/').unwrap_or(("", model));
            let plain = || prices.lookup(prices.provider_of(model).unwrap_or_default(), model);
            prices.lookup(provider, name).or_else(plain)
        })
    }

    /// Our own estimate of a prompt, in the first format that can read it.
    fn tokens(&self, request: &Value) -> Result<u64> {
        let mut refused = None;
        for ingress in &self.ingresses {
            let inbound = inbound(ingress, Operation::Chat, request)?;
            match inbound.decoded() {
                Ok(decoded) if !decoded.messages.is_empty() => return Ok(tokens::of_request(decoded)),
                Ok(_) => {}
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| Error::invalid("say `prompt`, `messages` or `contents`")))
    }

    /// The vendor's own count, where its format is one that clients speak too and it counts.
    async fn counted_by_vendor(
        &self,
        deployment: &Arc<Deployment>,
        model: &str,
        request: &Value,
    ) -> Result<Option<u64>> {
        let dialect = deployment.provider.dialect();
        let Some(ingress) = self.ingresses.iter().find(|ingress| ingress.id() == dialect) else {
            return Ok(None);
        };
        let inbound = inbound(ingress, Operation::CountTokens, request)?;
        let limits = deployment.limits.or(self.router.settings().limits);
        let call = Call {
            inbound: &inbound,
            model,
            public_model: model,
            stream: false,
            canonical: false,
            policy: None,
            deadlines: limits.deadlines(Instant::now()),
        };
        deployment.provider.count_tokens(call).await
    }
}

fn inbound(ingress: &Arc<dyn Ingress>, operation: Operation, request: &Value) -> Result<Inbound> {
    Inbound::new(Arc::clone(ingress), operation, HeaderMap::new(), Bytes::from(request.to_string()))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::invalid(format!(
            "the body cannot be read (line {line}, column {column}): see the documentation"
        ))
    })
}

/// What an answer in OpenAI's format used: as it says, else by our own count of its words.
fn used(response: &Map<String, Value>, prompt: impl Fn() -> Option<Result<u64>>) -> Result<Usage> {
    let Some(Value::Object(usage)) = response.get("usage") else {
        let choices = response.get("choices").and_then(Value::as_array).into_iter().flatten();
        let texts = choices.filter_map(|choice| choice.pointer("/message/content")?.as_str());
        let output = texts.map(tokens::of_text).sum();
        let input = prompt().transpose()?.unwrap_or(0);
        return Ok(Usage { input: Some(input), output: Some(output), estimated: true, ..Usage::default() });
    };
    let count = |names: [&str; 2]| names.iter().find_map(|name| usage.get(*name)?.as_u64());
    let detail = |names: [&str; 2], key: &str| {
        names.iter().find_map(|name| usage.get(*name)?.get(key)?.as_u64()).filter(|count| *count > 0)
    };
    let (of_prompt, of_answer) = (
        ["prompt_tokens_details", "input_tokens_details"],
        ["completion_tokens_details", "output_tokens_details"],
    );
    let (cached, audio_in) = (detail(of_prompt, "cached_tokens"), detail(of_prompt, "audio_tokens"));
    let (reasoning, audio_out) = (detail(of_answer, "reasoning_tokens"), detail(of_answer, "audio_tokens"));
    let without = |total: Option<u64>, parts: [Option<u64>; 2]| {
        total.map(|total| parts.into_iter().flatten().fold(total, u64::saturating_sub))
    };
    Ok(Usage {
        input: without(count(["prompt_tokens", "input_tokens"]), [cached, audio_in]),
        cache_read: cached,
        audio_in,
        output: without(count(["completion_tokens", "output_tokens"]), [reasoning, audio_out]),
        reasoning,
        audio_out,
        ..Usage::default()
    })
}

fn without_price(model: &str) -> Error {
    let shown: String = model.chars().filter(|letter| !letter.is_control()).take(128).collect();
    Error::invalid(format!(
        "no price is known of `{shown}`: give its deployment one (`input_cost_per_token`, `output_cost_per_token`)"
    ))
    .with_param("model")
}
