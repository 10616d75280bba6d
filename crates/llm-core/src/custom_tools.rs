//! Custom tools (free text in place of JSON arguments) beyond the dialects that have them: there they travel as
//! functions with one text, and calls of them come back as calls of functions. Here they become again what the
//! client asked for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use bytes::BytesMut;

use crate::event::{Delta, Event, PartKind};
use crate::ingress::{EventEncoder, Took};
use crate::json::{RawJson, RawObject};
use crate::message::{Part, ToolCall};
use crate::request::{ChatRequest, Tool};
use crate::response::ChatResponse;

/// The parameter of a function that stands in for a custom tool.
pub const INPUT: &str = "input";

/// The arguments of a call of the function that stands in.
pub fn wrap(text: &str) -> RawJson {
    let object: RawObject = [(INPUT.to_owned(), RawJson::string(text))].into_iter().collect();
    RawJson::of(&object).expect("an object of one string is always valid JSON")
}

/// The text in such arguments; arguments of any other form are the text themselves.
pub fn unwrap(arguments: &str) -> Cow<'_, str> {
    let object: Option<RawObject> = serde_json::from_str(arguments).ok();
    let single = object.filter(|object| object.len() == 1);
    let text = single.and_then(|object| object.get(INPUT)?.read::<String>().ok());
    text.map_or(Cow::Borrowed(arguments), Cow::Owned)
}

/// The custom tools of a request.
#[derive(Clone, Debug, Default)]
pub struct CustomTools(HashSet<String>);

impl CustomTools {
    /// Those that have their name for themselves.
    pub fn of(request: &ChatRequest) -> Self {
        let mut names: HashSet<String> = request.tools.iter().filter_map(custom_name).collect();
        for tool in &request.tools {
            if let Tool::Function(function) = tool {
                names.remove(&function.name);
            }
        }
        Self(names)
    }

    /// The answer with calls of stand-ins as calls of the custom tools.
    pub fn restore<'a>(&self, response: &'a ChatResponse) -> Cow<'a, ChatResponse> {
        let mut calls = response.choices.iter().flat_map(|choice| choice.message.tool_calls());
        if !calls.any(|call| self.stands_in(call)) {
            return Cow::Borrowed(response);
        }
        let mut response = response.clone();
        for part in response.choices.iter_mut().flat_map(|choice| &mut choice.message.parts) {
            if let Part::ToolCall(call) = part
                && self.stands_in(call)
            {
                call.custom = true;
                call.arguments = unwrap(&call.arguments).into_owned();
            }
        }
        Cow::Owned(response)
    }

    /// An encoder that is told calls of stand-ins as calls of the custom tools.
    pub fn encoder(self, inner: Box<dyn EventEncoder>) -> Box<dyn EventEncoder> {
        if self.0.is_empty() {
            return inner;
        }
        Box::new(Restoring { tools: self, held: BTreeMap::new(), inner })
    }

    fn stands_in(&self, call: &ToolCall) -> bool {
        !call.custom && self.0.contains(&call.name)
    }
}

fn custom_name(tool: &Tool) -> Option<String> {
    match tool {
        Tool::Custom { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// Holds the arguments of stand-ins back until they are whole.
struct Restoring {
    tools: CustomTools,
    /// By choice and part.
    held: BTreeMap<(u32, u32), String>,
    inner: Box<dyn EventEncoder>,
}

impl EventEncoder for Restoring {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::PartStart {
                choice,
                part,
                kind: PartKind::ToolCall { id, item_id, name, custom: false },
            } if self.tools.0.contains(name) => {
                self.held.insert((*choice, *part), String::new());
                let (id, item_id, name) = (id.clone(), item_id.clone(), name.clone());
                let kind = PartKind::ToolCall { id, item_id, name, custom: true };
                self.inner.push(&Event::PartStart { choice: *choice, part: *part, kind }, out);
            }
            Event::Delta { choice, part, delta: Delta::Arguments(more) } => {
                match self.held.get_mut(&(*choice, *part)) {
                    Some(held) => held.push_str(more),
                    None => self.inner.push(event, out),
                }
            }
            Event::PartEnd { choice, part } => {
                if let Some(held) = self.held.remove(&(*choice, *part)) {
                    let delta = Delta::Arguments(unwrap(&held).into_owned());
                    self.inner.push(&Event::Delta { choice: *choice, part: *part, delta }, out);
                }
                self.inner.push(event, out);
            }
            _ => self.inner.push(event, out),
        }
    }

    fn took(&mut self, took: Took) {
        self.inner.took(took);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};

    use super::*;
    use crate::event::{Fold, unfold};
    use crate::message::{Message, Role};
    use crate::request::FunctionTool;
    use crate::response::Choice;

    struct Told(SyncSender<Event>);

    impl EventEncoder for Told {
        fn push(&mut self, event: &Event, _out: &mut BytesMut) {
            self.0.try_send(event.clone()).expect("room for a short stream");
        }
    }

    fn request() -> ChatRequest {
        let custom = |name: &str| Tool::Custom { name: name.into(), description: None, format: None };
        let function = FunctionTool { name: "both".into(), ..FunctionTool::default() };
        let tools = vec![custom("shell"), custom("both"), Tool::Function(function)];
        ChatRequest { tools, ..ChatRequest::default() }
    }

    fn response() -> ChatResponse {
        let call = |name: &str, arguments: &str| Part::ToolCall(ToolCall::new("1", name, arguments));
        let parts = vec![
            call("shell", r#"{"input":"ls \"a\"\n"}"#),
            call("shell", r#"{"input":"ls", "in":"/"}"#),
            call("shell", "{\"input\": \"cut"),
            call("both", r#"{"input":"x"}"#),
            call("other", r#"{"input":"x"}"#),
        ];
        let message = Message::new(Role::Assistant, parts);
        ChatResponse {
            choices: vec![Choice { index: 0, message, finish: None, logprobs: None }],
            ..ChatResponse::default()
        }
    }

    fn calls(response: &ChatResponse) -> Vec<(bool, &str)> {
        let calls = response.choices.iter().flat_map(|choice| choice.message.tool_calls());
        calls.map(|call| (call.custom, call.arguments.as_str())).collect()
    }

    const RESTORED: [(bool, &str); 5] = [
        (true, "ls \"a\"\n"),
        (true, r#"{"input":"ls", "in":"/"}"#),
        (true, "{\"input\": \"cut"),
        (false, r#"{"input":"x"}"#),
        (false, r#"{"input":"x"}"#),
    ];

    #[test]
    fn calls_of_stand_ins_become_calls_of_custom_tools() {
        let response = response();
        assert_eq!(calls(&CustomTools::of(&request()).restore(&response)), RESTORED);
        let untouched = CustomTools::of(&ChatRequest::default()).restore(&response).into_owned();
        assert_eq!(untouched, response);
    }

    #[test]
    fn a_stream_tells_the_same() {
        let (teller, told) = sync_channel(64);
        let mut encoder = CustomTools::of(&request()).encoder(Box::new(Told(teller)));
        unfold(response()).iter().for_each(|event| encoder.push(event, &mut BytesMut::new()));
        let mut fold = Fold::default();
        told.try_iter().for_each(|event| fold.push(event));
        assert_eq!(calls(&fold.finish().expect("a whole answer")), RESTORED);
    }

    #[test]
    fn what_was_wrapped_is_unwrapped() {
        for text in ["", "a \"b\" \\ \n", "{}"] {
            assert_eq!(unwrap(wrap(text).get()), text);
        }
    }
}
