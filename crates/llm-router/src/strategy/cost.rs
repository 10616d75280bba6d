//! The cheapest deployment for a request.

use std::sync::Arc;

use llm_core::money::NanoDollars;
use llm_core::order;

use super::{Candidates, LOOKED_AT_WHOLE, Strategy, lowest};
use crate::ask::Ask;
use crate::deployment::Deployment;

/// The answer's tokens where a request does not bound them.
const USUAL_OUTPUT: u64 = 500;

/// The lowest price of the request: its prompt, and the answer that it allows. One without a known price comes last.
#[derive(Debug)]
pub(super) struct CostBased {
    /// Indexes from the cheapest to the dearest, for an ordinary request.
    cheapest_first: Vec<usize>,
}

impl CostBased {
    pub(super) fn new(level: &[Arc<Deployment>]) -> Self {
        let mut cheapest_first: Vec<usize> = (0..level.len()).collect();
        order::sort_by_key(&mut cheapest_first, |index| {
            level.get(*index).map(|one| cost(one, 1_000, USUAL_OUTPUT))
        });
        Self { cheapest_first }
    }
}

impl Strategy for CostBased {
    /// Prices depend on the request (long prompts, more prompt or more answer), so those that are cheap for an ordinary
    /// one are compared for this one.
    fn pick(&self, candidates: &Candidates<'_>, ask: &Ask<'_>) -> Option<usize> {
        let (input, output) = (ask.input_tokens(), ask.output_tokens().unwrap_or(USUAL_OUTPUT));
        let cheap = self.cheapest_first.iter().filter_map(|index| Some((*index, candidates.get(*index)?)));
        lowest(cheap.take(LOOKED_AT_WHOLE).map(|(index, one)| (index, cost(one, input, output))))
    }
}

fn cost(deployment: &Deployment, input: u64, output: u64) -> NanoDollars {
    let price = deployment.price.as_ref().and_then(|price| price.of(input, output));
    price.unwrap_or(NanoDollars(i64::MAX))
}
