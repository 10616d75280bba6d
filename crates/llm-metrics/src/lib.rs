#![doc = include_str!("../README.md")]

pub mod metrics;
pub mod prices;

pub use metrics::{
    DeploymentLabels, DeploymentMetrics, DeploymentState, DeploymentStatus, GuardrailMetrics, InFlight,
    Instrument, Kind, Metrics, Observation, Point, Reading, RouteMetrics, Times, Totals, UNKNOWN_MODEL,
    Whole,
};
pub use prices::{Capabilities, Capability, Cost, Dearest, Mode, ModelEntry, Price, PriceBook, Prospect};
