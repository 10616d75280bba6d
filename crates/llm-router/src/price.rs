//! What a deployment's calls cost, for strategies and budgets.

use std::sync::Arc;

use llm_core::money::NanoDollars;

/// The price of a call with so many tokens of prompt and answer; `None` where it is not known.
pub type Price = Arc<dyn Fn(u64, u64) -> Option<NanoDollars> + Send + Sync>;
