//! The way of a call as its row has it: what happened before an answer came.

use std::borrow::Cow;
use std::time::Duration;

use llm_core::Error;
use llm_router::{Attempt, Step, Trail, Waited};
use serde_json::{Value, json};

use super::log::reason;

/// So many steps are kept, so that no call makes a row long.
const MOST: usize = 32;

/// So many letters of what a vendor said.
const LONGEST: usize = 240;

/// The way of one call. It takes no memory where the first deployment answers.
#[derive(Default)]
pub(super) struct Way {
    steps: Vec<Value>,
    /// The group that was gone to first, where nobody answered.
    group: Option<Box<str>>,
}

impl Way {
    /// What happened in a run of the router, and how its attempts ended, which stand in the same order.
    pub(super) fn add(&mut self, trail: &Trail, attempts: &[Attempt]) {
        let mut errors = attempts.iter().filter_map(|attempt| attempt.error.as_ref());
        for step in trail.steps() {
            let shown = match step {
                Step::Failed { deployment, took, .. } => {
                    errors.next().map(|error| failed(deployment, error, *took))
                }
                step => plain(step),
            };
            self.push(shown);
        }
    }

    /// An answer broke off, and another deployment may go on.
    pub(super) fn broke_off(&mut self, deployment: &str, error: &Error, took: Duration) {
        let mut step = failed(deployment, error, took);
        step["step"] = "broke_off".into();
        self.push(Some(step));
    }

    fn push(&mut self, step: Option<Value>) {
        if self.steps.len() < MOST {
            self.steps.extend(step);
        }
    }

    /// Notes the group that was gone to, of a call that nobody answered.
    pub(super) fn meant(&mut self, group: &str) {
        self.group = Some(group.into());
    }

    /// The group that a call meant which nobody answered; `None` where none is served under its model's name.
    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// The steps as a list of JSON, with who gave the answer as the last one; nothing where there is nothing to tell.
    pub(super) fn json(&self, answered: Option<(&str, Duration)>) -> Cow<'_, str> {
        if self.steps.is_empty() {
            return Cow::Borrowed("");
        }
        let last = answered.map(|(deployment, took)| {
            json!({"step": "answered", "deployment": deployment, "took_ms": milliseconds(took)})
        });
        let steps: Vec<&Value> = self.steps.iter().chain(&last).collect();
        Cow::Owned(serde_json::to_string(&steps).unwrap_or_default())
    }
}

fn failed(deployment: &str, error: &Error, took: Duration) -> Value {
    json!({
        "step": "failed",
        "deployment": deployment,
        "error": error.kind().name(),
        "status": error.status(),
        // What may quote the prompt is not kept.
        "reason": reason(error).map(|reason| reason.chars().take(LONGEST).collect::<String>()),
        "took_ms": milliseconds(took),
    })
}

/// A step without an error; who answered is said when the call has ended.
fn plain(step: &Step) -> Option<Value> {
    Some(match step {
        Step::Group { after: None, .. } | Step::Answered { .. } | Step::Failed { .. } => return None,
        Step::Group { name, after: Some(after), .. } => {
            json!({"step": "fallback", "model": name, "error": after.name()})
        }
        Step::Refused { deployment, rule } => {
            json!({"step": "passed_over", "deployment": deployment, "why": rule.to_string()})
        }
        Step::Outrun { deployment, took } => {
            json!({"step": "outrun", "deployment": deployment, "took_ms": milliseconds(*took)})
        }
        Step::Skipped { name, why } => json!({"step": "left_out", "model": name, "why": why.to_string()}),
        Step::Waited { what, took } => {
            let what = if *what == Waited::Room { "room" } else { "retry" };
            json!({"step": "waited", "for": what, "took_ms": milliseconds(*took)})
        }
        Step::Stopped(why) => json!({"step": "stopped", "why": why.to_string()}),
    })
}

/// With a digit behind the point.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use llm_core::ErrorKind;

    use super::*;

    #[test]
    fn a_straight_way_says_nothing_and_a_long_one_is_bounded() {
        let mut way = Way::default();
        way.add(&Trail::default(), &[]);
        assert_eq!(way.json(Some(("a1", Duration::ZERO))), "");
        let error = Error::new(ErrorKind::Overloaded, "x".repeat(1_000));
        (0..100).for_each(|_| way.broke_off("a1", &error, Duration::from_micros(1_234)));
        let steps: Vec<Value> = serde_json::from_str(&way.json(None)).expect("JSON");
        assert_eq!(steps.len(), MOST);
        assert_eq!(steps[0]["took_ms"], 1.2);
        assert_eq!(steps[0]["reason"].as_str().map(str::len), Some(LONGEST));
    }

    #[test]
    fn what_may_quote_the_prompt_is_not_kept() {
        let step = failed("a1", &Error::new(ErrorKind::ContentFilter, "you said: secret"), Duration::ZERO);
        assert_eq!(step["reason"], Value::Null);
        assert_eq!(step["error"], "content_filter");
    }
}
