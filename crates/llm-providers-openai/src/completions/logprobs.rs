//! Log probabilities: four lists side by side here, one list of tokens in chat completions and in the canonical form.

use llm_core::{RawJson, RawObject};
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize, Serialize)]
struct Lists {
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    token_logprobs: Vec<Option<f64>>,
    #[serde(default)]
    top_logprobs: Option<Vec<Option<RawObject>>>,
    #[serde(default)]
    text_offset: Vec<u64>,
}

#[derive(Deserialize, Serialize)]
struct Content {
    content: Vec<Token>,
}

#[derive(Deserialize, Serialize)]
struct Token {
    token: String,
    /// The first token of a prompt has none.
    logprob: Option<f64>,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Deserialize, Serialize)]
struct Alternative {
    token: String,
    logprob: f64,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
}

/// The canonical form; what is not of this format stays.
pub(super) fn canonical(raw: RawJson) -> RawJson {
    let Ok(lists) = raw.read::<Lists>() else { return raw };
    if lists.tokens.is_empty() {
        return raw;
    }
    let mut alternatives = lists.top_logprobs.unwrap_or_default().into_iter();
    let mut logprobs = lists.token_logprobs.into_iter();
    let content = lists.tokens.into_iter().map(|token| {
        let top = alternatives.next().flatten().unwrap_or_default();
        let top = top.iter().filter_map(|(token, logprob)| {
            Some(Alternative { token: token.to_owned(), logprob: logprob.read().ok()?, bytes: None })
        });
        let bytes = Some(token.clone().into_bytes());
        Token { logprob: logprobs.next().flatten(), bytes, top_logprobs: top.collect(), token }
    });
    RawJson::of(&Content { content: content.collect() }).unwrap_or(raw)
}

/// This format's form. `offset`: characters of the answer before these tokens; counted on.
pub(super) fn shown(raw: &RawJson, offset: &mut u64) -> Option<RawJson> {
    let Content { content } = raw.read().ok()?;
    let mut lists = Lists { top_logprobs: Some(Vec::new()), ..Lists::default() };
    for token in content {
        lists.text_offset.push(*offset);
        *offset += token.token.chars().count() as u64;
        lists.token_logprobs.push(token.logprob);
        let top = token.top_logprobs.iter();
        let top: RawObject =
            top.filter_map(|top| Some((top.token.clone(), RawJson::of(&top.logprob).ok()?))).collect();
        lists.top_logprobs.get_or_insert_default().push((!top.is_empty()).then_some(top));
        lists.tokens.push(token.token);
    }
    if lists.top_logprobs.iter().flatten().all(Option::is_none) {
        lists.top_logprobs = None;
    }
    RawJson::of(&lists).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let text = r#"{"tokens":["Hé"," you"],"token_logprobs":[null,-0.5],"top_logprobs":[null,{" you":-0.5," all":-1.5}],"text_offset":[3,5]}"#;
        let old = RawJson::parse(text).expect("valid");
        let new = canonical(old.clone());
        assert!(new.get().contains(
            r#"{"token":" you","logprob":-0.5,"bytes":[32,121,111,117],"top_logprobs":[{"token":" you""#
        ));
        let mut offset = 3;
        assert_eq!(shown(&new, &mut offset).as_ref(), Some(&old));
        assert_eq!(offset, 9);
    }

    #[test]
    fn what_is_of_another_form_stays() {
        let other = RawJson::parse(r#"{"content":[]}"#).expect("valid");
        assert_eq!(canonical(other.clone()), other);
        assert_eq!(shown(&RawJson::null(), &mut 0), None);
    }
}
