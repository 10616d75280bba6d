//! A rough count of tokens, for vendors that do not count and answers whose usage never came.

use crate::message::{Message, Part};
use crate::request::{ChatRequest, Tool};

/// Tokens that a picture is taken for; vendors charge from 85 to some 1,600.
const PICTURE: u64 = 1_000;

/// Tokens of a text: four bytes of ASCII, or one other character, to a token. Within a third of the real count
/// for English, code and Chinese; marked as estimated wherever it is used.
pub fn of_text(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let other = text.chars().count() - ascii;
    (ascii.div_ceil(4) + other) as u64
}

/// Tokens of the prompt of a request.
pub fn of_request(request: &ChatRequest) -> u64 {
    let messages: u64 = request.messages.iter().map(of_message).sum();
    let tools: u64 = request.tools.iter().map(of_tool).sum();
    messages + tools + 3
}

/// Tokens of a message.
pub fn of_message(message: &Message) -> u64 {
    4 + message.parts.iter().map(of_part).sum::<u64>()
}

fn of_part(part: &Part) -> u64 {
    match part {
        Part::Text(text) => of_text(&text.text),
        Part::Refusal(text) => of_text(text),
        Part::Reasoning(reasoning) => of_text(&reasoning.text),
        Part::ToolCall(call) => of_text(&call.name) + of_text(&call.arguments) + 4,
        Part::ToolResult(result) => 4 + result.content.iter().map(of_part).sum::<u64>(),
        Part::ServerTool(block) | Part::Unknown(block) => of_text(block.raw.get()),
        _ => PICTURE,
    }
}

fn of_tool(tool: &Tool) -> u64 {
    match tool {
        Tool::Function(function) => {
            let schema = function.parameters.as_ref().map_or(0, |schema| of_text(schema.get()));
            let description = function.description.as_deref().map_or(0, of_text);
            of_text(&function.name) + description + schema + 8
        }
        Tool::Hosted { raw, .. } => of_text(raw.get()),
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use crate::Role;

    use super::*;

    #[test]
    fn four_letters_or_one_other_character_are_a_token() {
        assert_eq!(of_text("abcdefgh"), 2);
        assert_eq!(of_text("你好"), 2);
        assert_eq!(of_text(""), 0);
    }

    #[test]
    fn a_request_counts_its_messages() {
        let request =
            ChatRequest { messages: vec![Message::text(Role::User, "abcdefgh")], ..ChatRequest::default() };
        assert_eq!(of_request(&request), 4 + 2 + 3);
    }
}
