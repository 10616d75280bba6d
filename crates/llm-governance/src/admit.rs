//! Whether a call is admitted: what it wants in numbers, taken here and from what gateways share.

use std::sync::Arc;
use std::time::Duration;

use llm_core::money::NanoDollars;
use llm_core::{Error, ErrorKind, Fault};

use crate::admission::{Admission, BudgetMode, Unpriced, Want};
use crate::governance::Governance;
use crate::principal::Principal;
use crate::refusal::Refused;
use crate::shared::{SharedLimit, SharedVerdict, SharedWant, WithoutShared};
use crate::taking::{self, Ask};
use crate::time::Timestamp;

/// A time that is longer ago is not when a call is admitted.
const STALE: Duration = Duration::from_secs(1);

impl Governance {
    /// Holds what a call may take from everybody behind it: all of it or nothing.
    ///
    /// # Errors
    /// [`Refused`], naming whose limit or budget is in the way and when there is room.
    pub async fn admit(&self, principal: &Arc<Principal>, want: &Want<'_>) -> Result<Admission, Refused> {
        self.admit_within(principal, want, None).await
    }

    /// The same, but where budgets do not have the whole cost any more, as much as they have is held, if it is `least`
    /// or more. [`Admission::held`] says how much that was: the call must be made so short that it costs no more.
    ///
    /// # Errors
    /// [`Refused`], naming whose limit or budget is in the way and when there is room.
    pub async fn admit_within(
        &self,
        principal: &Arc<Principal>,
        want: &Want<'_>,
        least: Option<NanoDollars>,
    ) -> Result<Admission, Refused> {
        let extra = self.extras(principal, want).await.map_err(Refused::Failed)?;
        let ask = self.ask(principal, want, least);
        let mut admission = Admission::of(principal, extra, ask.at);
        self.take(&mut admission, ask).await?;
        if !admission.pieces.is_empty() || self.mode() == BudgetMode::Estimate {
            admission.model = want.model.into();
        }
        Ok(admission)
    }

    /// The call goes on with another model: holds what that one may cost, takes what its own limits ask for, and gives
    /// back what was taken for the last model alone. The cost of the whole call is then booked as the new model's.
    /// With `least`, as for [`Self::admit_within`].
    ///
    /// # Errors
    /// [`Refused`]; what was taken before stays, and the call may still end with the last model.
    pub async fn raise(
        &self,
        admission: &mut Admission,
        want: &Want<'_>,
        least: Option<NanoDollars>,
    ) -> Result<(), Refused> {
        let ask = self.ask(&admission.principal, want, least);
        self.take(admission, ask).await?;
        admission.model = want.model.into();
        Ok(())
    }

    /// Takes what is asked for, here and from what gateways share, beside or in place of what the call has.
    async fn take(&self, admission: &mut Admission, mut ask: Ask<'_>) -> Result<(), Refused> {
        let Some(shared) = &self.shared else { return admission.take(&ask) };
        loop {
            let (amount, wants) = admission.look(&ask)?;
            if wants.is_empty() {
                return admission.take(&ask);
            }
            match admission.ask_elsewhere(&**shared, &wants).await {
                SharedVerdict::Granted { left, .. } => {
                    admission.count(&ask, amount, &left);
                    return Ok(());
                }
                SharedVerdict::Unknown if self.rules.load().without_shared == WithoutShared::Local => {
                    admission.take(&Ask { is_alone: true, ..ask })?;
                    admission.tell_later(&**shared, &wants);
                    return Ok(());
                }
                SharedVerdict::Unknown => return Err(Refused::Failed(nobody_knows())),
                SharedVerdict::Refused { index, left, after } => {
                    let Some(want) = wants.get(index) else { return Err(Refused::Failed(nobody_knows())) };
                    // As much as there is: each round asks for less, so that it ends.
                    match less(want, left, &ask, amount) {
                        Some(less) => ask.cost = Some(less),
                        None => {
                            let refusal = taking::refused_elsewhere(want, left, after, &ask);
                            return Err(admission.explain(refusal, &ask).into());
                        }
                    }
                }
            }
        }
    }

    /// How much money a call may cost now, over all budgets behind it; `None`: nothing is capped. The next call may
    /// take it.
    ///
    /// # Errors
    /// [`Refused::Failed`] when the store cannot be asked.
    pub async fn room(
        &self,
        principal: &Arc<Principal>,
        want: &Want<'_>,
    ) -> Result<Option<NanoDollars>, Refused> {
        let extra = self.extras(principal, want).await.map_err(Refused::Failed)?;
        let accounts = Admission::of(principal, extra, want.at);
        let left = taking::left(accounts.accounts().map(Arc::as_ref), &self.ask(principal, want, None));
        Ok(left.map(NanoDollars))
    }

    /// Whether other gateways cannot be asked now.
    fn is_alone(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| !shared.is_connected())
    }

    /// What is taken for a want: the expected cost where the mode says so, nothing for a model that is free by the
    /// operator's word.
    fn ask<'a>(&self, principal: &Principal, want: &Want<'a>, least: Option<NanoDollars>) -> Ask<'a> {
        let means = principal.accounts.first().and_then(|account| account.house.means.as_ref());
        let means = means.filter(|_| self.mode() == BudgetMode::Estimate);
        let caller = principal.key();
        let caller = caller.as_ref().map(|key| key.0.as_slice());
        let most = want.cost.map(|cost| cost.0.max(0));
        let cost = match (most, means) {
            (Some(most), Some(means)) => {
                Some(means.of(want.model, caller).map_or(most, |mean| mean.min(most)))
            }
            (None, _) if self.rules.load().unpriced == Unpriced::Free => Some(0),
            (cost, _) => cost,
        };
        let least = least.map(|least| least.0.max(0));
        Ask {
            model: want.model,
            tokens: want.tokens,
            cost,
            least,
            is_alone: self.is_alone(),
            at: not_stale(want.at),
        }
    }
}

/// The time of a want, or now where that was a while ago: limits are of the last minute, and a request that took longer
/// than that to arrive must not look like a clock that was set back.
fn not_stale(at: Timestamp) -> Timestamp {
    let now = Timestamp::now();
    if at.until(now) > STALE { now } else { at }
}

/// How much less a call may ask for that takes as much as there is.
fn less(want: &SharedWant, left: u64, ask: &Ask<'_>, amount: i64) -> Option<i64> {
    let SharedLimit::Budget { .. } = want.of else { return None };
    let left = i64::try_from(left).unwrap_or(i64::MAX);
    (left > 0 && left >= ask.least? && left < amount).then_some(left)
}

fn nobody_knows() -> Error {
    let message = "the counters that gateways share cannot be asked now, and no call with a limit or a budget is \
                   served without them: try again in a moment";
    Error::new(ErrorKind::Overloaded, message).with_fault(Fault::Gateway)
}
