//! The gateway against fake vendors.

mod cache;
mod checks;
mod guards;
mod hooks;
mod life;
mod money;
mod relay;
mod routing;
