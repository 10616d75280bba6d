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
use llm_gateway::Gateway;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let loaded = llm_config::load(&llm_config::Options::from_process())?;
    let gateway = Arc::new(Gateway::new(llm_config::build(&loaded)?));

    // What the application does itself stays as it was; the gateway's paths get a prefix.
    let application = Router::new()
        .route("/", get(|| async { "an application with language models under /llm\n" }))
        .nest("/llm", llm_server::router(gateway));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, application).await?;
    Ok(())
}
