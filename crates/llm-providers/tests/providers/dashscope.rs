//! DashScope's own API through a provider: clients of every dialect understand it, and addresses lead to it.

use llm_core::DialectId;
use llm_core::event::Fold;
use llm_core::{ChatResponse, Dialect, ErrorKind, Secret};
use llm_providers::{DeploymentSpec, Providers};
use llm_providers_dashscope::{Generation, GenerationQuirks};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use llm_testkit::{Recording, recordings, replay};
use llm_transport::{Options, Proxy};
use serde_json::json;

use crate::client::{ask, understood};
use crate::samples;

fn spec(vendor: &ScriptedVendor) -> DeploymentSpec {
    DeploymentSpec {
        vendor: "dashscope_native".to_owned(),
        api_base: Some(format!("{}/api/v1", vendor.url().trim_end_matches("/v1"))),
        api_key: Some(Secret::new("sk-vendor".to_owned())),
        transport: Options { proxy: Proxy::None, ..Options::default() },
        ..DeploymentSpec::default()
    }
}

fn whole(recording: &Recording) -> ChatResponse {
    let dialect = Generation::new(GenerationQuirks::default());
    let read = if recording.is_sse() {
        replay::folded(&dialect, &recording.reply.body)
    } else {
        dialect.decode(&recording.reply)
    };
    read.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case))
}

#[tokio::test]
async fn recorded_answers_say_the_same_to_clients_of_every_dialect() {
    for recording in recordings("dashscope-native").into_iter().filter(Recording::is_success) {
        let expected = whole(&recording);
        for client in samples::all() {
            let case = format!("{} to {}", recording.case, client.name);
            let body = recording.reply.body.clone();
            let answer = if recording.is_sse() {
                Answer::events().chunks_of(&body, 53)
            } else {
                Answer::json(200, body)
            };
            let server = ScriptedVendor::start([answer]).await;
            let provider = Providers::default().build(&spec(&server)).expect("sound");
            let got = ask(&*provider, &client, recording.is_sse()).await.expect(&case);
            assert_eq!((&got.error, got.native), (&None, false), "{case}");
            let told = understood(&client, &got, recording.is_sse()).expect(&case);
            assert_eq!(told.model, "public", "{case}");
            let words = |response: &ChatResponse| response.choices[0].message.joined_text();
            assert_eq!(words(&told), words(&expected), "{case}");
            let calls = |response: &ChatResponse| -> Vec<(String, String)> {
                let calls = response.choices[0].message.tool_calls();
                calls.map(|call| (call.name.clone(), call.id.clone())).collect()
            };
            assert_eq!(calls(&told), calls(&expected), "{case}");
            let request = server.requests().into_iter().next().expect("one");
            assert!(
                request.target.starts_with("/api/v1/services/aigc/text-generation/"),
                "{}",
                request.target
            );
            assert_eq!(request.header("authorization"), Some("Bearer sk-vendor"));
            let asked = recording.is_sse().then_some("enable");
            assert_eq!(request.header("x-dashscope-sse"), asked);
            assert_eq!(request.json()["parameters"]["result_format"], json!("message"));
        }
    }
}

#[tokio::test]
async fn a_stream_that_fails_in_the_middle_says_why() {
    let frame = |event: &str, data: &str| format!("id:1\nevent:{event}\n:HTTP_STATUS/200\ndata:{data}\n\n");
    let begun = frame(
        "result",
        r#"{"output":{"choices":[{"message":{"content":"Hel"},"finish_reason":"null"}]},"request_id":"r"}"#,
    );
    let failed = frame("error", r#"{"code":"DataInspectionFailed","message":"Output data may contain ..."}"#);
    let server = ScriptedVendor::start([Answer::events().chunk(begun).chunk(failed)]).await;
    let provider = Providers::default().build(&spec(&server)).expect("sound");
    let inbound = crate::client::inbound(
        &samples::chat().ingress,
        &(samples::chat().request)(true),
        http::HeaderMap::new(),
    );
    let reply = provider.chat(crate::client::call(&inbound, true)).await.expect("it begins");
    let llm_core::provider::ReplyBody::Events(mut events) = reply.body else { panic!("events") };
    let (mut fold, mut failure) = (Fold::default(), None);
    while let Some(batch) = futures_util::StreamExt::next(&mut events).await {
        match batch {
            Ok(batch) => batch.into_iter().for_each(|event| fold.push(event)),
            Err(error) => failure = Some(error),
        }
    }
    let error = failure.or_else(|| fold.finish().err()).expect("an error");
    assert_eq!((error.kind(), error.code()), (ErrorKind::ContentFilter, Some("DataInspectionFailed")));
}

#[test]
fn the_address_may_be_written_for_either_api() {
    let providers = Providers::default();
    let url = |written: Option<&str>, vendor: &str| {
        let spec = DeploymentSpec {
            vendor: vendor.to_owned(),
            api_base: written.map(str::to_owned),
            ..DeploymentSpec::default()
        };
        providers.base_url(&spec).expect("sound").expect("an address").url
    };
    let own = "https://dashscope.aliyuncs.com/api/v1";
    for written in [
        "https://dashscope.aliyuncs.com",
        "https://dashscope.aliyuncs.com/api/",
        "https://dashscope.aliyuncs.com/api/v1",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
        "dashscope.aliyuncs.com/api/v1/services/aigc/multimodal-generation/generation/",
    ] {
        assert_eq!(url(Some(written), "dashscope_native"), own, "{written}");
    }
    assert_eq!(url(None, "dashscope_native"), "https://dashscope-intl.aliyuncs.com/api/v1");
    let space = "https://w.ap-southeast-1.maas.aliyuncs.com/api/v1";
    assert_eq!(url(Some(space), "dashscope_native"), space);
    let compatible = "https://dashscope.aliyuncs.com/compatible-mode/v1";
    assert_eq!(url(Some(own), "dashscope"), compatible, "configurations for LiteLLM stay as they are");
    let provider = providers.build(&DeploymentSpec {
        vendor: "dashscope_native".to_owned(),
        api_key: Some(Secret::new("sk-1".to_owned())),
        ..DeploymentSpec::default()
    });
    assert_eq!(provider.expect("sound").dialect(), DialectId::new("dashscope.generation"));
}
