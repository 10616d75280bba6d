//! A conversation as one text, for models that only continue texts.
//!
//! A single message of the user goes as it is: the client wrote the prompt. Anything longer is told like a play, a
//! paragraph for each turn with its speaker (`System:`, `User:`, `Assistant:`) before it, and ends with `Assistant:`
//! for the model to continue; a conversation that ends with the assistant's words is continued from there. No model's
//! own template is guessed: servers that know it have chat completions.

use llm_core::{Losses, Message, Part, Result, Role};

/// The prompt of a conversation.
pub(crate) fn of(messages: &[Message], losses: &mut Losses) -> Result<String> {
    if let [message] = messages
        && message.role == Role::User
    {
        return text(message, losses);
    }
    let mut prompt = String::new();
    for message in messages {
        let said = text(message, losses)?;
        if said.is_empty() {
            continue;
        }
        if !prompt.is_empty() {
            prompt.push_str("\n\n");
        }
        prompt.push_str(speaker(message.role));
        prompt.push_str(": ");
        prompt.push_str(&said);
    }
    if messages.last().is_some_and(|message| message.role != Role::Assistant) {
        prompt.push_str("\n\nAssistant:");
    }
    Ok(prompt)
}

fn speaker(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "System",
        Role::Assistant => "Assistant",
        Role::User | Role::Tool => "User",
    }
}

fn text(message: &Message, losses: &mut Losses) -> Result<String> {
    let mut said = String::new();
    for part in &message.parts {
        match part {
            Part::Text(text) => said.push_str(&text.text),
            Part::Refusal(words) => said.push_str(words),
            Part::Reasoning(_) => losses.foreign_state("messages.reasoning"),
            part => losses.meaning(format!("messages.{}", part.described()))?,
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use llm_core::LossPolicy;

    use super::*;

    fn prompt(messages: &[(Role, &str)]) -> String {
        let messages: Vec<Message> =
            messages.iter().map(|(role, text)| Message::text(*role, *text)).collect();
        of(&messages, &mut Losses::new(LossPolicy::Default)).expect("only texts")
    }

    #[test]
    fn one_message_is_the_prompt_and_more_are_a_play() {
        assert_eq!(prompt(&[(Role::User, "Once upon")]), "Once upon");
        assert_eq!(
            prompt(&[(Role::System, "Be brief."), (Role::User, "Hi")]),
            "System: Be brief.\n\nUser: Hi\n\nAssistant:"
        );
        assert_eq!(
            prompt(&[(Role::User, "Hi"), (Role::Assistant, "Hello, I")]),
            "User: Hi\n\nAssistant: Hello, I"
        );
    }
}
