//! What the model says: the message of a whole answer, or of one event.

use llm_core::message::{Citation, ForeignBlock, Media, Reasoning, Source, Text, ToolCall};
use llm_core::{Part, RawJson, RawObject};

use crate::GENERATION;
use crate::wire::{raw, read};

/// A message as vendors of this format write it.
#[derive(Debug, Default)]
pub(crate) struct WireMessage {
    /// Thinking.
    pub(crate) reasoning: Option<String>,
    /// The text, however it was cut into items.
    pub(crate) text: Option<String>,
    /// Content that is no text.
    pub(crate) others: Vec<Part>,
    pub(crate) calls: Vec<WireCall>,
}

/// A call of a tool, or a piece of one. Later pieces have a blank id and no name.
#[derive(Debug, Default)]
pub(crate) struct WireCall {
    pub(crate) index: u64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

impl WireMessage {
    /// A message of one text.
    pub(crate) fn of_text(text: String) -> Self {
        Self { text: Some(text), ..Self::default() }
    }

    pub(crate) fn of(message: &RawObject) -> Self {
        let mut read_message = Self { reasoning: read(message, "reasoning_content"), ..Self::default() };
        match message.get("content") {
            Some(content) if content.get().starts_with('[') => {
                let items: Vec<RawJson> = content.read().unwrap_or_default();
                items.into_iter().for_each(|item| read_message.item(item));
            }
            Some(content) => read_message.text = content.read::<Option<String>>().ok().flatten(),
            None => {}
        }
        let calls: Vec<RawObject> = read(message, "tool_calls").unwrap_or_default();
        read_message.calls = (0..).zip(&calls).map(|(number, call)| WireCall::of(call, number)).collect();
        read_message
    }

    fn item(&mut self, item: RawJson) {
        let members: RawObject = item.read().unwrap_or_default();
        if let Some(text) = read::<String>(&members, "text") {
            self.text.get_or_insert_default().push_str(&text);
        } else if let Some(url) = read::<String>(&members, "image") {
            self.others.push(Part::Image(Media::new(Source::from_url(&url))));
        } else if let Some(url) = read::<String>(&members, "video") {
            self.others.push(Part::Video(Media::new(Source::from_url(&url))));
        } else {
            self.others.push(Part::Unknown(ForeignBlock { origin: GENERATION, raw: item }));
        }
    }

    /// The parts in the order in which a stream tells them.
    pub(crate) fn into_parts(self, request_id: &str, citations: Vec<Citation>) -> Vec<Part> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let thinking =
            filled(self.reasoning).map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
        let text = filled(self.text).map(|text| Part::Text(Text { citations, ..Text::new(text) }));
        let calls = self.calls.into_iter().map(|call| Part::ToolCall(call.finished(request_id)));
        thinking.into_iter().chain(text).chain(self.others).chain(calls).collect()
    }
}

impl WireCall {
    fn of(call: &RawObject, number: u64) -> Self {
        let function: RawObject = read(call, "function").unwrap_or_default();
        Self {
            index: read(call, "index").unwrap_or(number),
            id: read(call, "id").unwrap_or_default(),
            name: read(&function, "name").unwrap_or_default(),
            arguments: read(&function, "arguments").unwrap_or_default(),
        }
    }

    fn finished(self, request_id: &str) -> ToolCall {
        let id = if self.id.is_empty() { made_up_id(request_id, self.index) } else { self.id };
        ToolCall::new(id, self.name, self.arguments)
    }
}

/// The id of a call that came without one: the same whether the answer is streamed or not.
pub(crate) fn made_up_id(request_id: &str, index: u64) -> String {
    format!("call_{request_id}_{index}")
}

/// A source that the vendor's search found.
pub(crate) fn citation(result: &RawObject) -> Citation {
    Citation {
        url: read(result, "url"),
        title: read(result, "title"),
        raw: Some((GENERATION, raw(result))),
        ..Citation::default()
    }
}
