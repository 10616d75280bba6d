//! Sources of an answer: the format's `groundingMetadata` and `citationMetadata`, and citations on texts.
//!
//! After <https://ai.google.dev/api/generate-content#GroundingMetadata>: a support names a segment of
//! the answer by bytes, and the chunks that support it by their numbers.

use llm_core::RawJson;
use llm_core::message::Citation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::{Members, json};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Segment {
    start_index: u64,
    end_index: u64,
    text: Option<String>,
}

/// The citations that an answer's metadata tells, for the text as it stands so far.
pub(crate) fn read(candidate: &Members<'_>, text: &str) -> Vec<Citation> {
    let mut citations = grounding(candidate, text).unwrap_or_default();
    citations.extend(sources(candidate, text).unwrap_or_default());
    citations
}

/// How many searches the vendor made.
pub(crate) fn searches(candidate: &Members<'_>) -> Option<u64> {
    let metadata = candidate.object("groundingMetadata").ok().flatten()?;
    let queries: Vec<String> = metadata.read("webSearchQueries", "a list of texts").ok().flatten()?;
    let made = queries.iter().filter(|query| !query.is_empty()).count();
    u64::try_from(made).ok().filter(|made| *made > 0)
}

fn grounding(candidate: &Members<'_>, text: &str) -> Option<Vec<Citation>> {
    let metadata = candidate.object("groundingMetadata").ok().flatten()?;
    let chunks: Vec<(Option<String>, Option<String>)> =
        metadata.array("groundingChunks").ok()?.into_iter().map(chunk).collect();
    let mut citations = Vec::new();
    for support in metadata.array("groundingSupports").ok()? {
        let Ok(support) = Members::parse(support.get()) else { continue };
        let segment: Segment = support.read("segment", "a segment").ok().flatten().unwrap_or_default();
        let numbers: Vec<usize> =
            support.read("groundingChunkIndices", "numbers").ok().flatten().unwrap_or_default();
        for (url, title) in numbers.into_iter().filter_map(|number| chunks.get(number)) {
            citations.push(Citation {
                url: url.clone(),
                title: title.clone(),
                cited_text: None,
                ..placed(&segment, text)
            });
        }
    }
    Some(citations)
}

/// The address and title of a chunk, of whatever kind it is (`web`, `retrievedContext`, `maps`).
fn chunk(raw: &RawValue) -> (Option<String>, Option<String>) {
    let chunk = Members::parse(raw.get()).unwrap_or_default();
    let kind = chunk.iter().find_map(|(_, kind)| Members::parse(kind.get()).ok()).unwrap_or_default();
    (kind.text("uri").ok().flatten(), kind.text("title").ok().flatten())
}

/// `citationSources`, or `citations` as one cloud writes it.
fn sources(candidate: &Members<'_>, text: &str) -> Option<Vec<Citation>> {
    let metadata = candidate.object("citationMetadata").ok().flatten()?;
    let mut list = metadata.array("citationSources").ok()?;
    list.extend(metadata.array("citations").ok()?);
    let citations = list.into_iter().filter_map(|source| {
        let segment: Segment = serde_json::from_str(source.get()).unwrap_or_default();
        let source = Members::parse(source.get()).ok()?;
        let url = source.text("uri").ok().flatten();
        let title = source.text("title").ok().flatten();
        Some(Citation { url, title, ..placed(&segment, text) })
    });
    Some(citations.collect())
}

/// Bytes to characters. A segment that is not where it says it is stands where its words are, or nowhere.
fn placed(segment: &Segment, text: &str) -> Citation {
    let at = |byte: u64| usize::try_from(byte).ok();
    let bounds = at(segment.start_index).zip(at(segment.end_index));
    let by_bytes =
        bounds.filter(|(start, end)| text.get(*start..*end).is_some_and(|found| !found.is_empty())).filter(
            |(start, end)| segment.text.as_deref().is_none_or(|words| text.get(*start..*end) == Some(words)),
        );
    let by_words = || {
        let words = segment.text.as_deref().filter(|words| !words.is_empty())?;
        text.find(words).map(|start| (start, start + words.len()))
    };
    let characters = |byte: usize| text.get(..byte).map(|before| before.chars().count() as u64);
    let (start, end) = by_bytes.or_else(by_words).unzip();
    Citation { start: start.and_then(characters), end: end.and_then(characters), ..Citation::default() }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    grounding_chunks: Vec<ShownChunk<'a>>,
    grounding_supports: Vec<ShownSupport>,
}

#[derive(Serialize)]
struct ShownChunk<'a> {
    web: Web<'a>,
}

#[derive(PartialEq, Serialize)]
struct Web<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSupport {
    segment: ShownSegment,
    grounding_chunk_indices: [usize; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSegment {
    start_index: usize,
    end_index: usize,
    text: String,
}

/// `groundingMetadata` for a client, of texts of an answer with their citations; `None` when none has an address.
pub(crate) fn write(texts: &[(&str, &[Citation])]) -> Option<RawJson> {
    let mut shown = Shown { grounding_chunks: Vec::new(), grounding_supports: Vec::new() };
    let mut before = 0;
    for (text, citations) in texts {
        for citation in *citations {
            let Some(uri) = citation.url.as_deref() else { continue };
            let web = Web { uri, title: citation.title.as_deref() };
            let known = shown.grounding_chunks.iter().position(|chunk| chunk.web == web);
            let number = known.unwrap_or_else(|| {
                shown.grounding_chunks.push(ShownChunk { web });
                shown.grounding_chunks.len() - 1
            });
            let byte = |character: u64| {
                let skipped = usize::try_from(character).unwrap_or(usize::MAX);
                text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at)
            };
            let (start, end) = (byte(citation.start.unwrap_or(0)), byte(citation.end.unwrap_or(u64::MAX)));
            let words = text.get(start..end).unwrap_or_default().to_owned();
            shown.grounding_supports.push(ShownSupport {
                segment: ShownSegment { start_index: before + start, end_index: before + end, text: words },
                grounding_chunk_indices: [number],
            });
        }
        before += text.len();
    }
    (!shown.grounding_supports.is_empty()).then(|| json(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_characters_and_bytes_again() {
        let text = "Été chaud. Oui.";
        let metadata = r#"{"groundingMetadata":{"webSearchQueries":["été",""],"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],
            "groundingSupports":[{"segment":{"endIndex":12,"text":"Été chaud."},"groundingChunkIndices":[0,7]},
            {"segment":{"startIndex":99,"endIndex":120,"text":"Oui."},"groundingChunkIndices":[0]}]}}"#;
        let candidate = Members::parse(metadata).expect("an object");
        let citations = read(&candidate, text);
        assert_eq!(searches(&candidate), Some(1));
        let places: Vec<_> = citations.iter().map(|citation| (citation.start, citation.end)).collect();
        assert_eq!(places, [(Some(0), Some(10)), (Some(11), Some(15))]);
        let written = write(&[("x", &[]), (text, &citations)]).expect("has addresses");
        let expected = r#"{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"startIndex":1,"endIndex":13,"text":"Été chaud."},"groundingChunkIndices":[0]},{"segment":{"startIndex":14,"endIndex":18,"text":"Oui."},"groundingChunkIndices":[0]}]}"#;
        assert_eq!(written.get(), expected);
    }

    #[test]
    fn metadata_of_another_form_is_no_citation() {
        for text in [
            r#"{"groundingMetadata":{"groundingSupports":[3,{"segment":"x"}]}}"#,
            r#"{"citationMetadata":{"citationSources":7}}"#,
        ] {
            assert!(read(&Members::parse(text).expect("an object"), "abc").is_empty());
        }
    }
}
