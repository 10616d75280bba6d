//! The kinds of calls of the soak: each has a key and a model of its own, so that its sums can be told apart.

use serde_json::{Value, json};

use super::{head, rich};
use crate::gateway::deployment;
use crate::vendor::Vendor;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads the answer as it comes.
    Reads,
    /// Takes a rest after each piece.
    ReadsSlowly,
    /// Goes away after the first pieces of a stream.
    HangsUp,
    /// Goes away while the vendor thinks.
    GivesUp,
}

/// What the ledger must say of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// What the vendor told, to the token.
    Told,
    /// Nothing: no call of this kind gets an answer.
    None,
    /// What was delivered, which only the gateway knows.
    Delivered,
}

/// A kind of calls.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    /// The dialect of the vendor.
    vendor: &'static str,
    /// What the vendor does, as its model's name says.
    does: &'static str,
    /// The client's path.
    pub(crate) path: &'static str,
    pub(crate) stream: bool,
    pub(crate) manner: Manner,
    pub(crate) tokens: Tokens,
    /// Clients at a time.
    pub(crate) clients: usize,
    /// A part of the deployment's parameters.
    more: &'static str,
}

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

const PLAIN: Class = Class {
    name: "plain",
    vendor: "openai",
    does: "wait5",
    path: CHAT,
    stream: false,
    manner: Manner::Reads,
    tokens: Tokens::Told,
    clients: 2,
    more: "",
};

/// All kinds.
pub(crate) const CLASSES: [Class; 17] = [
    PLAIN,
    Class { name: "large", does: "size200000", clients: 1, ..PLAIN },
    Class { name: "streamed", does: "chunks10-pace2", stream: true, ..PLAIN },
    Class { name: "translated", vendor: "anthropic", ..PLAIN },
    Class { name: "translatedstream", vendor: "anthropic", does: "chunks10-pace2", stream: true, ..PLAIN },
    Class { name: "messages", path: MESSAGES, ..PLAIN },
    Class { name: "messagesstream", path: MESSAGES, does: "chunks10-pace2", stream: true, ..PLAIN },
    Class { name: "vectors", path: "/v1/embeddings", ..PLAIN },
    Class {
        name: "slowreader",
        does: "chunks60-words100",
        stream: true,
        manner: Manner::ReadsSlowly,
        clients: 3,
        ..PLAIN
    },
    Class {
        name: "hangup",
        does: "chunks100-pace5",
        stream: true,
        manner: Manner::HangsUp,
        tokens: Tokens::Delivered,
        ..PLAIN
    },
    Class {
        name: "giveup",
        does: "wait400",
        manner: Manner::GivesUp,
        tokens: Tokens::Delivered,
        clients: 1,
        ..PLAIN
    },
    Class { name: "malformed", does: "malformed", stream: true, tokens: Tokens::Delivered, ..PLAIN },
    Class { name: "cut", does: "cut-pace5", stream: true, tokens: Tokens::Delivered, ..PLAIN },
    Class { name: "busy", does: "wait5-status429", tokens: Tokens::None, clients: 1, ..PLAIN },
    Class { name: "broken", does: "wait5-status500", tokens: Tokens::None, clients: 1, ..PLAIN },
    Class { name: "silent", does: "hang", tokens: Tokens::None, clients: 1, more: ", timeout: 0.3", ..PLAIN },
    // Its budget pays for some calls; the others are refused, and have their rows.
    Class { name: "spent", clients: 1, ..PLAIN },
];

impl Class {
    /// The model's name, for clients and for the vendor.
    pub(crate) fn model(&self) -> String {
        format!("{}-{}", self.name, self.does)
    }

    /// Limits and budget of its key.
    pub(crate) fn terms(&self) -> Value {
        if self.name == "spent" { json!({"max_budget": 0.02}) } else { rich() }
    }

    /// Statuses that its calls may have; 0 is an answer that broke off.
    pub(crate) fn may_be(&self, status: u16) -> bool {
        match self.name {
            "spent" => matches!(status, 200 | 422),
            "busy" => status == 429,
            "broken" => matches!(status, 500 | 502 | 503),
            "silent" => matches!(status, 408 | 504),
            // The head was good; the stream tells the rest, or breaks off.
            "malformed" | "cut" => matches!(status, 200 | 0 | 502),
            _ => status == 200,
        }
    }
}

/// The configuration for all of them.
pub(crate) fn configuration(vendor: &Vendor) -> String {
    let models =
        CLASSES.iter().map(|class| deployment(class.vendor, &class.model(), vendor.address(), class.more));
    head(&models.collect::<String>(), "num_retries: 0, disable_cooldowns: true", "")
}
