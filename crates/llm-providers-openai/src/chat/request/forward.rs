//! A client's body of this format edited for a vendor of this format: what must change changes, all else stays.

use std::cell::Cell;

use bytes::Bytes;
use llm_core::dialect::Encoded;
use llm_core::envelope::Edit;
use llm_core::json::complaint;
use llm_core::message::SEAL;
use llm_core::{Envelope, Error, Losses, RawJson, RawObject, Result, Target};
use serde_json::value::RawValue;

use super::encode::{cap_field, encoded, refused, with_usage};
use super::history::NAME;
use super::{thinking, tools};
use crate::chat::calls::{unseal_id, vendor_id};
use crate::chat::fields::text_of;
use crate::quirks::{
    JsonSchemaSupport, OutputCap, Quirks, ReasoningHistory, StreamOptions, SystemRole, ThinkingSwitch,
    ToolCallIds,
};

/// Edits a body.
pub(in crate::chat) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &Quirks,
) -> Result<Encoded> {
    let old = Old { body, envelope, target, quirks };
    if quirks.json_schema == JsonSchemaSupport::ObjectOnly && old.mentions("response_format", "json_schema") {
        // The schema goes into the conversation: no edit of single members can say that.
        let mut request = super::decode(body)?;
        request.extras = request.extras.map(|(origin, extras)| {
            let own = extras.into_iter().filter(|(key, _)| !llm_core::envelope::is_gateway_field(key));
            (origin, own.collect())
        });
        return super::encode::encode(&request, target, quirks);
    }
    let mut losses = Losses::new(target.policy);
    let mut edit = envelope.edit(body);
    edit.set("model", json(&target.model)?);
    old.stream(&mut edit)?;
    old.output_cap(&mut edit)?;
    old.sampling(&mut edit)?;
    old.thinking(&mut edit, &mut losses)?;
    old.choice(&mut edit);
    old.seed(&mut edit);
    if old.value("store") != Some("true") {
        edit.remove("metadata");
    }
    let rewriter = Rewriter { quirks, lost_name: Cell::new(false) };
    for key in ["messages", "tools"] {
        if let Some(rewritten) = rewriter.member(key, &old)? {
            edit.set(key, rewritten);
        }
    }
    if rewriter.lost_name.get() {
        losses.tuning(NAME)?;
    }
    old.drops(&mut edit, &mut losses)?;
    for (key, value) in target.extra_body.iter() {
        edit.set(key, value.get().to_owned());
    }
    Ok(encoded(edit.finish(), losses))
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|fault| Error::internal(format!("cannot write the request: {fault}")))
}

/// The body as the client sent it.
struct Old<'a> {
    body: &'a Bytes,
    envelope: &'a Envelope,
    target: &'a Target,
    quirks: &'a Quirks,
}

impl Old<'_> {
    /// A member that says something.
    fn value(&self, key: &str) -> Option<&str> {
        self.envelope.value(self.body, key).filter(|text| *text != "null")
    }

    fn mentions(&self, key: &str, word: &str) -> bool {
        self.envelope
            .bytes(self.body, key)
            .is_some_and(|value| memchr::memmem::find(value, word.as_bytes()).is_some())
    }

    /// Whether a field may be added: nobody refuses it.
    fn takes(&self, field: &str) -> bool {
        let refused = self.quirks.drop_params.iter().chain(&self.target.drop_fields);
        { refused }.all(|refused| refused != field)
    }

    fn add(&self, edit: &mut Edit<'_>, field: &str, json: &[u8]) {
        if self.takes(field) {
            edit.set_default(field, json);
        }
    }

    fn stream(&self, edit: &mut Edit<'_>) -> Result<()> {
        let streamed = self.value("stream") == Some("true");
        if streamed != self.target.stream {
            edit.set("stream", if self.target.stream { "true" } else { "false" });
        }
        if !self.target.stream || self.quirks.stream_options == StreamOptions::Refused {
            edit.remove("stream_options");
        } else if !super::wants_usage(self.body, self.envelope) && self.takes("stream_options") {
            let asked = self.value("stream_options").and_then(|text| RawJson::parse(text).ok());
            edit.set("stream_options", json(&with_usage(asked.as_ref()))?);
        }
        Ok(())
    }

    fn output_cap(&self, edit: &mut Edit<'_>) -> Result<()> {
        let renamed = match self.quirks.output_cap {
            OutputCap::MaxTokens => Some(("max_completion_tokens", "max_tokens")),
            OutputCap::MaxCompletionTokens => Some(("max_tokens", "max_completion_tokens")),
            OutputCap::AsSaid => None,
        };
        if let Some((old, new)) = renamed {
            let has_new = self.envelope.range(self.body, new).is_some();
            match self.value(old).filter(|_| self.value(new).is_none()) {
                Some(said) if has_new => {
                    edit.set(new, said.to_owned());
                    edit.remove(old);
                }
                Some(_) => {
                    edit.rename(old, new);
                }
                // The new name says it, or nobody does: a null under the old one is in the way of ours.
                None => {
                    edit.remove(old);
                }
            }
        }
        let said = ["max_tokens", "max_completion_tokens"].iter().any(|key| self.value(key).is_some());
        let field = cap_field(self.quirks);
        if let (false, true, Some(most)) = (said, self.takes(field), self.target.max_output_tokens) {
            edit.set(field, json(&most)?);
        }
        Ok(())
    }

    fn sampling(&self, edit: &mut Edit<'_>) -> Result<()> {
        let defaults = &self.target.sampling;
        let numbers = [
            ("temperature", defaults.temperature),
            ("top_p", defaults.top_p),
            ("frequency_penalty", defaults.frequency_penalty),
            ("presence_penalty", defaults.presence_penalty),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                self.add(edit, key, &json(&number)?);
            }
        }
        if let Some(top_k) = defaults.top_k {
            self.add(edit, "top_k", &json(&top_k)?);
        }
        if !defaults.stop.is_empty() {
            self.add(edit, "stop", &json(&defaults.stop)?);
        }
        Ok(())
    }

    /// Puts the seed, the client's or the deployment's, under the vendor's name for it.
    fn seed(&self, edit: &mut Edit<'_>) {
        let name = self.quirks.seed_field.as_deref().unwrap_or("seed");
        let default = self.target.sampling.seed.map(|seed| seed.to_string());
        let said = self.value("seed").map(str::to_owned);
        if name != "seed" {
            edit.remove("seed");
        }
        if let Some(seed) = said.or(default) {
            self.add(edit, name, seed.as_bytes());
        }
    }

    /// Says the wish to think in the vendor's words; a wish that is in its words already stays as it is.
    fn thinking(&self, edit: &mut Edit<'_>, losses: &mut Losses) -> Result<()> {
        let switch = self.quirks.thinking_switch;
        let native: &[&str] = match switch {
            ThinkingSwitch::ReasoningEffort => &["reasoning_effort"],
            ThinkingSwitch::ThinkingType => &["reasoning_effort", "thinking"],
            ThinkingSwitch::EnableThinking => &["enable_thinking", "thinking_budget"],
            ThinkingSwitch::Reasoning => &["reasoning"],
            ThinkingSwitch::TemplateArguments | ThinkingSwitch::None => &[],
        };
        let said = || thinking::FIELDS.iter().filter(|key| self.value(key).is_some());
        if said().all(|key| native.contains(key)) {
            return Ok(());
        }
        let members =
            said().filter_map(|key| Some(((*key).to_owned(), RawJson::parse(self.value(key)?).ok()?)));
        let text = json(&members.collect::<RawObject>())?;
        let request = super::decode_options(&text)?;
        for key in said() {
            edit.remove(key);
        }
        for (key, value) in thinking::fields(request.as_ref(), switch, losses)? {
            let value = match self.value(key).and_then(|old| RawJson::parse(old).ok()) {
                Some(old) => thinking::joined(&value, &old),
                None => value,
            };
            if self.takes(key) {
                edit.set(key, value.get().to_owned());
            }
        }
        Ok(())
    }

    fn choice(&self, edit: &mut Edit<'_>) {
        let word = RawJson::string(tools::required_word(self.quirks));
        let said = self.value("tool_choice");
        if matches!(said, Some("\"required\"" | "\"any\"")) && said != Some(word.get()) {
            edit.set("tool_choice", word.get().to_owned());
        }
    }

    fn drops(&self, edit: &mut Edit<'_>, losses: &mut Losses) -> Result<()> {
        for field in &self.quirks.drop_params {
            let said = self.value(field).is_some_and(|value| !(field == "n" && value == "1"));
            if edit.remove(field) && said {
                refused(field, losses)?;
            }
        }
        for field in &self.target.drop_fields {
            if edit.remove(field) {
                losses.foreign_state(field.clone());
            }
        }
        Ok(())
    }
}

/// Rewrites what lies deeper than the top level, when a substring search finds that there may be something.
struct Rewriter<'q> {
    quirks: &'q Quirks,
    /// A speaker's name was taken out.
    lost_name: Cell<bool>,
}

impl Rewriter<'_> {
    fn member(&self, key: &str, old: &Old<'_>) -> Result<Option<Vec<u8>>> {
        let bytes = old.envelope.bytes(old.body, key);
        if !bytes.is_some_and(|bytes| self.concerns(key, bytes, old.envelope)) {
            return Ok(None);
        }
        let Some(text) = old.value(key) else { return Ok(None) };
        let mut items: Vec<RawObject> = serde_json::from_str(text).map_err(|fault| {
            Error::invalid(format!("invalid `{key}`: {}", complaint(&fault))).with_param(key)
        })?;
        let mut changed = false;
        for item in &mut items {
            changed |= if key == "messages" { self.message(item) } else { self.tool(item) };
        }
        if changed { json(&items).map(Some) } else { Ok(None) }
    }

    /// The scan's marks of keys rule most bodies out at no cost; only a value needs a search.
    fn concerns(&self, key: &str, text: &[u8], envelope: &Envelope) -> bool {
        let may = |key: &str| envelope.may_have_nested(key);
        let has = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
        let quirks = self.quirks;
        if !quirks.cache_control && may("cache_control") && has("\"cache_control\"") {
            return true;
        }
        if key == "tools" {
            return quirks.refuses_strict_tools && may("strict") && has("\"strict\"");
        }
        let thinks = quirks.reasoning_history != ReasoningHistory::ReasoningDetails;
        let thinking = thinks && ["reasoning", "reasoning_content", "reasoning_details"].into_iter().any(may);
        let calls = may("tool_calls") || may("tool_call_id");
        (may("thinking_blocks") && has("\"thinking_blocks\""))
            // Sealed state stands in ids of calls and beside them, and in thinking.
            || ((calls || thinking || may("thinking_blocks") || may("extra_content")) && has(SEAL))
            || (thinking && has("\"reasoning"))
            || (quirks.system_role == SystemRole::System && has("\"developer\""))
            || (quirks.tool_call_ids != ToolCallIds::Any && calls && has("\"tool_call"))
            || (quirks.reasoning_history_required && may("tool_calls") && has("\"tool_calls\""))
            || (quirks.refuses_names && has("\"name\""))
    }

    fn message(&self, message: &mut RawObject) -> bool {
        let mut changed = false;
        let developer = message.get("role").is_some_and(|role| role.get() == "\"developer\"");
        if developer && self.quirks.system_role == SystemRole::System {
            message.insert("role", RawJson::string("system"));
            changed = true;
        }
        changed |= self.name(message);
        changed |= self.reasoning(message);
        changed |= edit_text(message, "tool_call_id", |id| self.id(id));
        changed |= edit_list(message, "tool_calls", |call| {
            let stripped = self.strip_cache(call);
            edit_text(call, "id", |id| self.id(id)) | strip_sealed(call) | stripped
        });
        changed | edit_list(message, "content", |part| self.strip_cache(part)) | self.strip_cache(message)
    }

    fn name(&self, message: &mut RawObject) -> bool {
        let of_tool = matches!(message.get("role").map(RawJson::get), Some("\"tool\"" | "\"function\""));
        let lost = self.quirks.refuses_names && !of_tool && message.remove("name").is_some();
        self.lost_name.set(self.lost_name.get() | lost);
        lost
    }

    /// Leaves of earlier thinking what the vendor takes back.
    fn reasoning(&self, message: &mut RawObject) -> bool {
        let place = self.quirks.reasoning_history;
        let kept = match place {
            ReasoningHistory::ReasoningContent => "reasoning_content",
            ReasoningHistory::Reasoning => "reasoning",
            ReasoningHistory::ReasoningDetails => "reasoning_details",
            ReasoningHistory::None | ReasoningHistory::ThinkingPart => "",
        };
        let mut text = None;
        let mut changed = false;
        for field in ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"] {
            if field == kept {
                continue;
            }
            if let Some(value) = message.remove(field) {
                changed = true;
                text = text.or(Some(value).filter(|value| value.get().starts_with('"')));
            }
        }
        let calls = message.get("tool_calls").is_some_and(|calls| calls.get().len() > 2 && !calls.is_null());
        if self.quirks.reasoning_history_required && calls && message.get(kept).is_none() && text.is_none() {
            message.insert(kept, RawJson::string(""));
            changed = true;
        }
        // A text that stood in the other field moves.
        if let (Some(text), "reasoning_content" | "reasoning") = (text, kept)
            && message.get(kept).is_none()
        {
            message.insert(kept, text);
        }
        changed
    }

    fn id(&self, id: &str) -> Option<String> {
        let (plain, _) = unseal_id(id);
        let new = vendor_id(&plain, self.quirks.tool_call_ids);
        (new != id).then(|| new.into_owned())
    }

    fn strip_cache(&self, object: &mut RawObject) -> bool {
        !self.quirks.cache_control && object.remove("cache_control").is_some()
    }

    fn tool(&self, tool: &mut RawObject) -> bool {
        let mut changed = self.strip_cache(tool);
        let strict = self.quirks.refuses_strict_tools;
        let function = tool.get("function").and_then(|function| function.read::<RawObject>().ok());
        if let Some(mut function) = function {
            let removed = self.strip_cache(&mut function) | (strict && function.remove("strict").is_some());
            if let (true, Ok(raw)) = (removed, RawJson::of(&function)) {
                tool.insert("function", raw);
                changed = true;
            }
        }
        changed
    }
}

/// Takes sealed state of another dialect out of a call.
fn strip_sealed(call: &mut RawObject) -> bool {
    let sealed = call.get("extra_content").is_some_and(|extra| extra.get().contains(SEAL));
    sealed && call.remove("extra_content").is_some()
}

fn edit_text(object: &mut RawObject, key: &str, edit: impl FnOnce(&str) -> Option<String>) -> bool {
    let raw = object.get(key).and_then(|value| serde_json::from_str::<&RawValue>(value.get()).ok());
    let new = raw.and_then(text_of).and_then(|text| edit(&text));
    match new {
        Some(text) => {
            object.insert(key, RawJson::string(&text));
            true
        }
        None => false,
    }
}

fn edit_list(object: &mut RawObject, key: &str, mut edit: impl FnMut(&mut RawObject) -> bool) -> bool {
    let Some(mut items) = object.get(key).and_then(|list| list.read::<Vec<RawObject>>().ok()) else {
        return false;
    };
    let mut changed = false;
    for item in &mut items {
        changed |= edit(item);
    }
    match RawJson::of(&items) {
        Ok(raw) if changed => {
            object.insert(key, raw);
            true
        }
        _ => false,
    }
}
