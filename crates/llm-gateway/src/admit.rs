//! Who asks and what they may, and what is held for their call before it is made.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::output_limit::with_limit;
use llm_core::provider::{BoxFuture, Inbound};
use llm_core::{Error, ErrorKind, Result};
use llm_governance::authorise::Route;
use llm_governance::{Account, BudgetMode, Lacking, Principal, Refused};
use llm_router::Affords;

use crate::asker::Asker;
use crate::bill::Bill;
use crate::caller::shown_key;
use crate::estimate::{Estimate, Estimating, Size};
use crate::gateway::State;
use crate::options::CallOptions;
use crate::settlement::Settlement;

/// An answer is not made shorter than this to fit into a budget: it would say nothing.
const SHORTEST: u64 = 16;

impl State {
    /// Who asks, and whether they may use this route from there.
    ///
    /// # Errors
    /// When a key is needed and none, or a wrong one, was shown, or when its holder may not use the route.
    pub(crate) async fn identify(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        route: &Route<'_>,
    ) -> Result<Arc<Principal>> {
        self.routes.may_be_asked(route)?;
        let caller = self.governance.identify(self.shown_key(headers), address).await?;
        if !self.is_idle {
            self.routes.may_call(&caller, route)?;
        }
        Ok(caller)
    }

    /// Who asks a route that knows itself which roles may ask it.
    ///
    /// # Errors
    /// When a key is needed and none, or a wrong one, was shown, or when it may not be used for the route.
    pub(crate) async fn identify_for(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        route: &Route<'_>,
    ) -> Result<Arc<Principal>> {
        self.routes.may_be_asked(route)?;
        let caller = self.governance.identify(self.shown_key(headers), address).await?;
        self.routes.may_use_for(&caller, route)?;
        Ok(caller)
    }

    /// From here on somebody pays for the call, where that is of interest.
    pub(crate) fn open_bill(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        caller: &Arc<Principal>,
        settlement: &mut Settlement,
    ) {
        if self.is_idle {
            return;
        }
        let mut asker = Asker::of_head(headers, address, &self.books.calls.user_headers);
        asker.tags_of(headers, &self.books.calls.tag_headers);
        asker.customer = asker.customer.or_else(|| caller.customer().map(str::to_owned));
        let purse = settlement.purse().cloned().unwrap_or_default();
        settlement.bills(Bill::new(Arc::clone(&self.governance), Arc::clone(caller), asker, purse));
    }

    /// Whether the caller may make this request of its model, in one of its teams: that one pays. Names that it has for models are put into the options.
    ///
    /// # Errors
    /// What it may not, or what its request lacks.
    pub(crate) fn check_request(
        &self,
        inbound: &Inbound,
        options: &mut CallOptions,
        settlement: &mut Settlement,
    ) -> Result<()> {
        if self.books.calls.rejects_tags && has_field(inbound, &["metadata", "tags"]) {
            let message =
                "Client-side 'metadata.tags' not allowed in request: tags are those of keys and teams alone";
            let error = Error::invalid(message).with_type("bad_request_error");
            return Err(error.with_param("metadata.tags"));
        }
        let Some(bill) = settlement.bill_mut() else { return Ok(()) };
        bill.asker.read_body(inbound)?;
        bill.caller = bill.caller.payer(|caller| self.may_use(caller, &options.model))?;
        let caller = &*bill.caller;
        let resolved = self.meant(caller, &options.model).to_owned();
        if resolved != options.model {
            let is_owned = self.team_models.owner(&resolved).is_some();
            let named = std::mem::replace(&mut options.model, resolved);
            options.public = is_owned.then_some(named);
        }
        caller.check_fields(|path| has_field(inbound, path))
    }

    /// Whether a caller may ask for a model: by the name that it gives, or by the one that the router knows it by.
    ///
    /// # Errors
    /// Whose terms do not have it.
    pub(crate) fn may_use(&self, caller: &Principal, model: &str) -> Result<()> {
        let groups = &*self.access_groups;
        let meant = self.meant(caller, model);
        let meant = self.router.resolve(meant).map_or(meant, |(_, name)| name);
        if let Some(owned) = self.team_models.owner(meant) {
            return match caller.team_id() {
                Some(team) if team == owned.team => caller.may_use_of_its_team(&owned.public, groups),
                _ if caller.is_admin() => Ok(()),
                // Nobody else is told that it is there.
                _ => Err(self.router.unknown(model)),
            };
        }
        caller.may_use(model, groups).or_else(|denied| match self.router.resolve(caller.resolve(model)) {
            Ok((_, name)) if name != model => caller.may_use(name, groups).map_err(|_| denied),
            _ => Err(denied),
        })
    }

    /// The model that a caller means by a name: what somebody behind it calls so, or its team has under that name.
    pub(crate) fn meant<'a>(&'a self, caller: &'a Principal, model: &'a str) -> &'a str {
        let named = caller.resolve(model);
        self.team_models.group(caller, named).unwrap_or(named)
    }

    /// What a client is told of a refusal.
    pub(crate) fn told(&self, refused: Refused) -> Error {
        let error = Error::from(refused);
        match self.books.calls.budget_status {
            Some(status) if error.kind() == ErrorKind::BudgetExceeded => error.with_status(status),
            _ => error,
        }
    }

    /// The key that a request shows.
    fn shown_key<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        shown_key(headers, self.books.calls.key_header.as_ref())
    }

    /// Holds what the call can take. The request is given back, its answer made as short as what is held can pay. Where
    /// the budget of its model is spent, it is another model's call from here on, if the caller has one for that.
    ///
    /// # Errors
    /// Whose limit or budget leaves no room for it.
    pub(crate) async fn admit(
        &self,
        inbound: Box<Inbound>,
        options: &mut CallOptions,
        settlement: &Settlement,
    ) -> Result<Box<Inbound>> {
        let Some(bill) = settlement.bill() else { return Ok(inbound) };
        let (_, name) = self.router.resolve(&options.model)?;
        if !bill.is_limited() {
            bill.admit_unmeasured(name).await?;
            return Ok(inbound);
        }
        let refused = match self.hold(bill, &inbound, &options.model).await {
            Ok((estimate, held)) => return made_payable(inbound, &estimate, held),
            Err(refused) => refused,
        };
        for fallback in self.budget_fallbacks(&bill.caller, options, &refused) {
            if let Ok((estimate, held)) = self.hold(bill, &inbound, &fallback).await {
                options.model = fallback;
                options.public = None;
                return made_payable(inbound, &estimate, held);
            }
        }
        Err(self.told(refused))
    }

    /// Holds what a call for a model can take.
    async fn hold(
        &self,
        bill: &Bill,
        inbound: &Inbound,
        model: &str,
    ) -> std::result::Result<(Estimate, Option<NanoDollars>), Refused> {
        let (group, name) = self.router.resolve(model).map_err(Refused::Failed)?;
        let size = bill.size.get_or_init(|| Size::of(inbound));
        let operation = inbound.asked.operation;
        let estimate = Estimating { books: &self.books, operation, size }.of_group(group, name);
        let mode = bill.governance.mode();
        let least = (mode == BudgetMode::Clamp && operation == Operation::Chat)
            .then(|| estimate.cost_of(estimate.limit.min(SHORTEST)));
        let held = bill.admit(name, (estimate.tokens, estimate.cost), least).await?;
        Ok((estimate, held.filter(|_| mode != BudgetMode::Estimate)))
    }

    /// Models for a call whose model's own budget is spent, as somebody behind the caller names them, the nearest one
    /// first: LiteLLM's `budget_fallbacks`.
    fn budget_fallbacks(&self, caller: &Principal, options: &CallOptions, refused: &Refused) -> Vec<String> {
        let is_of_model = refused
            .refusal()
            .is_some_and(|refusal| refusal.model.is_some() && matches!(refusal.lack, Lacking::Budget { .. }));
        if !is_of_model {
            return Vec::new();
        }
        let asked = options.public.as_deref().unwrap_or(&options.model);
        let of_account = |account: &Arc<Account>| account.terms.fallbacks_of(asked).cloned();
        let named = caller.accounts.iter().rev().find_map(of_account).unwrap_or_default();
        let usable = named.into_iter().filter(|model| self.may_use(caller, model).is_ok());
        usable.map(|model| self.meant(caller, &model).to_owned()).collect()
    }

    /// What a group's deployments can use and cost for a call that was measured.
    pub(crate) fn estimate(&self, bill: &Bill, operation: Operation, model: &str) -> Option<Estimate> {
        let (group, name) = self.router.resolve(model).ok()?;
        let size = bill.size.get()?;
        Some(Estimating { books: &self.books, operation, size }.of_group(group, name))
    }
}

/// What a call's fallbacks are paid from.
pub(crate) struct Paying<'a> {
    pub state: &'a State,
    pub bill: &'a Bill,
    pub operation: Operation,
    /// What was spent before, on answers that broke off.
    pub spent: NanoDollars,
}

impl Affords for Paying<'_> {
    fn affords<'a>(&'a self, model: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            match self.state.estimate(self.bill, self.operation, model) {
                Some(estimate) => self.bill.raise(model, &estimate, self.spent).await,
                // Nobody behind the call has a limit.
                None => true,
            }
        })
    }
}

/// The request with an answer that is no longer than what is held for it pays.
///
/// # Errors
/// When its dialect cannot say so: nobody could hold what it costs.
fn made_payable(
    inbound: Box<Inbound>,
    estimate: &Estimate,
    held: Option<NanoDollars>,
) -> Result<Box<Inbound>> {
    let Some(held) = held else { return Ok(inbound) };
    let payable = if estimate.cost.is_some_and(|cost| held < cost) { estimate.payable(held) } else { None };
    let Some(limit) = payable.or(estimate.must_be_said.then_some(estimate.limit)) else { return Ok(inbound) };
    let fields = inbound.ingress.output_limit();
    let body = with_limit(&inbound.body, &inbound.envelope, fields, limit.max(1));
    let body = body.ok_or_else(|| {
        Error::new(
            ErrorKind::BudgetExceeded,
            "what is left of the budget pays for a short answer only, and this format cannot ask for one",
        )
    })?;
    let Inbound { ingress, asked, headers, .. } = *inbound;
    Inbound::new(ingress, asked, headers, body).map(Box::new)
}

/// Whether a request has a field, or a member of one.
fn has_field(inbound: &Inbound, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let Ok(Some(mut value)) = inbound.option::<serde_json::Value>(first) else { return false };
    for key in rest {
        match value.get_mut(key) {
            Some(member) => value = member.take(),
            None => return false,
        }
    }
    !value.is_null()
}
