//! What a model or a team is always told.

use llm_core::{ChatRequest, Message, Role};
use serde_json::Value;

/// A system message that the operator puts into every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What is said.
    pub text: String,
    /// Where.
    pub position: Position,
}

/// Where an instruction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Position {
    /// Before the client's own system messages.
    #[default]
    Before,
    /// After those that stand at the beginning.
    After,
    /// In the place of all of them.
    Instead,
}

impl Instruction {
    /// Reads one: a text, or `{"content": …, "position": "before" | "after" | "instead"}`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(said: &Value) -> Result<Self, String> {
        let (text, position) = match said {
            Value::String(text) => (text, Position::default()),
            Value::Object(members) => {
                if let Some(other) =
                    members.keys().find(|key| !matches!(key.as_str(), "content" | "position"))
                {
                    return Err(format!("`{other}` is unknown: it has `content` and `position`"));
                }
                let position = match members.get("position").map(|position| position.as_str()) {
                    None | Some(Some("before")) => Position::Before,
                    Some(Some("after")) => Position::After,
                    Some(Some("instead")) => Position::Instead,
                    Some(_) => return Err("`position` is `before`, `after` or `instead`".to_owned()),
                };
                match members.get("content") {
                    Some(Value::String(text)) => (text, position),
                    _ => return Err("`content` must be a text".to_owned()),
                }
            }
            _ => return Err("it must be a text, or a map with `content` and `position`".to_owned()),
        };
        if text.trim().is_empty() {
            return Err("its text is empty".to_owned());
        }
        Ok(Self { text: text.clone(), position })
    }
}

/// Puts instructions into a request, the first one foremost.
pub(super) fn apply(all: &[Instruction], request: &mut ChatRequest) {
    let is_system = |message: &Message| matches!(message.role, Role::System | Role::Developer);
    if all.iter().any(|one| one.position == Position::Instead) {
        request.messages.retain(|message| !is_system(message));
    }
    let own = request.messages.iter().take_while(|message| is_system(message)).count();
    let (after, before): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.position == Position::After);
    let message = |one: &Instruction| Message::text(Role::System, one.text.as_str());
    request.messages.splice(own..own, after.into_iter().map(message));
    request.messages.splice(0..0, before.into_iter().map(message));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(all: &[Instruction]) -> Vec<String> {
        let message = |role, text: &str| Message::text(role, text);
        let mut request = ChatRequest {
            messages: vec![
                message(Role::System, "own"),
                message(Role::User, "hi"),
                message(Role::Developer, "late"),
            ],
            ..ChatRequest::default()
        };
        apply(all, &mut request);
        request.messages.iter().map(Message::joined_text).collect()
    }

    #[test]
    fn instructions_stand_where_they_say() {
        let one = |text: &str, position: &str| {
            Instruction::of(&json!({"content": text, "position": position})).expect("valid")
        };
        assert_eq!(told(&[one("a", "before"), one("b", "before")]), ["a", "b", "own", "hi", "late"]);
        assert_eq!(told(&[one("a", "after")]), ["own", "a", "hi", "late"]);
        assert_eq!(told(&[one("a", "instead"), one("b", "after")]), ["a", "b", "hi"]);
        assert_eq!(told(&[Instruction::of(&json!("a")).expect("valid")]), ["a", "own", "hi", "late"]);
    }

    #[test]
    fn what_is_no_instruction_says_why() {
        for wrong in [
            json!(7),
            json!(""),
            json!({"text": "a"}),
            json!({"content": 1}),
            json!({"content": "a", "position": "x"}),
        ] {
            assert!(Instruction::of(&wrong).is_err(), "{wrong}");
        }
    }
}
