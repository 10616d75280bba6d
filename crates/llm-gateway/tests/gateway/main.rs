//! The gateway against fake vendors.

mod checks;
mod hooks;
mod life;
mod money;
mod relay;
mod routing;
