//! What a caller may give: never more than it has itself, nor more than the team has, nor than the operator allows.

use llm_core::money::NanoDollars;
use llm_governance::{Principal, Scope, Subject, Terms};

use crate::dollars;
use crate::refused::Refused;

/// LiteLLM's words that stand for models of somebody else's list.
const WORDS: [&str; 3] = ["all-team-models", "all-proxy-models", "no-default-models"];

/// Terms that others may not exceed, and whose they are.
pub(crate) struct Bound<'a> {
    /// Whose.
    pub whose: String,
    /// The terms.
    pub terms: &'a Terms,
}

impl<'a> Bound<'a> {
    /// The terms of a subject.
    pub(crate) fn of(subject: &Subject, terms: &'a Terms) -> Self {
        let whose = match subject.scope {
            Scope::Key => "the key that asks".to_owned(),
            _ => subject.to_string(),
        };
        Self { whose, terms }
    }

    /// Refuses terms that exceed these.
    ///
    /// # Errors
    /// Naming what exceeds what.
    pub(crate) fn check(&self, wanted: &Terms) -> Result<(), Refused> {
        let bound = self.terms;
        let money = |amount: NanoDollars| dollars::show(amount).to_string();
        self.at_most("max_budget", wanted.max_budget, bound.max_budget, money)?;
        let number = |number: u64| number.to_string();
        self.at_most("tpm_limit", wanted.tpm_limit, bound.tpm_limit, number)?;
        self.at_most("rpm_limit", wanted.rpm_limit, bound.rpm_limit, number)?;
        self.at_most("tpd_limit", wanted.tpd_limit, bound.tpd_limit, number)?;
        let parallel = |terms: &Terms| terms.max_parallel_requests.map(u64::from);
        self.at_most("max_parallel_requests", parallel(wanted), parallel(bound), number)?;
        self.among("models", &wanted.models, &bound.models, covers_model)?;
        self.among("allowed_routes", &wanted.allowed_routes, &bound.allowed_routes, covers_route)
    }

    fn at_most<T: PartialOrd + Copy>(
        &self,
        name: &'static str,
        wanted: Option<T>,
        bound: Option<T>,
        show: impl Fn(T) -> String,
    ) -> Result<(), Refused> {
        let (Some(wanted), Some(bound)) = (wanted, bound) else { return Ok(()) };
        if wanted <= bound {
            return Ok(());
        }
        let message = format!(
            "{name} is over what {} has: user_value={}; max_value={}",
            self.whose,
            show(wanted),
            show(bound)
        );
        Err(Refused::bad(message).about(name))
    }

    fn among(
        &self,
        name: &'static str,
        wanted: &[String],
        bound: &[String],
        covers: fn(&str, &str) -> bool,
    ) -> Result<(), Refused> {
        if bound.is_empty() {
            return Ok(());
        }
        let beyond = wanted.iter().find(|one| !bound.iter().any(|bound| covers(bound, one)));
        match beyond {
            None => Ok(()),
            Some(beyond) => {
                let bound = bound.join(", ");
                let message = format!("{name}: `{beyond}` is not among what {} has ({bound})", self.whose);
                Err(Refused::forbidden(message).about(name))
            }
        }
    }
}

/// Terms that say nothing take what the caller's own key has: otherwise a narrow key could make a wide one.
pub(crate) fn inherit(caller: &Principal, terms: &mut Terms) {
    let own = caller.accounts.iter().find(|account| account.subject.scope == Scope::Key);
    if let Some(own) = own {
        fill(&own.terms, terms);
    }
}

/// Fills in what terms do not say.
pub(crate) fn fill(own: &Terms, terms: &mut Terms) {
    terms.max_budget = terms.max_budget.or(own.max_budget);
    terms.tpm_limit = terms.tpm_limit.or(own.tpm_limit);
    terms.rpm_limit = terms.rpm_limit.or(own.rpm_limit);
    terms.tpd_limit = terms.tpd_limit.or(own.tpd_limit);
    terms.max_parallel_requests = terms.max_parallel_requests.or(own.max_parallel_requests);
    for (wanted, own) in [
        (&mut terms.models, &own.models),
        (&mut terms.allowed_routes, &own.allowed_routes),
        (&mut terms.allowed_ips, &own.allowed_ips),
    ] {
        if wanted.is_empty() {
            wanted.clone_from(own);
        }
    }
}

/// Refuses terms that exceed those of anybody behind the caller.
///
/// # Errors
/// Naming what exceeds what.
pub(crate) fn check_caller(caller: &Principal, wanted: &Terms) -> Result<(), Refused> {
    let behind = caller.accounts.iter().filter(|account| account.subject.scope != Scope::Global);
    behind
        .map(|account| Bound::of(&account.subject, &account.terms))
        .try_for_each(|bound| bound.check(wanted))
}

fn covers_model(bound: &str, wanted: &str) -> bool {
    // `all-proxy-models` narrows nothing; `all-team-models` of a key means its team's, whose own bound holds.
    bound == "all-proxy-models"
        || bound == wanted
        || (wanted != "all-proxy-models" && WORDS.contains(&wanted))
        || (!WORDS.contains(&wanted) && bound == "all-team-models")
        || bound
            .strip_suffix('*')
            .is_some_and(|before| wanted.starts_with(before) && !WORDS.contains(&wanted))
}

fn covers_route(bound: &str, wanted: &str) -> bool {
    bound == wanted || bound.strip_suffix('*').is_some_and(|before| wanted.starts_with(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: &Terms, wanted: &Terms) -> Result<(), String> {
        let bound = Bound { whose: "team t".to_owned(), terms: bound };
        bound.check(wanted).map_err(|refused| refused.message)
    }

    #[test]
    fn numbers_and_models_stay_within_the_bound() {
        let models = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let bound =
            Terms { max_budget: Some(NanoDollars(5)), models: models(&["gpt-*", "o1"]), ..Terms::default() };
        let wanted =
            Terms { max_budget: Some(NanoDollars(5)), models: models(&["gpt-4o", "o1"]), ..Terms::default() };
        assert_eq!(check(&bound, &wanted), Ok(()));
        let more = Terms { max_budget: Some(NanoDollars(6)), ..Terms::default() };
        assert_eq!(
            check(&bound, &more),
            Err("max_budget is over what team t has: user_value=6e-9; max_value=5e-9".to_owned())
        );
        for wide in ["*", "claude", "all-proxy-models"] {
            assert!(check(&bound, &Terms { models: models(&[wide]), ..Terms::default() }).is_err(), "{wide}");
        }
        assert_eq!(
            check(&bound, &Terms { models: models(&["all-team-models"]), ..Terms::default() }),
            Ok(())
        );
    }
}
