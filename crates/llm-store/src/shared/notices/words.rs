//! How a change is written in a channel: what it is of, then its id.

use llm_governance::{Changed, KeyHash, Scope, Subject};

/// The words for a change.
pub(super) fn write(changed: &Changed) -> String {
    match changed {
        Changed::Key(hash) => format!("key {hash}"),
        Changed::Replaced { old, new } => format!("replaced {old} {new}"),
        Changed::Team(id) => format!("team {id}"),
        Changed::User(id) => format!("user {id}"),
        Changed::Organization(id) => format!("organization {id}"),
        Changed::Customer(id) => format!("customer {id}"),
        Changed::Tag(name) => format!("tag {name}"),
        Changed::Budget(id) => format!("budget {id}"),
        Changed::Model(id) => format!("model {id}"),
        Changed::Setting(name) => format!("setting {name}"),
        Changed::Spent(subject) => format!("spent {} {}", subject.scope.name(), subject.id),
        Changed::Everything => "everything ".to_owned(),
    }
}

/// The change that words are for.
pub(super) fn read(words: &str) -> Option<Changed> {
    let (kind, id) = words.split_once(' ')?;
    let own = || id.to_owned();
    Some(match kind {
        "key" => Changed::Key(KeyHash::parse(id)?),
        "replaced" => {
            let (old, new) = id.split_once(' ')?;
            Changed::Replaced { old: KeyHash::parse(old)?, new: KeyHash::parse(new)? }
        }
        "team" => Changed::Team(own()),
        "user" => Changed::User(own()),
        "organization" => Changed::Organization(own()),
        "customer" => Changed::Customer(own()),
        "tag" => Changed::Tag(own()),
        "budget" => Changed::Budget(own()),
        "model" => Changed::Model(own()),
        "setting" => Changed::Setting(own()),
        "spent" => {
            let (scope, id) = id.split_once(' ')?;
            Changed::Spent(Subject::new(Scope::named(scope)?, id))
        }
        "everything" => Changed::Everything,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = [
            Changed::Key(KeyHash::of(b"sk-one")),
            Changed::Replaced { old: KeyHash::of(b"sk-one"), new: KeyHash::of(b"sk-two") },
            Changed::Team("a team".to_owned()),
            Changed::User("u:1".to_owned()),
            Changed::Organization(String::new()),
            Changed::Customer("c".to_owned()),
            Changed::Tag("a tag ".to_owned()),
            Changed::Budget("b".to_owned()),
            Changed::Model("m/n".to_owned()),
            Changed::Setting("prompt/a b".to_owned()),
            Changed::Spent(Subject::member("a team", "u 1")),
            Changed::Spent(Subject::global()),
            Changed::Everything,
        ];
        for changed in all {
            assert_eq!(read(&write(&changed)), Some(changed));
        }
        assert_eq!((read("planet x"), read("key nonsense"), read("")), (None, None, None));
    }
}
