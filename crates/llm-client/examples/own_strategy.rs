//! A routing strategy of the program's own: the deployment is picked by the hour.
//! `cargo run --package llm-client --example own_strategy`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use llm_client::{Chat, Client, Gateway, GatewayParts};
use llm_gateway::AccountSpec;
use llm_providers::mock::Mock;
use llm_router::strategy::{Candidates, Chosen, Strategy};
use llm_router::{Ask, Deployment, DeploymentSpec, Router, RouterSettings};

/// At night one deployment, by day the other, and whichever is left where that one is out.
struct ByHour(AtomicU32);

impl Strategy for ByHour {
    fn pick(&self, candidates: &Candidates<'_>, _ask: &Ask<'_>) -> Option<usize> {
        let hour = self.0.load(Ordering::Relaxed);
        let wanted = if (8..20).contains(&hour) { "day" } else { "night" };
        let found = candidates.iter().find(|(_, deployment)| deployment.id == wanted);
        found.or_else(|| candidates.iter().next()).map(|(index, _)| index)
    }
}

/// Who answered at one, at five, and at nine.
pub(crate) async fn run() -> Vec<String> {
    let mock = Arc::new(Mock::default());
    let deployment = |id: &str| Deployment::new(DeploymentSpec::new(id, "m", "echo", Arc::clone(&mock) as _));
    let made = ["day", "night"].map(|id| Arc::new(deployment(id)));
    let hour = Arc::new(ByHour(AtomicU32::new(1)));
    let strategy = Chosen::Own(Arc::clone(&hour) as _);
    let router = Router::new(made, HashMap::new(), RouterSettings { strategy, ..RouterSettings::default() });
    let mut parts = GatewayParts::new(router, llm_providers::ingresses());
    parts.accounts = HashMap::from(["day", "night"].map(|id| (id.to_owned(), AccountSpec::default())));
    let client = Client::over(Arc::new(Gateway::new(parts)));
    let mut answered = Vec::new();
    for now in [1, 5, 9] {
        hour.0.store(now, Ordering::Relaxed);
        let answer = client.chat(Chat::new("m").user("hello")).await.expect("an answer");
        answered.push(answer.told.deployment.unwrap_or_default());
    }
    answered
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let answered = run().await;
    #[expect(clippy::print_stdout, reason = "it is what the example is for")]
    {
        println!("answered by {answered:?}");
    }
}
