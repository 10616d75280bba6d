//! The gateway against fake vendors.

mod checks;
mod life;
mod money;
mod relay;
mod routing;
