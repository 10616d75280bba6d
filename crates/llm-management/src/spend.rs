//! What entities have spent: in their running period, and ever.

use llm_core::money::NanoDollars;
use llm_governance::{Period, Spent, Subject, Terms, Timestamp};

use crate::management::Management;
use crate::periods::running;
use crate::refused::Refused;

/// What a subject has spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spend {
    /// In the running period of its budget.
    pub amount: NanoDollars,
    /// Ever.
    pub ever: NanoDollars,
    /// When the next period begins.
    pub resets: Option<Timestamp>,
}

/// One whose spending is asked for: who, its terms, and when it was made.
pub(crate) type Asked<'a> = (Subject, &'a Terms, Timestamp);

impl Management {
    /// What each of these has spent, in one question.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn spends(&self, asked: &[Asked<'_>]) -> Result<Vec<Spend>, Refused> {
        let both = asked.iter().flat_map(|(subject, terms, made)| {
            let of = |period| Spent { subject: subject.clone(), model: None, period, amount: NanoDollars(0) };
            [of(running(terms, terms.budget_duration, *made)), of(Period::EVER)]
        });
        let mut spent: Vec<Spent> = both.collect();
        if !spent.is_empty() {
            self.store().spent(&mut spent).await?;
        }
        let (pairs, _) = spent.as_chunks::<2>();
        let spend = |[now, ever]: &[Spent; 2]| Spend {
            amount: now.amount,
            ever: ever.amount,
            resets: now.period.end,
        };
        Ok(pairs.iter().map(spend).collect())
    }

    /// What one has spent.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn spend(&self, asked: Asked<'_>) -> Result<Spend, Refused> {
        let spends = self.spends(&[asked]).await?;
        spends.into_iter().next().ok_or_else(|| Refused::error(500, "internal_server_error", "no spend"))
    }

    /// Corrects what one has spent in the running periods of its budgets. Periods with a budget of their own never
    /// go up by it.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn correct_spend(
        &self,
        (subject, terms, made): Asked<'_>,
        amount: NanoDollars,
    ) -> Result<(), Refused> {
        let of = |duration| Spent {
            subject: subject.clone(),
            model: None,
            period: running(terms, duration, made),
            amount,
        };
        let main = of(terms.budget_duration);
        let mut further: Vec<Spent> = terms.budget_limits.iter().map(|limit| of(limit.duration)).collect();
        further.push(of(None));
        further.dedup();
        further.retain(|one| *one != main);
        if !further.is_empty() {
            self.store().spent(&mut further).await?;
        }
        for one in &mut further {
            // More was never spent in a period than ever.
            let is_ever = one.period == Period::EVER;
            one.amount = if is_ever { one.amount.max(amount) } else { one.amount.min(amount) };
        }
        further.push(main);
        self.store().set_spent(&further).await?;
        Ok(())
    }
}
