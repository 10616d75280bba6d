//! How well the judges do on the labelled texts: the bars that must hold, and the table for `docs/guardrails.md`.

use serde_json::Value;

use crate::corpus::{personal, score, secrets, total};
use crate::support::judge;

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
