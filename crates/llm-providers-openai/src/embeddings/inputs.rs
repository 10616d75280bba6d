//! The `input` of a request in its four forms.

use std::fmt;

use llm_core::embedding::EmbeddingInput;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

/// A text, a list of texts, the tokens of a text, or a list of those.
pub(super) struct Inputs(pub(super) Vec<EmbeddingInput>);

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let inputs = match deserializer.deserialize_any(ItemVisitor)? {
            Item::Text(text) => vec![EmbeddingInput::Text(text)],
            Item::List(items) => items,
            Item::Tokens(tokens) if tokens.is_empty() => Vec::new(),
            Item::Tokens(tokens) => vec![EmbeddingInput::Tokens(tokens)],
            Item::Token(_) => return Err(serde::de::Error::custom(ItemVisitor::EXPECTED)),
        };
        Ok(Self(inputs))
    }
}

enum Item {
    Text(String),
    Token(u64),
    Tokens(Vec<u64>),
    List(Vec<EmbeddingInput>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl ItemVisitor {
    const EXPECTED: &str = "expected texts or lists of tokens";

    /// An element of a list, after `items` of the same list.
    fn add<E: serde::de::Error>(items: &mut Vec<EmbeddingInput>, item: Item) -> Result<(), E> {
        items.push(match item {
            Item::Text(text) => EmbeddingInput::Text(text),
            Item::Tokens(tokens) if !tokens.is_empty() => EmbeddingInput::Tokens(tokens),
            _ => return Err(E::custom(Self::EXPECTED)),
        });
        Ok(())
    }
}

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of texts or tokens")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Item, E> {
        Ok(Item::Text(text))
    }

    fn visit_u64<E: serde::de::Error>(self, token: u64) -> Result<Item, E> {
        Ok(Item::Token(token))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        let mut tokens = Vec::new();
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Item>()? {
            match item {
                Item::Token(token) if items.is_empty() => tokens.push(token),
                item if tokens.is_empty() => Self::add(&mut items, item)?,
                _ => return Err(serde::de::Error::custom(Self::EXPECTED)),
            }
        }
        Ok(if items.is_empty() { Item::Tokens(tokens) } else { Item::List(items) })
    }
}
