//! What a pick costs by strategy and number of deployments: `cargo bench --package llm-router`.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use llm_core::Provider;
use llm_router::{
    Ask, BuiltIn, Candidates, Deployment, DeploymentSpec, Route, RouteOptions, Router, RouterSettings,
};
use llm_testkit::fake::{FakeProvider, inbound};

const ROUNDS: u32 = 20_000;

fn level(count: usize) -> Vec<Arc<Deployment>> {
    let provider: Arc<dyn Provider> = FakeProvider::new([]);
    let spec = |id: usize| DeploymentSpec::new(id.to_string(), "m", "m", Arc::clone(&provider));
    (0..count).map(|id| Arc::new(Deployment::new(spec(id)))).collect()
}

/// The fastest of nine runs, for one round.
fn fastest(mut round: impl FnMut()) -> Duration {
    let run = |_| {
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| round());
        began.elapsed() / ROUNDS
    };
    (0..9).map(run).min().unwrap_or_default()
}

fn main() {
    println!("{:<16} {:>12} {:>12} {:>12}", "strategy", "2", "10", "1000");
    for built_in in BuiltIn::ALL {
        let [few, ten, many] = [2, 10, 1_000].map(|count| {
            let level = level(count);
            let strategy = built_in.make(&level);
            let is_out = |_: usize| false;
            let ask = Ask::at(Instant::now());
            let pick = || {
                black_box(strategy.pick(&Candidates::new(&level, &is_out), &ask));
            };
            format!("{:.0?}", fastest(pick))
        });
        println!("{:<16} {:>12} {:>12} {:>12}", built_in.name(), few, ten, many);
    }
    for count in [2, 1_000] {
        let router = Router::new(level(count), HashMap::new(), RouterSettings::default());
        let (request, options) = (inbound(r#"{"model":"m"}"#), RouteOptions::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _entered = runtime.enter();
        let call = || {
            let route = Route::new(&request, "m", false, Instant::now(), &options);
            black_box(router.run(&route).now_or_never().map(|routed| routed.is_ok()));
        };
        println!("a whole call of a vendor that answers at once, {count} deployments: {:.0?}", fastest(call));
    }
}
