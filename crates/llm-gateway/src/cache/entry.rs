//! A kept answer: what it is, who gave it and when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use llm_core::embedding::EmbeddingResponse;
use llm_core::packed::{Packed, Reader, VERSION};
use llm_core::rerank::RerankResponse;
use llm_core::response::FinishReason;
use llm_core::{ChatResponse, Part, Usage};

/// What every entry begins with: another kind of bytes, or those of another version, are none of ours.
const MARK: [u8; 4] = [b'L', b'A', 1, VERSION];

/// A kept answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// When it was given, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The deployment that gave it.
    pub(crate) deployment: String,
    /// What its request lost on the way to the vendor.
    pub(crate) dropped: String,
    pub(crate) content: Content,
}

/// The answer itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Chat(ChatResponse),
    Embeddings(EmbeddingResponse),
    Rerank(RerankResponse),
}

impl Entry {
    pub(crate) fn new(deployment: &str, dropped: String, content: Content) -> Self {
        Self { at: now(), deployment: deployment.to_owned(), dropped, content }
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(&MARK);
        self.at.pack(&mut out);
        self.deployment.pack(&mut out);
        self.dropped.pack(&mut out);
        match &self.content {
            Content::Chat(answer) => {
                out.push(0);
                answer.pack(&mut out);
            }
            Content::Embeddings(answer) => {
                out.push(1);
                answer.pack(&mut out);
            }
            Content::Rerank(answer) => {
                out.push(2);
                answer.pack(&mut out);
            }
        }
        out.shrink_to_fit();
        out.into()
    }

    /// `None`: something else, or the entry of another version.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.strip_prefix(&MARK)?);
        let from = &mut reader;
        let (at, deployment, dropped) = (u64::unpack(from)?, String::unpack(from)?, String::unpack(from)?);
        let content = match u32::unpack(from)? {
            0 => Content::Chat(Packed::unpack(from)?),
            1 => Content::Embeddings(Packed::unpack(from)?),
            2 => Content::Rerank(Packed::unpack(from)?),
            _ => return None,
        };
        reader.is_done().then_some(Self { at, deployment, dropped, content })
    }

    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.at))
    }
}

impl Content {
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::Chat(answer) => answer.usage,
            Self::Embeddings(answer) => answer.usage,
            Self::Rerank(answer) => answer.usage,
        }
    }

    /// Whether it may be given to others: a whole answer, no refusal, not cut short. `limit`: the most tokens that the
    /// request asked for itself; an answer that ends there is what was asked.
    pub(crate) fn is_good(&self, limit: Option<u64>) -> bool {
        match self {
            Self::Chat(answer) => is_whole(answer, limit),
            Self::Embeddings(answer) => !answer.embeddings.is_empty(),
            Self::Rerank(_) => true,
        }
    }
}

fn is_whole(answer: &ChatResponse, limit: Option<u64>) -> bool {
    let has_limit = || {
        // Where somebody else cut it shorter, another call may get more.
        limit.is_some_and(|limit| answer.usage.completion_total().is_some_and(|tokens| tokens >= limit))
    };
    let good = |finish: &Option<FinishReason>| match finish {
        Some(FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::ToolCalls) => true,
        Some(FinishReason::Length) => answer.choices.len() == 1 && has_limit(),
        _ => false,
    };
    !answer.choices.is_empty()
        && answer.choices.iter().all(|choice| {
            let refuses = |part: &Part| matches!(part, Part::Refusal(_));
            good(&choice.finish)
                && !choice.message.parts.is_empty()
                && !choice.message.parts.iter().any(refuses)
        })
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use llm_core::embedding::Embedding;
    use llm_core::{Choice, Message, Role};

    use super::*;

    fn answer(finish: Option<FinishReason>, parts: Vec<Part>) -> ChatResponse {
        let message = Message::new(Role::Assistant, parts);
        ChatResponse {
            choices: vec![Choice { index: 0, message, finish, logprobs: None }],
            usage: Usage { output: Some(10), ..Usage::default() },
            ..ChatResponse::default()
        }
    }

    #[test]
    fn an_entry_comes_out_of_its_bytes_and_out_of_no_others() {
        let vectors =
            EmbeddingResponse { embeddings: vec![Embedding::of(vec![1.0])], ..EmbeddingResponse::default() };
        for content in [
            Content::Chat(answer(Some(FinishReason::Stop), vec![Part::text("hi")])),
            Content::Embeddings(vectors),
            Content::Rerank(RerankResponse::default()),
        ] {
            let entry = Entry::new("d1", "logit_bias".to_owned(), content);
            let bytes = entry.to_bytes();
            assert_eq!(Entry::read(&bytes), Some(entry));
            assert_eq!(Entry::read(&bytes[..bytes.len() - 1]), None);
            let mut other = bytes.to_vec();
            other[3] = VERSION + 1;
            assert_eq!(Entry::read(&other), None);
        }
    }

    #[test]
    fn only_whole_answers_are_kept() {
        let text = || vec![Part::text("hi")];
        let good = |finish, parts, limit| Content::Chat(answer(finish, parts)).is_good(limit);
        assert!(good(Some(FinishReason::Stop), text(), None));
        assert!(good(Some(FinishReason::ToolCalls), text(), None));
        for finish in [
            FinishReason::ContentFilter,
            FinishReason::Refusal,
            FinishReason::Paused,
            FinishReason::ContextExceeded,
            FinishReason::Error,
            FinishReason::Other("odd".to_owned()),
        ] {
            assert!(!good(Some(finish), text(), Some(10)));
        }
        assert!(!good(None, text(), None) && !good(Some(FinishReason::Stop), Vec::new(), None));
        assert!(!good(Some(FinishReason::Stop), vec![Part::Refusal("no".to_owned())], None));
    }

    #[test]
    fn an_answer_cut_where_its_request_wanted_it_is_whole() {
        let cut =
            |limit| Content::Chat(answer(Some(FinishReason::Length), vec![Part::text("hi")])).is_good(limit);
        assert!(cut(Some(10)));
        assert!(!cut(Some(100)) && !cut(None));
    }
}
