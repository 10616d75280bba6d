//! A conversation as one prompt, by the template that this format's page of the crate describes.

use llm_core::{Losses, Message, Part, Result, Role};

/// Writes a conversation as a prompt.
pub(super) fn prompt(messages: &[Message], losses: &mut Losses) -> Result<String> {
    if let [only] = messages
        && only.role == Role::User
    {
        return text(only, losses);
    }
    losses.approximated("messages", "one prompt")?;
    let mut paragraphs = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        let label = match message.role {
            Role::System | Role::Developer => "",
            Role::Assistant => "Assistant: ",
            Role::User | Role::Tool => "User: ",
        };
        let text = text(message, losses)?;
        if !text.is_empty() {
            paragraphs.push(format!("{label}{text}"));
        }
    }
    if messages.last().is_none_or(|last| last.role != Role::Assistant) {
        paragraphs.push("Assistant:".to_owned());
    }
    Ok(paragraphs.join("\n\n"))
}

fn text(message: &Message, losses: &mut Losses) -> Result<String> {
    if message.name.is_some() {
        losses.tuning("messages.name")?;
    }
    let mut texts = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(text) => {
                if text.cache.is_some() {
                    losses.foreign_state("cache_control");
                }
                texts.push(text.text.as_str());
            }
            Part::Refusal(words) => texts.push(words),
            Part::Reasoning(_) | Part::ServerTool(_) => losses.foreign_state("messages.reasoning"),
            other => losses.meaning(format!("messages.{}", other.described().replace(' ', "_")))?,
        }
    }
    Ok(texts.join(if message.role == Role::Assistant { "" } else { "\n" }))
}

#[cfg(test)]
mod tests {
    use llm_core::LossPolicy;
    use llm_core::message::ToolCall;

    use super::*;

    fn prompt_of(messages: &[Message]) -> Result<String> {
        prompt(messages, &mut Losses::new(LossPolicy::Default))
    }

    #[test]
    fn a_single_question_stands_as_it_is() {
        assert_eq!(prompt_of(&[Message::text(Role::User, "def f():\n")]).as_deref(), Ok("def f():\n"));
    }

    #[test]
    fn a_conversation_has_a_paragraph_for_each_message() {
        let mut messages = vec![
            Message::text(Role::System, "Be brief."),
            Message::new(Role::User, vec![Part::text("Hi."), Part::text("You there?")]),
            Message::text(Role::Assistant, "Yes."),
            Message::text(Role::User, "Good."),
        ];
        let expected = "Be brief.\n\nUser: Hi.\nYou there?\n\nAssistant: Yes.\n\nUser: Good.\n\nAssistant:";
        assert_eq!(prompt_of(&messages).as_deref(), Ok(expected));
        messages.push(Message::text(Role::Assistant, "And"));
        assert!(prompt_of(&messages).is_ok_and(|prompt| prompt.ends_with("\n\nAssistant: And")));
    }

    #[test]
    fn calls_of_tools_cannot_be_said() {
        let call = Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("1", "f", "{}"))]);
        assert!(prompt_of(&[call]).is_err_and(|error| error.param() == Some("messages.tool_call")));
    }
}
