//! A conversation as one prompt, by the template that this format's page of the crate describes.

use llm_core::{Losses, Message, Part, Result, Role, Wording};

/// Writes a conversation as a prompt: texts that follow each other.
pub(super) fn prompt<'a>(messages: &'a [Message], losses: &mut Losses) -> Result<Vec<Wording<'a>>> {
    if let [only] = messages
        && only.role == Role::User
    {
        return text(only, losses);
    }
    losses.approximated("messages", "one prompt")?;
    let mut prompt: Vec<Wording<'a>> = Vec::with_capacity(2 * messages.len() + 1);
    for message in messages {
        let label = match message.role {
            Role::System | Role::Developer => "",
            Role::Assistant => "Assistant: ",
            Role::User | Role::Tool => "User: ",
        };
        let text = text(message, losses)?;
        if text.iter().any(|text| !text.is_empty()) {
            paragraph(&mut prompt, label);
            prompt.extend(text);
        }
    }
    if messages.last().is_none_or(|last| last.role != Role::Assistant) {
        paragraph(&mut prompt, "Assistant:");
    }
    Ok(prompt)
}

fn paragraph<'a>(prompt: &mut Vec<Wording<'a>>, beginning: &'static str) {
    if !prompt.is_empty() {
        prompt.push("\n\n".into());
    }
    prompt.push(beginning.into());
}

fn text<'a>(message: &'a Message, losses: &mut Losses) -> Result<Vec<Wording<'a>>> {
    if message.name.is_some() {
        losses.tuning("messages.name")?;
    }
    let mut texts: Vec<Wording<'a>> = Vec::with_capacity(1);
    let mut say = |text: Wording<'a>| {
        if !texts.is_empty() && message.role != Role::Assistant {
            texts.push("\n".into());
        }
        texts.push(text);
    };
    for part in &message.parts {
        match part {
            Part::Text(text) => {
                if text.cache.is_some() {
                    losses.foreign_state("cache_control");
                }
                say((&text.text).into());
            }
            Part::Refusal(words) => say(words.as_str().into()),
            Part::Reasoning(_) | Part::ServerTool(_) => losses.foreign_state("messages.reasoning"),
            other => losses.meaning(format!("messages.{}", other.described().replace(' ', "_")))?,
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use llm_core::LossPolicy;
    use llm_core::message::ToolCall;

    use super::*;

    fn prompt_of(messages: &[Message]) -> Result<String> {
        let texts = prompt(messages, &mut Losses::new(LossPolicy::Default))?;
        Ok(texts.iter().map(|text| &**text).collect())
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
