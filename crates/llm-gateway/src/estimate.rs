//! What a call can use and cost, before it is made: from the size of its request, the limits that it sets, and the
//! dearest rates of the deployments that may answer it.

mod size;

use llm_core::money::{NanoDollars, PicoDollars};
use llm_core::operation::Operation;
use llm_metrics::{ModelEntry, Prospect};
use llm_router::Group;

use crate::books::{Account, Books};
use crate::calls::CallSettings;
pub(crate) use size::Size;

/// What a call can use and cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Tokens that token limits are asked for: the prompt by its size, and the answer's limit.
    pub tokens: u64,
    /// What budgets are asked for; `None`: nobody knows the price.
    pub cost: Option<NanoDollars>,
    /// What it costs without any token of the answer.
    pub base: PicoDollars,
    /// What each token of the answer costs, all choices together.
    pub per_token: PicoDollars,
    /// The most tokens of an answer.
    pub limit: u64,
    /// Whether nobody but us sets that limit: the request must say it, or the answer may be longer.
    pub must_be_said: bool,
}

/// What an estimate is made with.
pub(crate) struct Estimating<'a> {
    pub books: &'a Books,
    pub operation: Operation,
    pub size: &'a Size,
}

impl Estimating<'_> {
    /// The most of what the deployments of a group can use and cost, each for itself.
    pub(crate) fn of_group(&self, group: &Group, name: &str) -> Estimate {
        let mut most = Estimate { cost: Some(NanoDollars(0)), ..Estimate::default() };
        if let Some(kinds) = self.books.kinds(group) {
            for account in kinds {
                let entry = account.entry(&self.books.prices, name);
                most = most.or_more(self.of_entry(entry.as_deref(), account));
            }
        } else {
            for deployment in group.deployments() {
                let Some(account) = self.books.accounts.get(&deployment.id) else { continue };
                let entry = account.entry(&self.books.prices, &deployment.model_for(name));
                most = most.or_more(self.of_entry(entry.as_deref(), account));
            }
        }
        if group.settings().hedge.is_some() {
            // The slower of two attempts is billed for its prompt.
            most.base = PicoDollars(most.base.0.saturating_mul(2));
            most.cost = most.cost.map(|cost| cost + most.base.round());
        }
        most
    }

    /// The same of one model.
    pub(crate) fn of_entry(&self, entry: Option<&ModelEntry>, account: &Account) -> Estimate {
        let (limit, must_be_said) = self.limit(entry);
        let priced = entry.filter(|entry| entry.price.is_known());
        let said = self.size.limit.unwrap_or_else(|| account.usual_output().min(limit.max(1)));
        let tokens = self.size.rough.saturating_add(if self.answers() { said } else { 0 });
        let none = Estimate { tokens, limit, must_be_said, ..Estimate::default() };
        let Some(entry) = priced else {
            // What is judged costs nothing anywhere.
            let is_free = matches!(self.operation, Operation::Moderation | Operation::CountTokens);
            return Estimate { cost: is_free.then_some(NanoDollars(0)), ..none };
        };
        let (base, per_token) = self.rates(entry);
        let one = Estimate { base, per_token, ..none };
        Estimate { cost: Some(one.cost_of(limit)), ..one }
    }

    fn answers(&self) -> bool {
        self.operation == Operation::Chat
    }

    /// The most tokens of an answer, and whether the request must be made to say it.
    fn limit(&self, entry: Option<&ModelEntry>) -> (u64, bool) {
        if !self.answers() {
            return (0, false);
        }
        if let Some(said) = self.size.limit {
            return (said, false);
        }
        let can = entry.and_then(|entry| entry.max_output_tokens).filter(|most| *most > 0);
        match (self.books.calls.default_max_tokens, can) {
            (Some(default), Some(can)) if default >= can => (can, false),
            (Some(default), _) => (default, true),
            (None, Some(can)) => (can, false),
            (None, None) => (CallSettings::USUAL_LIMIT, true),
        }
    }

    /// What the call costs without its answer, and what each token of the answer costs.
    fn rates(&self, entry: &ModelEntry) -> (PicoDollars, PicoDollars) {
        let size = self.size;
        let window = entry.max_input_tokens.filter(|window| *window > 0);
        let prompt = if size.is_open { window.unwrap_or(size.prompt) } else { size.prompt };
        let prompt = prompt.min(window.unwrap_or(u64::MAX));
        let prospect = Prospect { prompt, sound: size.sound, long_cache: size.long_cache, tiers: size.tiers };
        let dearest = entry.price.dearest(&prospect);
        let fixed = [
            dearest.input.times(prompt),
            dearest.output.times(size.made),
            dearest.image.times(size.images),
            dearest.second.times(size.seconds),
            dearest.character.times(size.characters),
            dearest.search.times(size.searches),
        ];
        let per_token = if self.answers() { dearest.output.times(size.choices) } else { PicoDollars(0) };
        (fixed.into_iter().sum(), per_token)
    }
}

impl Estimate {
    fn or_more(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.max(other.tokens),
            cost: self.cost.zip(other.cost).map(|(one, other)| one.max(other)),
            base: PicoDollars(self.base.0.max(other.base.0)),
            per_token: PicoDollars(self.per_token.0.max(other.per_token.0)),
            limit: self.limit.max(other.limit),
            must_be_said: self.must_be_said || other.must_be_said,
        }
    }

    /// The most tokens of an answer that an amount can pay; `None`: not even the prompt.
    pub(crate) fn payable(&self, amount: NanoDollars) -> Option<u64> {
        let amount = u128::try_from(amount.0).ok()?.saturating_mul(1_000);
        let rest = amount.checked_sub(self.base.0)?;
        match rest.checked_div(self.per_token.0) {
            Some(tokens) => Some(u64::try_from(tokens).unwrap_or(u64::MAX).min(self.limit)),
            None => Some(self.limit),
        }
    }

    /// What it costs with an answer of at most so many tokens.
    pub(crate) fn cost_of(&self, limit: u64) -> NanoDollars {
        PicoDollars(self.base.0.saturating_add(self.per_token.times(limit).0)).round()
    }
}

#[cfg(test)]
mod tests;
