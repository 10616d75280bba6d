//! A vendor of the program's own: a model that runs in this process answers through the gateway, beside all others.
//! `cargo run --package llm-client --example own_provider`.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;
use llm_client::{Chat, Client, Gateway, GatewayParts};
use llm_core::provider::{BoxFuture, Call, Provider, Reply, ReplyBody};
use llm_core::response::{ChatResponse, Choice, FinishReason};
use llm_core::{DialectId, Message, Result, Role, Usage};
use llm_router::{Deployment, DeploymentSpec, Router, RouterSettings};

/// Says everything again, louder.
struct Loud;

impl Provider for Loud {
    fn dialect(&self) -> DialectId {
        DialectId::new("example.loud")
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let request = call.inbound.decoded()?;
            let said = request.messages.last().map(Message::joined_text).unwrap_or_default();
            let message = Message::text(Role::Assistant, said.to_uppercase());
            let choice = Choice { index: 0, message, finish: Some(FinishReason::Stop), logprobs: None };
            let response = ChatResponse {
                id: "loud-1".to_owned(),
                model: call.model.to_owned(),
                created: None,
                choices: vec![choice],
                usage: Usage::default(),
                system_fingerprint: None,
                service_tier: None,
                extras: None,
            };
            let body = ReplyBody::Decoded(Box::new(response));
            Ok(Reply { headers: HeaderMap::new(), losses: Vec::new(), body })
        })
    }
}

pub(crate) async fn run() -> String {
    let deployment = Deployment::new(DeploymentSpec::new("one", "loud", "loud-model", Arc::new(Loud)));
    let router = Router::new([Arc::new(deployment)], HashMap::new(), RouterSettings::default());
    let mut parts = GatewayParts::new(router, llm_providers::ingresses());
    parts.accounts.insert("one".to_owned(), llm_gateway::AccountSpec::default());
    let client = Client::over(Arc::new(Gateway::new(parts)));
    let answer = client.chat(Chat::new("loud").user("hello")).await.expect("an answer");
    answer.text().to_owned()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let told = run().await;
    #[expect(clippy::print_stdout, reason = "it is what the example is for")]
    {
        println!("{told}");
    }
}
