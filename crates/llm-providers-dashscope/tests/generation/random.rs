//! Random answers told in pieces and in repetitions, and random bytes.

use llm_core::dialect::{Seen, TapOptions};
use llm_core::wire::Frame;
use llm_core::{Dialect, Part};
use llm_testkit::replay;
use proptest::prelude::*;
use serde_json::json;

use crate::{dialect, reply};

fn words() -> impl Strategy<Value = String> {
    "[a-z0-9é漢\u{1F600}\" \n]{1,12}"
}

/// Texts cut into pieces. Repetitions of what was said are left out: no decoder can tell those.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(words(), 1..6).prop_filter("a piece repeats what was said", |pieces| {
        let mut said = String::new();
        pieces.iter().all(|piece| {
            let fine = said.is_empty() || !piece.starts_with(&said);
            said += piece;
            fine
        })
    })
}

fn stream(steps: &[String], last: &str) -> String {
    let frame = |text: &str, finish: &str| {
        let choice = json!({"message": {"role": "assistant", "content": text}, "finish_reason": finish});
        let usage = json!({"input_tokens": 3, "output_tokens": 5});
        format!("data:{}\n\n", json!({"output": {"choices": [choice]}, "usage": usage, "request_id": "r"}))
    };
    steps.iter().map(|step| frame(step, "null")).chain([frame(last, "stop")]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_and_repetitions_fold_to_the_whole_answer(pieces in pieces()) {
        let text = pieces.concat();
        let choice = json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
        let whole = json!({"output": {"choices": [choice]}, "usage": {"input_tokens": 3, "output_tokens": 5},
            "request_id": "r"});
        let whole = dialect().decode(&reply(200, &whole.to_string())).expect("an answer");
        let told = replay::folded(&dialect(), stream(&pieces, "").as_bytes());
        prop_assert_eq!(told.as_ref(), Ok(&whole));
        let mut said = String::new();
        let repeats: Vec<String> = pieces.iter().map(|piece| { said += piece; said.clone() }).collect();
        let told = replay::folded(&dialect(), stream(&repeats, &text).as_bytes());
        prop_assert_eq!(told.as_ref(), Ok(&whole));
        prop_assert!(matches!(whole.choices[0].message.parts.as_slice(), [Part::Text(_)]));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), event in "error|result|") {
        let text = String::from_utf8_lossy(&body).into_owned();
        let _ = dialect().decode(&reply(200, &text));
        let _ = dialect().classify(&reply(400, &text));
        let _ = dialect().peek(&body);
        let mut out = Vec::new();
        let mut decoder = dialect().decoder();
        let _ = decoder.push(Frame { event: Some(event.as_str()), data: &text }, &mut out);
        let _ = decoder.finish(&mut out);
        let _ = dialect().tap(TapOptions::default()).frame(&body, &mut Seen::default());
    }

    #[test]
    fn no_shape_makes_it_panic(
        content in prop_oneof![Just(json!(null)), Just(json!(7)), Just(json!([1, {"text": 3}, {}])), Just(json!("a"))],
        calls in prop_oneof![Just(json!(null)), Just(json!([{}, {"index": -1, "function": 3}, {"id": 5}])), Just(json!(""))],
        finish in prop_oneof![Just(json!(null)), Just(json!("stop")), Just(json!({}))],
        usage in prop_oneof![Just(json!(null)), Just(json!([])), Just(json!({"input_tokens": {}}))],
    ) {
        let message = json!({"content": content, "tool_calls": calls, "reasoning_content": 1});
        let body = json!({"output": {"choices": [{"message": message, "finish_reason": finish}]}, "usage": usage});
        let whole = dialect().decode(&reply(200, &body.to_string())).expect("an answer, if a poor one");
        let stream = format!("data:{body}\n\n");
        if let Ok(told) = replay::folded(&dialect(), stream.as_bytes()) {
            prop_assert_eq!(told.choices.len(), whole.choices.len());
        }
    }
}
