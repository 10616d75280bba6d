//! Whose calls a caller is shown: all of them, or those of its own user or key.

use llm_governance::entity::VirtualKey;
use llm_governance::{ActivityQuery, Dimension, Scope};

use crate::days::Days;
use crate::management::Call;
use crate::refused::Refused;
use crate::secret::hash_of;

/// What no key has for its hash.
pub(crate) const NOBODY: &str = "none";

/// Whose calls sums are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whose {
    /// What kind of subject.
    pub scope: Scope,
    /// Which of them; empty: all.
    pub subjects: Vec<String>,
    /// By these keys alone; empty: by all.
    pub keys: Vec<String>,
    /// Of this public model alone.
    pub model: Option<String>,
}

impl Whose {
    /// All subjects of a kind.
    pub(crate) fn all(scope: Scope) -> Self {
        Self { scope, subjects: Vec::new(), keys: Vec::new(), model: None }
    }

    /// One subject.
    pub(crate) fn one(scope: Scope, id: impl Into<String>) -> Self {
        Self { subjects: vec![id.into()], ..Self::all(scope) }
    }

    /// The same where sums know keys: those of the whole gateway do not.
    pub(crate) fn keyed(&self) -> Self {
        let scope = if self.scope == Scope::Global { Scope::Key } else { self.scope };
        Self { scope, ..self.clone() }
    }

    /// The same calls as sums of another kind of subject know them; `None`: those do not tell them from others.
    pub(crate) fn seen_as(&self, scope: Scope) -> Option<Self> {
        match self.scope {
            own if own == scope => Some(self.clone()),
            // A key's calls are known by the key, whoever else they are booked on.
            Scope::Key if !self.subjects.is_empty() => {
                Some(Self { scope, keys: self.subjects.clone(), subjects: Vec::new(), ..self.clone() })
            }
            Scope::Global | Scope::Key => Some(Self { scope, ..self.clone() }),
            _ => None,
        }
    }

    /// The question for their sums.
    pub(crate) fn query(&self, days: Days, by: &[Dimension]) -> ActivityQuery {
        ActivityQuery {
            subjects: self.subjects.clone(),
            keys: self.keys.clone(),
            model_groups: self.model.iter().cloned().collect(),
            ..ActivityQuery::new(self.scope, (days.from, days.until), by)
        }
    }
}

impl Call<'_> {
    /// Whose calls the caller is shown that names nobody.
    ///
    /// # Errors
    /// When it has nothing of its own.
    pub(crate) fn whose(&self) -> Result<Whose, Refused> {
        if self.sees_all() {
            return Ok(Whose::all(Scope::Global));
        }
        match (self.user_id(), self.caller.key()) {
            (Some(user), _) => Ok(Whose::one(Scope::User, user)),
            (None, Some(key)) => Ok(Whose::one(Scope::Key, key.hex())),
            (None, None) => {
                Err(Refused::forbidden("you have no calls of your own: ask with a key, or as a user"))
            }
        }
    }

    /// Those calls of `whose` that were made with a key. It may be anybody's: `whose` is narrowed, never widened.
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn by_key(&self, whose: Whose, key: Option<&str>) -> Result<Whose, Refused> {
        match key {
            Some(key) => Ok(narrowed(&whose, self.hashes(key).await?)),
            None => Ok(whose),
        }
    }

    /// The hash of a key, and those of all keys that came before it: their calls are its own.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn hashes(&self, key: &str) -> Result<Vec<String>, Refused> {
        let hash = hash_of(key).hex();
        let found: Option<VirtualKey> = self.management.get(&hash).await?;
        let former = found.into_iter().flat_map(|key| key.former);
        Ok([hash].into_iter().chain(former.map(|hash| hash.hex())).collect())
    }
}

fn narrowed(whose: &Whose, mut keys: Vec<String>) -> Whose {
    let mut narrow = whose.keyed();
    let is_of_keys = narrow.scope == Scope::Key && !narrow.subjects.is_empty();
    let place = if is_of_keys { &mut narrow.subjects } else { &mut narrow.keys };
    keys.retain(|key| place.is_empty() || place.contains(key));
    if keys.is_empty() {
        // An empty list would mean all.
        keys.push(NOBODY.to_owned());
    }
    *place = keys;
    narrow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_narrows_and_never_widens() {
        let other = hash_of("sk-other").hex();
        for (whose, subjects, keys) in [
            (Whose::all(Scope::Global), vec![], vec![other.clone()]),
            (Whose::one(Scope::User, "mia"), vec!["mia".to_owned()], vec![other.clone()]),
            (Whose::one(Scope::Key, "own"), vec![NOBODY.to_owned()], vec![]),
            (Whose::one(Scope::Key, other.clone()), vec![other.clone()], vec![]),
        ] {
            let narrow = narrowed(&whose, vec![hash_of("sk-other").hex()]);
            assert_eq!((narrow.subjects, narrow.keys), (subjects, keys), "{whose:?}");
        }
        let led = Whose { keys: vec!["own".to_owned()], ..Whose::one(Scope::Team, "red") };
        assert_eq!(narrowed(&led, vec![other]).keys, [NOBODY]);
    }
}
