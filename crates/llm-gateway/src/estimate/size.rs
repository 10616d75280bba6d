//! How large a request is: bounds of what a vendor can count in it, read off its bytes.

use bytes::Bytes;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{Envelope, Ingress};
use memchr::{memchr_iter, memmem};

/// Tokens that a picture or a file is taken for at most; the largest that a vendor charges for a picture is below.
const MEDIUM: u64 = 40_000;

/// The same, as it usually is.
const USUAL_MEDIUM: u64 = 1_000;

/// Members that hold the address of a picture, a file or a page.
const ADDRESSES: [&str; 8] =
    ["url", "image_url", "file_url", "fileUri", "file_uri", "uri", "s3Location", "images"];

/// Tokens that a vendor's own instructions for tools may have.
const TOOLS: u64 = 1_000;

/// Tokens that a model hears and says in one turn of a conversation, where nobody knows how many it can.
const TURN: u64 = 32_000;
const ANSWER: u64 = 4_096;

/// Web searches that an answer is taken to make at most.
const SEARCHES: u64 = 10;

/// Tokens that a picture which is made is taken for at most.
const PICTURE: u64 = 8_192;

/// Strings from here on may be a medium.
const LONG: usize = 4 * 1024;

/// As much of a long string is looked at.
const LOOKED_AT: usize = 256;

/// Bytes of a second of sound, at least: no codec of speech is below.
const SOUND: u64 = 1_000;

/// Documents to a search of a reranking, and tokens to a document.
const DOCUMENTS: u64 = 100;
const DOCUMENT: u64 = 500;

/// How large a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Tokens of the prompt, at most: no token is shorter than a byte.
    pub prompt: u64,
    /// The same, as it usually is.
    pub rough: u64,
    /// The vendor adds to the prompt what nobody knows: what it finds, files that it holds.
    pub is_open: bool,
    /// The most tokens of an answer, where the request says.
    pub limit: Option<u64>,
    /// Answers that are asked for.
    pub choices: u64,
    /// Tokens that are made where no limit of an answer holds: of pictures and sound.
    pub made: u64,
    pub images: u64,
    pub seconds: u64,
    pub characters: u64,
    pub searches: u64,
    pub sound: bool,
    pub long_cache: bool,
    pub tiers: bool,
}

impl Size {
    pub(crate) fn of(inbound: &Inbound) -> Self {
        let bytes = inbound.body.len() as u64;
        let mut size = Self { choices: 1, ..Self::default() };
        match inbound.asked.operation {
            Operation::CountTokens | Operation::Moderation => {}
            Operation::Transcription | Operation::Translation => {
                size.seconds = bytes.div_ceil(SOUND);
                size.prompt = size.seconds.saturating_mul(32);
                size.made = size.seconds.saturating_mul(10);
                size.sound = true;
            }
            Operation::Speech => {
                size.read_body(inbound);
                size.characters = bytes;
                size.made = bytes.saturating_mul(10);
                size.sound = true;
            }
            Operation::ImageGeneration | Operation::ImageEdit | Operation::ImageVariation => {
                size.read_pictures(inbound);
            }
            Operation::Rerank => {
                size.read_body(inbound);
                let documents = inbound.envelope.longest_list() as u64 + size.prompt / DOCUMENT;
                size.searches = documents.div_ceil(DOCUMENTS).max(1);
            }
            Operation::Embeddings => size.read_body(inbound),
            _ => size.read_chat(inbound),
        }
        size
    }

    /// Of a request that passes as it is, in a format that may be known.
    pub(crate) fn of_passing(body: &Bytes, ingress: Option<&dyn Ingress>) -> Self {
        let envelope = Envelope::scan(body).unwrap_or_default();
        let Words { prompt, rough, has_document } = words(body, true);
        Self {
            prompt: prompt.saturating_add(TOOLS),
            rough,
            is_open: has_document,
            limit: ingress.and_then(|ingress| ingress.max_output_tokens(body, &envelope)),
            choices: envelope.read::<u64>(body, "n").ok().flatten().unwrap_or(1).clamp(1, 128),
            sound: true,
            long_cache: true,
            tiers: true,
            ..Self::default()
        }
    }

    /// Of one turn of a conversation: as much as the model can hear and say at once.
    pub(crate) fn of_turn() -> Self {
        Self { prompt: TURN, is_open: true, made: ANSWER, choices: 1, sound: true, ..Self::default() }
    }

    fn read_body(&mut self, inbound: &Inbound) {
        let (body, envelope) = (&inbound.body, &inbound.envelope);
        let may_be_fetched = ADDRESSES.iter().any(|key| envelope.may_have_nested(key));
        let Words { prompt, rough, has_document } = words(body, may_be_fetched);
        (self.prompt, self.rough, self.is_open) = (prompt, rough, has_document);
    }

    fn read_pictures(&mut self, inbound: &Inbound) {
        if inbound.form.is_some() {
            self.prompt = (inbound.body.len() as u64).min(16 * MEDIUM);
            self.rough = MEDIUM / 10;
        } else {
            self.read_body(inbound);
        }
        self.images = count(inbound, "n").clamp(1, 128);
        self.made = self.images.saturating_mul(PICTURE);
    }

    fn read_chat(&mut self, inbound: &Inbound) {
        let (body, envelope) = (&inbound.body, &inbound.envelope);
        self.read_body(inbound);
        let has = |key: &str| envelope.may_have_nested(key) || envelope.range(body, key).is_some();
        let says = |word: &[u8]| memmem::find(body, word).is_some();
        let has_tools = has("tools") || has("functions");
        if has_tools {
            self.prompt = self.prompt.saturating_add(TOOLS);
        }
        let may_search = has_tools || has("web_search_options") || has("plugins");
        if may_search && (says(b"web_search") || says(b"google_search") || says(b"googleSearch")) {
            (self.searches, self.is_open) = (SEARCHES, true);
        }
        let stored = [
            "previous_response_id",
            "conversation",
            "prompt",
            "cachedContent",
            "cached_content",
            "container",
        ];
        self.is_open |= stored.into_iter().any(|key| envelope.range(body, key).is_some());
        // Files that the vendor holds.
        self.is_open |= has("file_id");
        self.sound = has("input_audio")
            || has("audio")
            || has("modalities")
            || has("inlineData")
            || has("inline_data");
        self.long_cache = has("ttl");
        self.tiers = has("service_tier") || has("serviceTier") || has("speed");
        self.limit = inbound.ingress.max_output_tokens(body, envelope);
        self.choices = ["n", "best_of"].into_iter().map(|key| count(inbound, key)).max().unwrap_or(1);
        if has("candidateCount") || has("candidate_count") {
            // Nobody asks for more.
            self.choices = self.choices.max(8);
        }
        self.choices = self.choices.clamp(1, 128);
    }
}

fn count(inbound: &Inbound, key: &str) -> u64 {
    inbound.option::<u64>(key).ok().flatten().unwrap_or(1)
}

/// What a body's strings say of its size.
struct Words {
    prompt: u64,
    rough: u64,
    /// There is a document in it: a page of one is few bytes and many tokens.
    has_document: bool,
}

/// Reads a body once; what stands behind addresses is counted where there may be some.
fn words(body: &[u8], may_be_fetched: bool) -> Words {
    let (mut text, mut media, mut pieces, mut has_document) = (body.len(), 0u64, 0u64, false);
    if body.len() >= LONG {
        let mut from = 0;
        for quote in memchr_iter(b'"', body) {
            let string = body.get(from..quote).unwrap_or_default();
            if string.len() >= LONG && is_base64(string) {
                text -= string.len();
                media += (string.len() as u64).min(MEDIUM);
                pieces += 1;
                has_document |= is_document(string);
            }
            from = quote + 1;
        }
    }
    // What stands behind an address is fetched by the vendor, or by us for it.
    let words: &[&[u8]] = if may_be_fetched { &[b"\"http", b"\"gs://", b"\"s3://"] } else { &[] };
    let fetched: usize = words.iter().map(|word| memmem::find_iter(body, word).count()).sum();
    let text = text as u64;
    Words {
        prompt: text.saturating_add(media).saturating_add((fetched as u64).saturating_mul(MEDIUM)),
        rough: text.div_ceil(4).saturating_add(pieces.saturating_mul(USUAL_MEDIUM)),
        has_document,
    }
}

/// Whether a base64 text begins as a PDF does.
fn is_document(string: &[u8]) -> bool {
    let start = string.get(..LOOKED_AT).unwrap_or(string);
    start.starts_with(b"JVBER") || memmem::find(start, b"base64,JVBER").is_some()
}

/// Whether a string is base64 by its beginning, with or without `data:image/png;base64,` before it.
fn is_base64(string: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=:;,.".contains(byte);
    string.get(..LOOKED_AT).is_some_and(|start| start.iter().all(letter))
}
