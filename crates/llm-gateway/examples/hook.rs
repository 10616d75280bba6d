//! A hook in Rust: it gives each request a rule, keeps a word out of streams, and counts failures.
//! `cargo run --package llm-gateway --example hook`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::StreamExt as _;
use http::{HeaderMap, Uri};
use llm_core::{BoxFuture, Delta, Error, Event, Message, Operation, Result, Role};
use llm_gateway::{
    AccountSpec, Answer, AnswerBody, Gateway, GatewayParts, Hook, HookedCall, HookedRequest, Incoming, Wants,
};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::{FakeProvider, PlainIngress, Script};

/// The rule, and what became of calls.
#[derive(Default)]
struct House {
    failures: AtomicUsize,
}

impl Hook for House {
    fn name(&self) -> &str {
        "house"
    }

    fn wants(&self) -> Wants {
        Wants { requests: true, events: true, failures: true, ..Wants::default() }
    }

    fn before<'a>(
        &'a self,
        call: &'a HookedCall,
        request: &'a mut HookedRequest,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if call.tags.iter().any(|tag| tag == "closed") {
                return Err(Error::invalid("the house is closed to this tag"));
            }
            request
                .edit(|chat| chat.messages.insert(0, Message::text(Role::System, "You work for the house.")))
        })
    }

    fn on_event(&self, _call: &HookedCall, event: &mut Event) -> Result<()> {
        if let Event::Delta { delta: Delta::Text(text), .. } = event {
            *text = text.replace("damn", "dear");
        }
        Ok(())
    }

    fn failed(&self, _call: &HookedCall, _error: &Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// A gateway with the hook, in front of a vendor that only this example has.
fn gateway(vendor: &Arc<FakeProvider>, house: &Arc<House>) -> Gateway {
    let spec = DeploymentSpec::new("one", "m", "model", Arc::clone(vendor) as _);
    let deployment = Arc::new(Deployment::new(DeploymentSpec { num_retries: Some(0), ..spec }));
    let router = Router::new([deployment], HashMap::new(), RouterSettings::default());
    Gateway::new(GatewayParts {
        hooks: vec![Arc::clone(house) as _],
        accounts: HashMap::from([("one".to_owned(), AccountSpec::default())]),
        ..GatewayParts::new(router, vec![Arc::new(PlainIngress)])
    })
}

async fn ask(gateway: &Gateway, body: &'static str) -> String {
    let incoming = Incoming {
        ingress: Arc::new(PlainIngress),
        asked: Operation::Chat.into(),
        headers: HeaderMap::new(),
        body: body.into(),
        received: Instant::now(),
        call_id: None,
        uri: Uri::default(),
        address: None,
    };
    let Answer { body, .. } = gateway.handle(incoming).await;
    let bytes = match body {
        AnswerBody::Whole(body) => body.joined().to_vec(),
        AnswerBody::Stream(stream) => {
            stream.filter_map(async |item| item.ok()).collect::<Vec<_>>().await.concat()
        }
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the vendor was asked, what the client was told, and how many calls failed.
pub(crate) async fn run() -> (String, String, usize) {
    let failure = Error::bad_answer("the vendor is not well");
    let vendor = FakeProvider::new([Script::Answer("damn it"), Script::Fail(failure)]);
    let house = Arc::<House>::default();
    let gateway = gateway(&vendor, &house);
    let told = ask(&gateway, r#"{"model":"m","text":"hello","stream":true}"#).await;
    ask(&gateway, r#"{"model":"m","text":"hello again"}"#).await;
    let asked: Vec<String> =
        vendor.requests().iter().flat_map(|one| &one.messages).map(Message::joined_text).collect();
    (asked.join(", "), told, house.failures.load(Ordering::Relaxed))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (asked, told, failures) = run().await;
    // What an example has to say, it says.
    #[expect(clippy::print_stdout, reason = "it is what the example is for")]
    {
        println!("asked: {asked}\ntold: {told}\nfailures: {failures}");
    }
}
