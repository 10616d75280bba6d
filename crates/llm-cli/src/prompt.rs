//! What a person asks, from the command line, standard input and files, as a message.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// The most bytes of a file: gateways take requests of some hundred megabytes.
const LARGEST: u64 = 64 << 20;

/// Settings of a request to a model.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Parameters {
    /// What the model is told before the conversation.
    #[arg(short, long, value_name = "TEXT")]
    pub system: Option<String>,
    /// How freely it answers: 0 is always much the same, 2 is wild.
    #[arg(short, long, value_name = "NUMBER")]
    pub temperature: Option<f64>,
    /// The most tokens of an answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tokens: Option<u64>,
    /// Any other field of the request: `-o top_p=0.9`, `-o 'stop=["END"]'`. Can be repeated.
    #[arg(short, long = "option", value_name = "NAME=VALUE", value_parser = option)]
    pub option: Vec<(String, Value)>,
}

impl Parameters {
    /// The fields of the request.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        if let Some(temperature) = self.temperature {
            fields.insert("temperature".to_owned(), json!(temperature));
        }
        if let Some(most) = self.max_tokens {
            fields.insert("max_tokens".to_owned(), json!(most));
        }
        fields.extend(self.option.iter().cloned());
        fields
    }

    /// A conversation that begins with this message.
    pub(crate) fn messages(&self, message: Value) -> Vec<Value> {
        let system = self.system.as_ref().map(|text| json!({"role": "system", "content": text}));
        system.into_iter().chain([message]).collect()
    }
}

/// `name=value`, with a value that is JSON, or else a text.
fn option(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("say NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

/// The message of a user: the words of the command line, what is piped in, and files.
///
/// # Errors
/// When there is nothing, or a file cannot be sent.
pub(crate) fn message(words: Option<&str>, files: &[impl AsRef<Path>]) -> Result<Value, Failure> {
    let piped = piped()?;
    let mut texts: Vec<String> = words.map(str::to_owned).into_iter().collect();
    texts.extend(piped);
    let mut parts = Vec::new();
    for file in files {
        match attachment(file.as_ref())? {
            Attachment::Text(text) => texts.push(text),
            Attachment::Part(part) => parts.push(part),
        }
    }
    let text = texts.join("\n\n");
    if text.trim().is_empty() && parts.is_empty() {
        return Err(Failure::usage("there is no question")
            .help("say it: `llm query \"why is the sky blue?\" --model …`, or pipe it in"));
    }
    if parts.is_empty() {
        return Ok(json!({"role": "user", "content": text}));
    }
    if !text.trim().is_empty() {
        parts.insert(0, json!({"type": "text", "text": text}));
    }
    Ok(json!({"role": "user", "content": parts}))
}

fn piped() -> Result<Option<String>, Failure> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    input
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read what is piped in: {error}")))?;
    let text = text.trim_end().to_owned();
    Ok((!text.is_empty()).then_some(text))
}

enum Attachment {
    Text(String),
    Part(Value),
}

/// A file as a part of a message: pictures and PDF as they are, everything else as text under its name.
fn attachment(path: &Path) -> Result<Attachment, Failure> {
    let unread = |error: io::Error| Failure::file("read", path, &error);
    if std::fs::metadata(path).map_err(unread)?.len() > LARGEST {
        return Err(Failure::usage(format!("{} is larger than 64 MiB", path.display())));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(kind) = picture(&bytes) {
        let url = format!("data:{kind};base64,{}", STANDARD.encode(&bytes));
        return Ok(Attachment::Part(json!({"type": "image_url", "image_url": {"url": url}})));
    }
    if bytes.starts_with(b"%PDF-") {
        let data = format!("data:application/pdf;base64,{}", STANDARD.encode(&bytes));
        return Ok(Attachment::Part(json!({"type": "file", "file": {"filename": name, "file_data": data}})));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::usage(format!("{name} is no text, picture or PDF"))
            .help("models read PNG, JPEG, GIF and WebP")
    })?;
    Ok(Attachment::Text(format!("{name}:\n```\n{}\n```", text.trim_end())))
}

/// The kind of a picture, by its first bytes.
fn picture(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options_are_json_where_they_can_be() {
        assert_eq!(option("top_p=0.9"), Ok(("top_p".to_owned(), json!(0.9))));
        assert_eq!(option("user=ada"), Ok(("user".to_owned(), json!("ada"))));
        assert_eq!(option("stop=[\"a=b\"]"), Ok(("stop".to_owned(), json!(["a=b"]))));
        assert!(option("top_p").is_err());
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        assert_eq!(picture(b"\x89PNG\r\n"), Some("image/png"));
        assert_eq!(picture(b"RIFF0000WEBPVP8 "), Some("image/webp"));
        assert_eq!(picture(b"text"), None);
    }
}
