//! The gateway as a part of another axum application, under a prefix: `cargo run --package llm-server --example embed`.
//!
//! It serves what the environment and `.env` have keys for, or the built-in mock models:
//!
//! ```sh
//! curl http://127.0.0.1:8080/llm/v1/models
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use llm_config::Options;
use llm_gateway::Gateway;

/// What the application does itself stays as it was; the gateway's paths get a prefix.
pub(crate) fn application(options: &Options) -> Result<Router, Box<dyn Error>> {
    let loaded = llm_config::load(options)?;
    let gateway = Arc::new(Gateway::new(llm_config::build(&loaded)?));
    Ok(Router::new()
        .route("/", get(|| async { "an application with language models under /llm\n" }))
        .nest("/llm", llm_server::router(gateway)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let application = application(&Options::from_process())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, application).await?;
    Ok(())
}
