//! The gateway against fake vendors.

#[path = "gateway/checks.rs"]
mod checks;
#[path = "gateway/life.rs"]
mod life;
#[path = "gateway/relay.rs"]
mod relay;
#[path = "gateway/routing.rs"]
mod routing;
