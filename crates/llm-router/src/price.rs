//! What a call would cost at a deployment, as far as the router needs to know.

use std::fmt;
use std::sync::Arc;

use llm_core::money::NanoDollars;

/// What a call of so many tokens costs at a deployment.
#[derive(Clone)]
pub struct Price(Arc<Tariff>);

type Tariff = dyn Fn(u64, u64) -> Option<NanoDollars> + Send + Sync;

impl Price {
    /// A price from what tells the cost of tokens of prompt and of answer; `None`: nobody knows.
    pub fn new(tariff: impl Fn(u64, u64) -> Option<NanoDollars> + Send + Sync + 'static) -> Self {
        Self(Arc::new(tariff))
    }

    /// What so many tokens of prompt and of answer cost.
    pub fn of(&self, input_tokens: u64, output_tokens: u64) -> Option<NanoDollars> {
        (self.0)(input_tokens, output_tokens)
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Price")
    }
}
