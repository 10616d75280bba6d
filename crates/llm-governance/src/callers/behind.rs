//! Everybody behind a caller, with the terms that each sets.

use crate::entity::{Team, User};
use crate::store::Holder;
use crate::subject::{Scope, Subject};
use crate::terms::Terms;
use crate::time::Timestamp;

/// Somebody behind a caller.
pub(crate) struct Behind {
    pub(crate) subject: Subject,
    pub(crate) alias: Option<String>,
    pub(crate) terms: Terms,
    pub(crate) made: Timestamp,
}

/// What a caller hangs on in memory: the names that [`crate::Changed`] has.
#[derive(Hash)]
pub(crate) enum Name<'a> {
    /// By the hash of a key, or of a token.
    Shown(&'a [u8; 32]),
    Of(Scope, &'a str),
    Budget(&'a str),
}

/// Everybody behind a caller, in the order of [`Scope`].
pub(crate) fn behind(holder: &Holder) -> Vec<Behind> {
    let mut behind = Vec::with_capacity(5);
    if let Some(one) = &holder.organization {
        let subject = Subject::new(Scope::Organization, one.id.as_str());
        behind.push(Behind::new(subject, &one.alias, one.terms.clone(), one.created_at));
    }
    if let Some(team) = &holder.team {
        let subject = Subject::new(Scope::Team, team.id.as_str());
        behind.push(Behind::new(subject, &team.alias, team.terms.clone(), team.created_at));
        behind.extend(user_id(holder).and_then(|user| member(team, user)));
    }
    if let Some(one) = &holder.user {
        let subject = Subject::new(Scope::User, one.id.as_str());
        let terms = of_user(one, holder.team.is_some());
        behind.push(Behind::new(subject, &one.alias, terms, one.created_at));
    } else if let (Some(id), Some(key)) = (user_id(holder), &holder.key) {
        // A name that somebody gave a key: nothing is known of it, and what it spends is counted.
        behind.push(Behind::new(Subject::new(Scope::User, id), &None, Terms::default(), key.created_at));
    }
    if let Some(key) = &holder.key {
        let subject = Subject::key(key.hash);
        behind.push(Behind::new(subject, &key.alias, key.terms.clone(), key.created_at));
    }
    for one in &mut behind {
        let row = one.terms.budget_id.as_ref().and_then(|id| holder.budgets.iter().find(|row| row.id == *id));
        one.terms = std::mem::take(&mut one.terms).over(row.map(|row| &row.terms));
    }
    behind
}

/// The names that a holder hangs on.
pub(crate) fn names(holder: &Holder) -> impl Iterator<Item = Name<'_>> {
    let key = holder.key.as_ref().map(|key| Name::Shown(&key.hash.0));
    let organization = holder.organization.as_ref().map(|one| Name::Of(Scope::Organization, &one.id));
    let team = holder.team.as_ref().map(|one| Name::Of(Scope::Team, &one.id));
    let user = user_id(holder).map(|id| Name::Of(Scope::User, id));
    let budgets = holder.budgets.iter().map(|row| Name::Budget(&row.id));
    let global = Some(Name::Of(Scope::Global, ""));
    [global, key, organization, team, user].into_iter().flatten().chain(budgets)
}

/// The user whose caller it is.
pub(crate) fn user_id(holder: &Holder) -> Option<&str> {
    let of_key = holder.key.as_ref().and_then(|key| key.user_id.as_deref());
    of_key.or_else(|| holder.user.as_ref().map(|user| user.id.as_str()))
}

fn member(team: &Team, user: &str) -> Option<Behind> {
    let member = team.members.iter().find(|member| member.user_id == user)?;
    let terms = member.terms.clone().unwrap_or_default().over(Some(&team.member_terms));
    Some(Behind::new(Subject::member(&team.id, user), &None, terms, team.created_at))
}

/// A team pays for its keys and says what they may do: what remains of a user's own terms is whether it is let in.
fn of_user(user: &User, has_team: bool) -> Terms {
    if !has_team {
        return user.terms.clone();
    }
    let allowed_ips = user.terms.allowed_ips.clone();
    Terms { blocked: user.terms.blocked, allowed_ips, ..Terms::default() }
}

impl Behind {
    fn new(subject: Subject, alias: &Option<String>, terms: Terms, made: Timestamp) -> Self {
        Self { subject, alias: alias.clone(), terms, made }
    }
}
