//! Every fault that the mock can script, against a second deployment and against a fallback: the client gets a whole
//! answer, or an error of its own dialect, and never half an answer that looks whole.
//!
//! Once with the mock inside the gateway, where a fault is told as an error; once with the mock as a server, where the
//! bytes on the wire are wrong.

use end_to_end::client::Answer;
use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::said::Heard;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use futures_util::future::join_all;

/// What the echo says to "Hi".
const ECHO: &str = "This is the gateway's built-in mock; no model answered. You said: Hi";
/// Short waits, and long enough for many calls at once on a busy machine.
const HASTY: &str = "timeout: 3\nstream_timeout: 3";

/// What a client gets, where the group has a deployment of the next level or a fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A whole answer.
    Whole,
    /// Words, then an error.
    Midway,
}

use Outcome::{Midway, Whole};

/// Faults by their words, and what becomes of them whole and streamed.
const FAULTS: [(&str, Outcome, Outcome); 26] = [
    ("error-429", Whole, Whole),
    ("error-429-after-60s", Whole, Whole),
    ("error-429-after-none", Whole, Whole),
    ("error-quota", Whole, Whole),
    ("error-500-once", Whole, Whole),
    ("error-500", Whole, Whole),
    ("error-503", Whole, Whole),
    ("error-529", Whole, Whole),
    ("error-401", Whole, Whole),
    ("error-404", Whole, Whole),
    ("error-418", Whole, Whole),
    ("error-context", Whole, Whole),
    ("error-filter", Whole, Whole),
    ("reset", Whole, Whole),
    ("hang", Whole, Whole),
    ("start-60s", Whole, Whole),
    ("malformed", Whole, Whole),
    ("page", Whole, Whole),
    ("unended", Whole, Whole),
    ("mistyped", Whole, Whole),
    ("cut-3", Whole, Midway),
    ("cut-3-reset", Whole, Midway),
    ("cut-3-malformed", Whole, Midway),
    ("cut-3-error-529", Whole, Midway),
    ("stall-3", Whole, Midway),
    ("flap-0s-10s", Whole, Whole),
];

/// How a group is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rescue {
    Deployment,
    Fallback,
}

/// A client that asks for one of the faults. Each has a group of its own, because some faults come only once.
#[derive(Clone, Copy)]
struct Case {
    number: usize,
    fault: &'static str,
    expected: Outcome,
    client: Dialect,
    stream: bool,
}

impl Case {
    /// Each fault from every client, whole and streamed.
    fn all() -> Vec<Self> {
        let clients = || DIALECTS.into_iter().flat_map(|client| [(client, false), (client, true)]);
        let faults = FAULTS.into_iter().flat_map(|fault| clients().map(move |client| (fault, client)));
        let case = |(number, ((fault, whole, streamed), (client, stream)))| {
            let expected = if stream { streamed } else { whole };
            Self { number, fault, expected, client, stream }
        };
        faults.enumerate().map(case).collect()
    }

    fn group(&self) -> String {
        format!("public-{}", self.number)
    }

    /// The mock's name of the fault, another one for each case: calls are counted by name.
    fn model(&self) -> String {
        format!("{}-pace-{}ms", self.fault, self.number % 6)
    }
}

/// A gateway with a group for each case, in front of the mock at an address, or with its own mock.
fn gateway(cases: &[Case], rescue: Rescue, vendor: Option<(Dialect, &str)>) -> Stage {
    let mut deployments = Vec::new();
    for case in cases {
        let group = case.group();
        let spare = if rescue == Rescue::Deployment { group.as_str() } else { "spare" };
        for (name, model, order) in [(group.as_str(), case.model().as_str(), 0), (spare, "echo", 1)] {
            let order = format!("order: {order}");
            let deployment = match vendor {
                Some((dialect, url)) => Deployment::new(name, dialect, url).asking(model),
                None => Deployment::mock(name, model),
            };
            // A key that is refused is left alone wherever it is shown.
            deployments.push(deployment.key(&format!("key-of-{model}")).with(&order));
        }
    }
    let router = match rescue {
        Rescue::Deployment => format!("num_retries: 1\n{HASTY}"),
        Rescue::Fallback => format!("num_retries: 0\ndefault_fallbacks: [spare]\n{HASTY}"),
    };
    Stage::start(&configuration(&deployments, &router))
}

fn assert_outcome(client: Dialect, answer: &Answer, stream: bool, expected: Outcome, case: &str) -> Heard {
    assert_eq!(answer.status, 200, "{case}: {}", answer.text());
    let heard = client.hear(answer, stream);
    if expected == Whole {
        assert!(heard.complete && heard.text == ECHO, "{case}: {heard:?}");
    } else {
        assert_failed_midway(&heard, case);
    }
    heard
}

fn assert_failed_midway(heard: &Heard, case: &str) {
    assert!(!heard.complete && heard.error.is_some() && heard.finish.is_empty(), "{case}: {heard:?}");
    assert!(
        ECHO.starts_with(&heard.text) && !heard.text.is_empty(),
        "{case}: what was said stays: {heard:?}"
    );
}

/// Asks for every fault from every client.
async fn ask_all(rescue: Rescue, vendor: Option<(Dialect, &str)>) {
    let cases = Case::all();
    let stage = &gateway(&cases, rescue, vendor);
    let calls = cases.into_iter().map(async |case| {
        let Case { fault, client, stream, .. } = case;
        let answer = stage.post(client.path(), &client.ask(&case.group(), "Hi", stream)).await;
        let speaks = vendor.map(|(dialect, _)| dialect);
        let told = format!("{fault}, {rescue:?}, {client:?} to {speaks:?}, stream {stream}");
        let heard = assert_outcome(client, &answer, stream, case.expected, &told);
        // What passes as it is tells what the vendor told.
        let is_written_anew = speaks != Some(client);
        assert!(heard.error.is_none() || !is_written_anew || heard.tokens.is_some(), "{told}: {heard:?}");
    });
    join_all(calls).await;
}

/// Both ways of rescue, in front of a server of its own each.
async fn over_the_wire(vendor: Dialect) {
    let rescues = [(Rescue::Deployment, Stage::mock()), (Rescue::Fallback, Stage::mock())];
    let asked =
        rescues.iter().map(async |(rescue, server)| ask_all(*rescue, Some((vendor, &server.url()))).await);
    join_all(asked).await;
}

#[tokio::test]
async fn the_mock_inside_fails_as_its_names_say() {
    join_all([Rescue::Deployment, Rescue::Fallback].map(|rescue| ask_all(rescue, None))).await;
}

#[tokio::test]
async fn faults_on_the_wire_of_openais_chat() {
    over_the_wire(Dialect::Chat).await;
}

#[tokio::test]
async fn faults_on_the_wire_of_anthropics_messages() {
    over_the_wire(Dialect::Messages).await;
}

#[tokio::test]
async fn hints_of_a_limit_reach_the_client_when_nothing_helps() {
    for (fault, hint) in [("error-429-after-7s", Some("7")), ("error-429-after-none", None)] {
        let server = Stage::mock();
        let deployment = Deployment::new("public", Dialect::Chat, &server.url()).asking(fault);
        let stage = Stage::of(&[deployment]);
        for client in DIALECTS {
            let answer = stage.post(client.path(), &client.ask("public", "Hi", true)).await;
            assert_eq!((answer.status, answer.header("retry-after")), (429, hint), "{client:?}");
            client.error_message(&answer.json());
        }
    }
}

#[tokio::test]
async fn a_refused_prefill_is_the_clients_mistake() {
    let stage = Stage::start("model_list: [{model_name: public, litellm_params: {model: mock/prefill}}]");
    let mut body = Dialect::Messages.ask("public", "Say yes.", false);
    let answer = stage.post("/v1/messages", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let turn = serde_json::json!({"role": "assistant", "content": "Yes"});
    body["messages"].as_array_mut().expect("a list").push(turn);
    let answer = stage.post("/v1/messages", &body).await;
    assert_eq!(answer.status, 400);
    assert!(Dialect::Messages.error_message(&answer.json()).contains("user message"));
}
