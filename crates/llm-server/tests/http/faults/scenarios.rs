//! Every fault, from clients of two dialects to vendors of two dialects, whole and streamed, with each way to deal with
//! a stream that breaks.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::clients::{DIALECTS, Dialect, Heard};
use super::processes::{Deployment, Metrics, Process};
use crate::client::Answer;

/// What the vendor's models say to "Hi".
pub(super) const ECHO: &str = "This is the gateway's built-in mock; no model answered. You said: Hi";

/// What becomes of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing came: somebody else answers.
    Early,
    /// The request is refused, with this status: only a fallback helps.
    Refusal,
    /// A stream breaks after words; a whole answer fails early.
    Late,
    /// None at all.
    Harmless,
}

/// Faults by the vendor's word for them.
const FAULTS: [(&str, Fault); 17] = [
    ("error-429", Fault::Early),
    ("error-429-after-60s", Fault::Early),
    ("error-429-after-none", Fault::Early),
    ("error-500-once", Fault::Early),
    ("error-503", Fault::Early),
    ("reset", Fault::Early),
    ("hang", Fault::Early),
    ("start-60s", Fault::Early),
    ("malformed", Fault::Early),
    ("page", Fault::Early),
    ("unended", Fault::Harmless),
    ("error-context", Fault::Refusal),
    ("error-filter", Fault::Refusal),
    ("cut-3", Fault::Late),
    ("cut-3-reset", Fault::Late),
    ("cut-3-malformed", Fault::Late),
    ("stall-3", Fault::Late),
];

/// How a stream is to be gone on with; `None`: the answer is whole.
const MODES: [Option<&str>; 4] = [None, Some("error"), Some("restart"), Some("continue")];

/// Who stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rescue {
    /// Another deployment of the group.
    Deployment,
    /// Another group.
    Fallback,
}

/// One request, with deployments of its own.
#[derive(Clone, Debug)]
struct Case {
    word: &'static str,
    fault: Fault,
    client: Dialect,
    vendor: Dialect,
    mode: Option<&'static str>,
    rescue: Rescue,
    /// What its groups and deployments are called by.
    number: usize,
}

/// What the client is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The primary's whole answer.
    Untouched,
    /// A whole answer of the other one.
    Saved,
    /// A whole answer of both.
    GoneOn,
    /// Words, then an error.
    Midway,
    /// An error.
    Refused,
}

impl Case {
    fn all(rescue: Rescue) -> Vec<Self> {
        let mut cases = Vec::new();
        for (word, fault) in FAULTS {
            for (client, vendor) in DIALECTS.into_iter().flat_map(|one| DIALECTS.map(|other| (one, other))) {
                for mode in MODES {
                    let number = cases.len();
                    cases.push(Self { word, fault, client, vendor, mode, rescue, number });
                }
            }
        }
        cases
    }

    fn outcome(&self) -> Outcome {
        match (self.fault, self.mode, self.rescue) {
            (Fault::Harmless, ..) => Outcome::Untouched,
            (Fault::Refusal, _, Rescue::Deployment) => Outcome::Refused,
            (Fault::Late, Some("error"), _) => Outcome::Midway,
            (Fault::Late, Some("continue"), _) => Outcome::GoneOn,
            _ => Outcome::Saved,
        }
    }

    fn group(&self) -> String {
        format!("group-{}", self.number)
    }

    /// The ids of its primary and of the one that stands in.
    fn ids(&self) -> [String; 2] {
        ["primary", "other"].map(|name| format!("{name}-{}", self.number))
    }

    fn lines(&self, at: &Process) -> String {
        let (group, [primary, other]) = (self.group(), self.ids());
        // Calls are counted by name at the vendor: one that goes wrong once needs a name of its own.
        let model = if self.word.ends_with("once") {
            format!("{}-start-{}ms", self.word, self.number)
        } else {
            self.word.to_owned()
        };
        let spare =
            if self.rescue == Rescue::Fallback { format!("spare-{}", self.number) } else { group.clone() };
        let line = |group: &str, id: &str, model: &str, more: &str| {
            Deployment { group, id, vendor: self.vendor.vendor(), model, at: at.address, more }.line()
        };
        line(&group, &primary, &model, "weight: 1") + &line(&spare, &other, "echo", "weight: 0")
    }

    async fn ask(&self, gateway: &Process) -> (Answer, Heard) {
        let fields = self.mode.map_or_else(|| json!({}), |mode| json!({"mid_stream": mode}));
        let answer = gateway.call(self.client.ask(&self.group(), self.mode.is_some(), &fields)).await;
        let heard = self.client.hear(&answer, self.mode.is_some());
        (answer, heard)
    }

    /// What the client sees.
    fn check(&self, answer: &Answer, heard: &Heard) {
        let outcome = self.outcome();
        let told = format!("{self:?}: {outcome:?} {} {heard:?}", answer.head);
        let status = if outcome == Outcome::Refused { 400 } else { 200 };
        assert_eq!(answer.status, status, "{told}");
        match outcome {
            Outcome::Refused => return assert!(heard.error.is_some(), "{told}"),
            Outcome::Midway => {
                assert!(!heard.complete && heard.finish.is_none() && heard.error.is_some(), "{told}");
                assert!(!heard.text.is_empty() && ECHO.starts_with(&heard.text), "{told}");
            }
            _ => assert!(heard.complete && heard.error.is_none() && heard.text == ECHO, "{told}"),
        }
        let saved = outcome == Outcome::Saved;
        let (retries, fallbacks) = match self.rescue {
            _ if !saved => ("0", "0"),
            Rescue::Deployment => ("1", "0"),
            Rescue::Fallback => ("0", "1"),
        };
        let [primary, other] = self.ids();
        let id = if saved { other } else { primary };
        assert_eq!(answer.header("x-litellm-attempted-retries"), Some(retries), "{told}");
        assert_eq!(answer.header("x-litellm-attempted-fallbacks"), Some(fallbacks), "{told}");
        assert_eq!(answer.header("x-litellm-model-id"), Some(id.as_str()), "{told}");
        // What passes as it is ends as it is; what is written anew tells what was used, also before an error.
        let passes = outcome == Outcome::Midway && self.client == self.vendor;
        assert!(passes || heard.usage.is_some_and(|(prompt, said)| prompt > 0 && said > 0), "{told}");
    }

    /// What the gateway's books say.
    fn check_books(&self, heard: &Heard, statuses: &HashMap<String, Value>, metrics: &Metrics) {
        let outcome = self.outcome();
        let [primary, other] = self.ids();
        let tokens = |id: &str| statuses[id]["total_tokens"].as_u64().expect("a number");
        let told = format!("{self:?}: {outcome:?} {heard:?} {} {}", statuses[&primary], statuses[&other]);
        assert_eq!(statuses[&primary]["attempts"], 1, "{told}");
        let failed = f64::from(u8::from(outcome != Outcome::Untouched));
        assert_eq!(metrics.failures(&primary, ""), failed, "{told}");
        assert_eq!(metrics.failures(&other, ""), 0.0, "{told}");
        let answered = u64::from(matches!(outcome, Outcome::Saved | Outcome::GoneOn));
        assert_eq!(statuses[&other]["attempts"], answered, "{told}");
        // Failed attempts cost nothing; the part of an answer that the client has does.
        let used = [&primary, &other].map(|id| tokens(id) > 0);
        let spent = [&primary, &other].map(|id| metrics.spent(id) > 0.0);
        let expected = [matches!(outcome, Outcome::Untouched | Outcome::GoneOn), answered == 1];
        assert_eq!((used, spent), (expected, expected), "{told}");
        if let (Outcome::GoneOn, Some((prompt, said))) = (outcome, heard.usage) {
            assert_eq!(prompt + said, tokens(&primary) + tokens(&other), "{told}");
        }
    }
}

/// A gateway for these cases.
fn gateway(cases: &[Case], vendor: &Process, rescue: Rescue) -> Process {
    let lines: String = cases.iter().map(|case| case.lines(vendor)).collect();
    let fallbacks: Vec<String> =
        cases.iter().map(|case| format!("{{{}: [spare-{}]}}", case.group(), case.number)).collect();
    let router = match rescue {
        Rescue::Deployment => "num_retries: 1".to_owned(),
        Rescue::Fallback => format!("num_retries: 0, fallbacks: [{}]", fallbacks.join(", ")),
    };
    Process::gateway(&format!(
        "model_list:\n{lines}router_settings: {{{router}, timeout: 4, idle_timeout: 2, retry_budget: {{per_second: 1000}}}}\n"
    ))
}

async fn ask_all(rescue: Rescue) {
    let (vendor, cases) = (Process::vendor(), Case::all(rescue));
    let gateway = gateway(&cases, &vendor, rescue);
    let asked = join_all(cases.iter().map(|case| case.ask(&gateway))).await;
    for (case, (answer, heard)) in cases.iter().zip(&asked) {
        case.check(answer, heard);
    }
    let statuses = gateway.statuses().await.into_iter();
    let statuses = statuses.map(|one| (one["model_id"].as_str().expect("a text").to_owned(), one)).collect();
    let metrics = gateway.metrics().await;
    for (case, (_, heard)) in cases.iter().zip(&asked) {
        case.check_books(heard, &statuses, &metrics);
    }
}

#[tokio::test]
async fn another_deployment_saves_what_can_be_saved() {
    ask_all(Rescue::Deployment).await;
}

#[tokio::test]
async fn a_fallback_saves_what_can_be_saved() {
    ask_all(Rescue::Fallback).await;
}
