//! Models of single teams: served to that team's callers alone, under a public name that others may have for another
//! model.

use std::collections::HashMap;

use llm_governance::Principal;

/// Which groups of the router are single teams'.
#[derive(Clone, Debug, Default)]
pub struct TeamModels {
    /// By group.
    owned: HashMap<String, Owned>,
    /// Groups by team and public name.
    groups: HashMap<String, HashMap<String, String>>,
}

/// Whose a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    pub team: String,
    pub public: String,
}

impl TeamModels {
    /// The name of the group behind a team's public name.
    pub fn group_of(team: &str, public: &str) -> String {
        format!("team:{team}:{public}")
    }

    /// A team has a model under this public name.
    pub fn add(&mut self, team: &str, public: &str) {
        let group = Self::group_of(team, public);
        let owned = Owned { team: team.to_owned(), public: public.to_owned() };
        self.owned.insert(group.clone(), owned);
        self.groups.entry(team.to_owned()).or_default().insert(public.to_owned(), group);
    }

    /// The group that a caller's team has under this name.
    pub(crate) fn group(&self, caller: &Principal, public: &str) -> Option<&str> {
        if self.owned.is_empty() {
            return None;
        }
        self.groups.get(caller.team_id()?)?.get(public).map(String::as_str)
    }

    /// Whose a group is; `None`: everybody's.
    pub(crate) fn owner(&self, group: &str) -> Option<&Owned> {
        self.owned.get(group)
    }

    /// The groups of a caller's team.
    pub(crate) fn of<'a>(&'a self, caller: &Principal) -> impl Iterator<Item = (&'a str, &'a str)> {
        let own = caller.team_id().and_then(|team| self.groups.get(team));
        own.into_iter().flatten().map(|(public, group)| (public.as_str(), group.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_its_team_and_public_name() {
        let mut models = TeamModels::default();
        models.add("red", "gpt");
        let owned = Owned { team: "red".to_owned(), public: "gpt".to_owned() };
        assert_eq!(models.owner("team:red:gpt"), Some(&owned));
        assert_eq!(models.owner("gpt"), None);
        assert_eq!(models.group(&Principal::default(), "gpt"), None);
    }
}
