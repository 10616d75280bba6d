//! A conversation as one text, for models that only continue texts.
//!
//! A single message of the user goes as it is: the client wrote the prompt. Anything longer is told like a play, a
//! paragraph for each turn with its speaker (`System:`, `User:`, `Assistant:`) before it, and ends with `Assistant:`
//! for the model to continue; a conversation that ends with the assistant's words is continued from there. No model's
//! own template is guessed: servers that know it have chat completions.

use llm_core::{Losses, Message, Part, Result, Role, Wording};

/// The prompt of a conversation: texts that follow each other.
pub(crate) fn of<'a>(messages: &'a [Message], losses: &mut Losses) -> Result<Vec<Wording<'a>>> {
    if let [message] = messages
        && message.role == Role::User
    {
        return text(message, losses);
    }
    let mut prompt: Vec<Wording<'a>> = Vec::with_capacity(4 * messages.len() + 1);
    for message in messages {
        let said = text(message, losses)?;
        if said.iter().all(Wording::is_empty) {
            continue;
        }
        if !prompt.is_empty() {
            prompt.push("\n\n".into());
        }
        prompt.extend([speaker(message.role).into(), ": ".into()]);
        prompt.extend(said);
    }
    if messages.last().is_some_and(|message| message.role != Role::Assistant) {
        prompt.push("\n\nAssistant:".into());
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

fn text<'a>(message: &'a Message, losses: &mut Losses) -> Result<Vec<Wording<'a>>> {
    let mut said: Vec<Wording<'a>> = Vec::with_capacity(1);
    for part in &message.parts {
        match part {
            Part::Text(text) => said.push((&text.text).into()),
            Part::Refusal(words) => said.push(words.as_str().into()),
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
        let texts = of(&messages, &mut Losses::new(LossPolicy::Default)).expect("only texts");
        texts.iter().map(|text| &**text).collect()
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
