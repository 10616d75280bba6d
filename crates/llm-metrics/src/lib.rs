#![doc = include_str!("../README.md")]

pub mod metrics;
pub mod prices;

pub use metrics::{
    DeploymentLabels, DeploymentMetrics, DeploymentState, DeploymentStatus, GuardrailMetrics, InFlight,
    Metrics, Observation, RouteMetrics, Totals, UNKNOWN_MODEL,
};
pub use prices::{Capabilities, Capability, Cost, Dearest, Mode, ModelEntry, Price, PriceBook, Prospect};
