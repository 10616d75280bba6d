//! Log probabilities: the format's `logprobsResult` and the canonical list, a token with its alternatives each.

use llm_core::RawJson;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::json;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Result {
    top_candidates: Vec<Top>,
    chosen_candidates: Vec<Candidate>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Top {
    candidates: Vec<Candidate>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Candidate {
    token: String,
    log_probability: f64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Content {
    content: Vec<Token>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Token {
    token: String,
    logprob: f64,
    bytes: Option<Vec<u8>>,
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Alternative {
    token: String,
    logprob: f64,
    bytes: Option<Vec<u8>>,
}

/// Reads a vendor's; `None` for what is none.
pub(crate) fn read(raw: &RawValue) -> Option<RawJson> {
    let Result { top_candidates, chosen_candidates } = serde_json::from_str(raw.get()).ok()?;
    let mut tops = top_candidates.into_iter();
    let content = chosen_candidates.into_iter().map(|chosen| {
        let top_logprobs =
            tops.next().unwrap_or_default().candidates.into_iter().map(|candidate| Alternative {
                bytes: Some(candidate.token.clone().into_bytes()),
                token: candidate.token,
                logprob: candidate.log_probability,
            });
        Token {
            bytes: Some(chosen.token.clone().into_bytes()),
            token: chosen.token,
            logprob: chosen.log_probability,
            top_logprobs: top_logprobs.collect(),
        }
    });
    Some(json(&Content { content: content.collect() }))
}

/// Writes them for a client; `None` for a form that no vendor of ours writes.
pub(crate) fn write(raw: &RawJson) -> Option<RawJson> {
    let Content { content } = raw.read().ok()?;
    let mut result = Result::default();
    for token in content {
        let candidates = token.top_logprobs.into_iter();
        let candidates =
            candidates.map(|one| Candidate { token: one.token, log_probability: one.logprob }).collect();
        result.top_candidates.push(Top { candidates });
        result.chosen_candidates.push(Candidate { token: token.token, log_probability: token.logprob });
    }
    Some(json(&result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_without_the_numbers_of_tokens() {
        let text = r#"{"topCandidates":[{"candidates":[{"token":"2","logProbability":-0.01,"tokenId":7},{"token":"é","logProbability":-4.5}]}],"chosenCandidates":[{"token":"2","logProbability":-0.01}]}"#;
        let raw: Box<RawValue> = serde_json::from_str(text).expect("JSON");
        let read = read(&raw).expect("a result");
        let expected = r#"{"content":[{"token":"2","logprob":-0.01,"bytes":[50],"top_logprobs":[{"token":"2","logprob":-0.01,"bytes":[50]},{"token":"é","logprob":-4.5,"bytes":[195,169]}]}]}"#;
        assert_eq!(read.get(), expected);
        let written = write(&read).expect("ours");
        assert_eq!(written.get(), text.replace(",\"tokenId\":7", ""));
    }
}
