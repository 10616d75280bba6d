//! Messages and their parts.

use super::Essence;
use crate::json::RawJson;
use crate::message::{
    Citation, Document, ForeignBlock, Media, Message, Opaque, Part, Reasoning, Role, Source, ToolCall,
    ToolResult,
};
use crate::packed::Packed as _;

impl Essence {
    pub(super) fn message(&mut self, at: usize, message: &Message) {
        let Message { role, parts, name, extras } = message;
        self.tag(match role {
            Role::System => 0,
            Role::Developer => 1,
            Role::User => 2,
            Role::Assistant => 3,
            Role::Tool => 4,
        });
        self.put(&(parts.len() as u64));
        for (place, part) in parts.iter().enumerate() {
            if self.left_out == Some((at, place)) {
                self.tag(u8::MAX);
            } else {
                self.part(part);
            }
        }
        self.put(name);
        self.extras(extras.as_ref());
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => {
                self.tag(0);
                self.text(&text.text);
                self.put(&(text.citations.len() as u64));
                text.citations.iter().for_each(|citation| self.citation(citation));
            }
            Part::Image(media) => self.media(1, media),
            Part::Audio(media) => self.media(2, media),
            Part::Video(media) => self.media(3, media),
            Part::Document(Document { source, title, context, citations, cache: _ }) => {
                self.tag(4);
                match source {
                    Source::Text(text) => self.writing(text),
                    source => self.source(source),
                }
                self.put(title);
                self.put(&context.is_some());
                context.iter().for_each(|context| self.writing(context));
                self.put(citations);
            }
            Part::ToolCall(call) => self.call(call),
            Part::ToolResult(result) => self.result(result),
            Part::Reasoning(Reasoning { id: _, text, summary, opaque }) => {
                self.tag(7);
                self.text(text);
                self.put(summary);
                self.opaque(opaque.as_ref());
            }
            Part::Refusal(words) => {
                self.tag(8);
                self.text(words);
            }
            Part::ServerTool(block) => self.block(9, block),
            Part::Unknown(block) => self.block(10, block),
        }
    }

    /// What stands in a document. A format that has documents as objects has them here as JSON, which may be spelled in
    /// several ways.
    fn writing(&mut self, text: &str) {
        let object = text.starts_with('{').then(|| RawJson::parse(text).ok()).flatten();
        self.tag(if object.is_some() { 4 } else { 3 });
        match object {
            Some(raw) => self.json(&raw),
            None => self.text(text),
        }
    }

    fn citation(&mut self, citation: &Citation) {
        let Citation { url, title, cited_text, start, end, raw } = citation;
        self.put(url);
        self.put(title);
        self.put(cited_text);
        self.put(start);
        self.put(end);
        match raw {
            // Clients write anew what they were told, in their own order and with their own white space.
            Some((origin, raw)) => {
                self.tag(1);
                self.origin(*origin);
                self.json(raw);
            }
            None => self.tag(0),
        }
    }

    fn media(&mut self, tag: u8, media: &Media) {
        let Media { source, detail, transcript, id, cache: _ } = media;
        self.tag(tag);
        self.source(source);
        self.put(detail);
        self.put(transcript);
        self.put(id);
    }

    fn source(&mut self, source: &Source) {
        source.pack(&mut self.out);
    }

    fn call(&mut self, call: &ToolCall) {
        let ToolCall { id, item_id: _, name, arguments, custom, opaque, cache: _ } = call;
        self.tag(5);
        self.id(id);
        self.text(name);
        // The same arguments may be spelled in several ways, as they come from a model.
        match call.arguments_object().filter(|_| !custom) {
            Some(raw) => self.json(&raw),
            None => self.text(arguments),
        }
        self.put(custom);
        self.opaque(opaque.as_ref());
    }

    fn result(&mut self, result: &ToolResult) {
        let ToolResult { call_id, name: _, content, is_error, custom, cache: _ } = result;
        self.tag(6);
        self.id(call_id);
        self.put(&(content.len() as u64));
        content.iter().for_each(|part| self.part(part));
        self.put(&is_error.filter(|failed| *failed));
        self.put(custom);
    }

    fn opaque(&mut self, opaque: Option<&Opaque>) {
        match opaque {
            Some(opaque) => {
                self.tag(1);
                opaque.pack(&mut self.out);
            }
            None => self.tag(0),
        }
    }

    fn block(&mut self, tag: u8, block: &ForeignBlock) {
        self.tag(tag);
        self.origin(block.origin);
        self.json(&block.raw);
    }
}
