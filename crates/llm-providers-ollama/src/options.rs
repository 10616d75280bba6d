//! `options`: how tokens are drawn and how the model runs.

use llm_core::request::Sampling;
use llm_core::{ChatRequest, RawJson, RawObject};

use crate::body::{Malformed, Members, json};

/// Options that say how a server runs the model; the canonical form does not model them. From the parameters of
/// <https://docs.ollama.com/modelfile> and the runner options of the API's `ModelOptions`.
const RUNNER: &[&str] = &[
    "draft_num_predict",
    "main_gpu",
    "min_p",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "num_batch",
    "num_ctx",
    "num_gpu",
    "num_keep",
    "num_thread",
    "penalize_newline",
    "repeat_last_n",
    "repeat_penalty",
    "tfs_z",
    "typical_p",
    "use_mmap",
];

/// Options that the canonical form models.
const SAMPLING: &[&str] = &[
    "frequency_penalty",
    "num_predict",
    "presence_penalty",
    "seed",
    "stop",
    "temperature",
    "top_k",
    "top_p",
];

/// Whether a name on the top level of a deployment's settings means an option.
pub(crate) fn is_option(name: &str) -> bool {
    RUNNER.contains(&name) || SAMPLING.contains(&name)
}

/// Reads a client's options into a request; what is not modelled is given back.
pub(crate) fn read(mut options: Members<'_>, request: &mut ChatRequest) -> Result<RawObject, Malformed> {
    let top_k = options.whole("top_k")?;
    request.sampling = Sampling {
        temperature: options.take("temperature", "a number")?,
        top_p: options.take("top_p", "a number")?,
        top_k: top_k.and_then(|most| u64::try_from(most).ok()),
        frequency_penalty: options.take("frequency_penalty", "a number")?,
        presence_penalty: options.take("presence_penalty", "a number")?,
        seed: options.whole("seed")?,
        stop: stop(&mut options)?,
        ..Sampling::default()
    };
    // Below 1 the limit has other meanings: none, or the whole context.
    let limit = options.whole("num_predict")?;
    request.max_output_tokens = limit.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
    let mut rest = options.rest();
    if let Some(special) = limit.filter(|limit| *limit < 1) {
        rest.insert("num_predict", json(&special));
    }
    Ok(rest)
}

fn stop(options: &mut Members<'_>) -> Result<Vec<String>, Malformed> {
    let Some(raw) = options.raw("stop") else { return Ok(Vec::new()) };
    let one = serde_json::from_str::<String>(raw.get()).map(|text| vec![text]);
    one.or_else(|_| serde_json::from_str(raw.get()))
        .map_err(|_| Malformed::new("stop", "expected a string or a list of strings"))
}

/// What a request's sampling is in this format's words.
pub(crate) fn of_sampling(sampling: &Sampling, max_output_tokens: Option<u64>) -> RawObject {
    let mut options = RawObject::default();
    let mut put = |name: &str, value: Option<RawJson>| {
        if let Some(value) = value {
            options.insert(name, value);
        }
    };
    put("temperature", sampling.temperature.map(|value| json(&value)));
    put("top_p", sampling.top_p.map(|value| json(&value)));
    put("top_k", sampling.top_k.map(|value| json(&value)));
    put("frequency_penalty", sampling.frequency_penalty.map(|value| json(&value)));
    put("presence_penalty", sampling.presence_penalty.map(|value| json(&value)));
    put("seed", sampling.seed.map(|value| json(&value)));
    put("stop", (!sampling.stop.is_empty()).then(|| json(&sampling.stop)));
    put("num_predict", max_output_tokens.map(|value| json(&value)));
    options
}

/// Adds what a deployment sets: members of its own `options`, and options that stand on the top level.
pub(crate) fn set(options: &mut RawObject, extra_body: &RawObject) {
    let own: RawObject = extra_body.get("options").and_then(|raw| raw.read().ok()).unwrap_or_default();
    let top = extra_body.iter().filter(|(name, _)| is_option(name));
    for (name, value) in top.chain(own.iter()) {
        options.insert(name, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_modelled_comes_back_and_the_rest_stays() {
        let text = r#"{"num_ctx":8192,"temperature":0.5,"top_k":40,"seed":42.0,"stop":"x","num_predict":-1}"#;
        let mut request = ChatRequest::default();
        let rest = read(Members::parse(text).expect("an object"), &mut request).expect("options");
        assert_eq!(serde_json::to_string(&rest).expect("writes"), r#"{"num_ctx":8192,"num_predict":-1}"#);
        let written = of_sampling(&request.sampling, request.max_output_tokens);
        let expected = r#"{"temperature":0.5,"top_k":40,"seed":42,"stop":["x"]}"#;
        assert_eq!(serde_json::to_string(&written).expect("writes"), expected);
    }

    #[test]
    fn options_of_a_deployment_are_found_at_both_places() {
        let extra: RawObject =
            serde_json::from_str(r#"{"num_ctx":1,"keep_alive":"5m","options":{"min_p":0.1}}"#)
                .expect("valid");
        let mut options = RawObject::default();
        set(&mut options, &extra);
        assert_eq!(serde_json::to_string(&options).expect("writes"), r#"{"num_ctx":1,"min_p":0.1}"#);
    }
}
