//! How well the judges do on the labelled texts: the bars that must hold, and the table for `docs/guardrails.md`.

use llm_core::guard::Scanner;
use serde_json::{Value, json};

use crate::corpus::{Score, lines, personal, score, secrets, total};
use crate::support::{judge, scan};

#[test]
fn secrets_are_found_and_little_else() {
    let scores = score(&*judge("secrets", &Value::Null), &secrets());
    let total = total(&scores);
    println!("secrets: {total:?} recall {:.3} precision {:.3}", total.recall(), total.precision());
    assert!(total.recall() >= 0.98 && total.precision() >= 0.98, "{total:?}");
}

#[test]
fn personal_data_is_found_and_little_else() {
    let scores = score(&*judge("pii", &Value::Null), &personal());
    for (row, score) in &scores {
        println!("{row}: {score:?} recall {:.3} precision {:.3}", score.recall(), score.precision());
    }
    let total = total(&scores);
    println!("pii: {total:?} recall {:.3} precision {:.3}", total.recall(), total.precision());
    assert!(total.recall() >= 0.95 && total.precision() >= 0.95, "{total:?}");
}

/// The texts of the corpus with whether they are attempts, judged as a whole.
fn injections(judge: &dyn Scanner) -> Score {
    let mut total = Score::default();
    for line in lines("injection/texts.jsonl") {
        let case: Value = serde_json::from_str(&line).expect("a line of JSON");
        let (text, is_attack) = (case["text"].as_str().expect("a text"), case["label"] == "attack");
        match (is_attack, !scan(judge, text).is_empty()) {
            (true, true) => total.found += 1,
            (true, false) => {
                println!("missed injection: {text}");
                total.missed += 1;
            }
            (false, true) => {
                println!("wrong injection: {text}");
                total.wrong += 1;
            }
            (false, false) => {}
        }
    }
    total
}

/// No bar that flatters: these are heuristics, and a model that is asked finds more. The figures must not get worse.
#[test]
fn injections_are_found_as_well_as_published() {
    for threshold in [0.5, 0.7, 0.85] {
        let total = injections(&*judge("prompt_injection", &json!({ "threshold": threshold })));
        println!(
            "injection {threshold}: {total:?} recall {:.3} precision {:.3}",
            total.recall(),
            total.precision()
        );
    }
    let usual = injections(&*judge("prompt_injection", &Value::Null));
    assert!(usual.recall() >= 0.85 && usual.precision() >= 0.9, "{usual:?}");
}
