//! The gateway against fake vendors.

mod cache;
mod checks;
mod life;
mod money;
mod relay;
mod routing;
