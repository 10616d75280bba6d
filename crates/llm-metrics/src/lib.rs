//! What models cost and what calls did: the price book, the cost of a call, and the Prometheus registry.
//!
//! - [`prices`]: the embedded price table, names as LiteLLM users write them, a user's own prices, and
//!   [`Price::cost`], which prices every bucket of a [`llm_core::Usage`] once and rounds once.
//! - [`metrics`]: counters that the request path only adds to, rendered for `/metrics` and for status pages.
//!
//! No amount of money is ever a float here; the text of `/metrics` is the one edge where one is written.
//!
//! ```
//! use llm_core::Usage;
//! use llm_metrics::PriceBook;
//!
//! let entry = PriceBook::embedded().lookup("openai", "gpt-4o").expect("a model that everybody knows");
//! let usage = Usage { input: Some(600), cache_read: Some(400), output: Some(100), ..Usage::default() };
//! let cost = entry.price.cost(&usage);
//! assert_eq!(cost.total.to_string(), "0.003");
//! ```

pub mod metrics;
pub mod prices;

pub use metrics::{
    DeploymentLabels, DeploymentMetrics, DeploymentState, DeploymentStatus, GuardrailMetrics, InFlight,
    Instrument, Kind, Metrics, Observation, Point, Reading, RouteMetrics, Times, Totals, UNKNOWN_MODEL,
    Whole,
};
pub use prices::{Capabilities, Capability, Cost, Dearest, Mode, ModelEntry, Price, PriceBook, Prospect};
