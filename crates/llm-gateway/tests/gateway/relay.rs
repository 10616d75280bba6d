//! Requests that pass to a vendor as they are: which deployment they mean, what reaches it, and what is booked.

use std::collections::HashMap;
use std::future::{poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::dialect::{DialectId, Seen};
use llm_core::provider::{BoxFuture, Call, NativeStream, Provider, Reply};
use llm_core::relay::{RelayBase, RelayBody, RelayCall, RelayReply};
use llm_core::{Error, ErrorKind, Result, Secret, Usage};
use llm_gateway::{
    AccountSpec, Gateway, GatewayParts, RelayAnswer, RelayAnswerBody, RelayIncoming, RelayRoute, RelayTarget,
};
use llm_governance::{Governance, GovernanceParts};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};
use llm_testkit::fake::PlainIngress;
use parking_lot::Mutex;

/// A vendor that answers a status, and remembers what came.
struct Vendor {
    status: u16,
    seen: Mutex<Vec<(RelayBase, String, String)>>,
}

impl Provider for Vendor {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.vendor")
    }

    fn chat<'a>(&'a self, _call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(ready(Err(Error::internal("nobody asks"))))
    }

    fn relay(&self, call: RelayCall) -> BoxFuture<'_, Result<RelayReply>> {
        let body = match &call.body {
            RelayBody::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            RelayBody::Arriving { .. } => "arriving".to_owned(),
        };
        self.seen.lock().push((call.base, call.path, body));
        if self.status == 0 {
            return Box::pin(ready(Err(Error::new(ErrorKind::Connection, "nobody is there"))));
        }
        let usage = Usage { input: Some(1000), output: Some(200), ..Usage::default() };
        let pieces = vec![Bytes::from("vendor "), Bytes::from("words")];
        let body = Box::pin(Body { pieces, seen: Seen { usage, ..Seen::default() } });
        let (status, headers) = (self.status, HeaderMap::new());
        let is_document = status < 400;
        Box::pin(ready(Ok(RelayReply { status, headers, body, is_document })))
    }
}

struct Body {
    pieces: Vec<Bytes>,
    seen: Seen,
}

impl NativeStream for Body {
    fn poll_bytes(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = (!self.pieces.is_empty()).then(|| self.pieces.remove(0));
        Poll::Ready(next.map(Ok))
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }
}

struct Setup {
    gateway: Gateway,
    vendors: [Arc<Vendor>; 2],
}

fn deployment(id: &str, provider: &Arc<Vendor>) -> Arc<Deployment> {
    Arc::new(Deployment::new(DeploymentSpec {
        full_name: format!("{id}/gpt-4o-mini"),
        vendor: id.to_owned(),
        api_base: "http://vendor.test".to_owned(),
        ..DeploymentSpec::new(id, format!("public-{id}"), "gpt-4o-mini", Arc::clone(provider) as _)
    }))
}

fn setup(status: u16) -> Setup {
    let vendor = || Arc::new(Vendor { status, seen: Mutex::default() });
    let vendors = [vendor(), vendor()];
    let deployments = [deployment("one", &vendors[0]), deployment("two", &vendors[1])];
    let target = |at: usize, name: &str| RelayTarget {
        names: vec![name.to_owned(), format!("{name}_alias")],
        deployment: Arc::clone(&deployments[at]),
    };
    let route = |prefix, becomes, base, targets| RelayRoute {
        prefix,
        becomes,
        base,
        targets,
        remedy: "set a key".to_owned(),
        endpoint: None,
    };
    let relays = vec![
        route("/one", "", RelayBase::Root, vec![target(0, "one")]),
        route("/v1/files", "/files", RelayBase::Api, vec![target(0, "one"), target(1, "two")]),
        route("/none", "", RelayBase::Root, Vec::new()),
    ];
    let account = AccountSpec { price_provider: "openai".to_owned(), ..AccountSpec::default() };
    let accounts = HashMap::from([("one".to_owned(), account.clone()), ("two".to_owned(), account)]);
    let gateway = Gateway::new(GatewayParts {
        governance: Arc::new(Governance::new(GovernanceParts {
            master_key: Some(Secret::new("sk-1234".to_owned())),
            ..GovernanceParts::default()
        })),
        accounts,
        relays,
        ..GatewayParts::new(
            Router::new(deployments.clone(), HashMap::new(), RouterSettings::default()),
            vec![Arc::new(PlainIngress)],
        )
    });
    Setup { gateway, vendors }
}

fn incoming(
    method: Method,
    path: &str,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> RelayIncoming {
    let headers = headers
        .iter()
        .chain(&[("authorization", "Bearer sk-1234")])
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    RelayIncoming {
        method,
        path: path.to_owned(),
        headers: headers.collect(),
        body: RelayBody::Whole(Bytes::copy_from_slice(body.as_bytes())),
        received: Instant::now(),
        call_id: Some("call-7".into()),
        address: None,
    }
}

async fn read(answer: RelayAnswer) -> (u16, String) {
    let mut stream = match answer.body {
        RelayAnswerBody::Whole(bytes) => {
            return (answer.status, String::from_utf8_lossy(&bytes).into_owned());
        }
        RelayAnswerBody::Stream(stream) => stream,
    };
    let mut text = String::new();
    while let Some(chunk) = poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await {
        text.push_str(&String::from_utf8_lossy(&chunk.expect("whole")));
    }
    (answer.status, text)
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json; charset=utf-8")];

#[tokio::test]
async fn a_request_reaches_the_vendor_as_it_is_and_is_priced_by_the_model_that_it_names() {
    let Setup { gateway, vendors } = setup(200);
    let body = r#"{"model":"gpt-4o-mini", "timeout": 3}"#;
    let answer = gateway.relay(incoming(Method::POST, "/one/v1/x?a=b", JSON, body)).await;
    assert_eq!(answer.headers["x-litellm-call-id"], "call-7");
    assert_eq!(answer.headers["x-litellm-model-id"], "one");
    assert_eq!(answer.headers["x-litellm-response-cost"], "0.00027", "it was waited for");
    assert_eq!(read(answer).await, (200, "vendor words".to_owned()));
    let seen = vendors[0].seen.lock().clone();
    assert_eq!(seen, [(RelayBase::Root, "/v1/x?a=b".to_owned(), body.to_owned())], "no byte is changed");
    let metrics = gateway.render_metrics();
    let spend = metrics.lines().find(|line| line.starts_with("litellm_spend_metric_total{")).expect("priced");
    // 1000 tokens at 0.15 dollars a million, and 200 at 0.60.
    assert!(spend.ends_with(" 0.00027"), "{spend}");
    assert!(
        metrics.lines().any(|line| line.contains("route=\"/one\"") && line.contains("status_code=\"200\""))
    );
}

#[tokio::test]
async fn shared_paths_go_to_the_deployment_that_a_hint_means() {
    for (path, headers, body, second) in [
        ("/v1/files", &[][..], "", false),
        ("/v1/files/f1/content?provider=two_alias&limit=1", &[], "", true),
        ("/v1/files?custom_llm_provider=two", &[], "", true),
        ("/v1/files", &[("custom-llm-provider", "two")], "", true),
        ("/v1/files?model=public-two", &[], "", true),
        ("/v1/files", &[("x-litellm-model", "public-one")], "", false),
        ("/v1/files", JSON, r#"{"custom_llm_provider":"two","a":1}"#, true),
    ] {
        let Setup { gateway, vendors } = setup(200);
        read(gateway.relay(incoming(Method::POST, path, headers, body)).await).await;
        let (asked, other) = if second { (&vendors[1], &vendors[0]) } else { (&vendors[0], &vendors[1]) };
        let (base, at_vendor, sent) = asked.seen.lock().first().cloned().expect(path);
        assert_eq!((base, other.seen.lock().len()), (RelayBase::Api, 0), "{path}");
        let hints = ["provider", "two", "model"];
        assert!(
            at_vendor.starts_with("/files") && !hints.iter().any(|hint| at_vendor.contains(hint)),
            "{at_vendor}"
        );
        assert!(!sent.contains("custom_llm_provider"), "{sent}");
    }
}

#[tokio::test]
async fn what_no_deployment_takes_is_refused_and_nobody_is_asked() {
    let Setup { gateway, vendors } = setup(200);
    for (path, status, word) in [
        ("/v1/files?custom_llm_provider=http://evil.example", 400, "custom_llm_provider"),
        ("/v1/files?model=unknown", 400, "unknown"),
        ("/none/v1/x", 404, "set a key"),
        ("/one/../x", 400, "segments"),
        ("/one/%2E%2e/x", 400, "segments"),
    ] {
        let (got, text) = read(gateway.relay(incoming(Method::GET, path, &[], "")).await).await;
        assert_eq!(got, status, "{path}: {text}");
        assert!(text.contains(word) || word == "custom_llm_provider", "{path}: {text}");
    }
    let mut stranger = incoming(Method::GET, "/one/x", &[], "");
    stranger.headers = HeaderMap::new();
    assert_eq!(read(gateway.relay(stranger).await).await.0, 401);
    assert!(vendors.iter().all(|vendor| vendor.seen.lock().is_empty()));
    for (path, relays) in
        [("/one", true), ("/one/x", true), ("/onex", false), ("/v1/files", true), ("/v1", false)]
    {
        assert_eq!(gateway.relays(path), relays, "{path}");
    }
}

#[tokio::test]
async fn the_vendors_own_errors_pass_and_a_dead_vendor_is_told_of() {
    for status in [400, 404, 429, 500] {
        let Setup { gateway, .. } = setup(status);
        let answer = gateway.relay(incoming(Method::GET, "/one/x", &[], "")).await;
        assert_eq!(read(answer).await, (status, "vendor words".to_owned()));
        let label = format!("status_code=\"{status}\"");
        assert!(gateway.render_metrics().lines().any(|line| line.contains(&label)), "{status}");
    }
    let Setup { gateway, .. } = setup(0);
    let (status, text) = read(gateway.relay(incoming(Method::GET, "/one/x", &[], "")).await).await;
    assert_eq!((status, text.as_str()), (502, "error: nobody is there"));
}
