//! Price tables, and models' names looked up in them.

use llm_core::Usage;
use llm_core::usage::ServiceTier;
use llm_metrics::PriceBook;

use crate::sample::Draws;

/// A text is a price table or an error; any name may be looked up, and any usage priced.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let embedded = PriceBook::embedded();
    let mut draws = Draws::of(data);
    let (provider, model) = text.split_once('/').unwrap_or(("", text));
    embedded.provider_of(text);
    embedded.names_for(provider).take(3).count();
    if let Some(entry) = embedded.lookup(provider, model) {
        cost(&entry, &mut draws);
    }
    let Ok(book) = PriceBook::load(text) else { return };
    for name in text.split(['\t', '\n', '"']).take(64) {
        if let Some(entry) = book.lookup("", name).or_else(|| book.lookup(provider, name)) {
            cost(&entry, &mut draws);
        }
    }
    overridden(&book, text);
}

fn cost(entry: &llm_metrics::ModelEntry, draws: &mut Draws) {
    let mut tokens = || Some(*draws.one(&[0, 1, 200_001, u64::MAX / 2, u64::MAX]));
    let usage = Usage {
        input: tokens(),
        cache_read: tokens(),
        cache_write_5m: tokens(),
        output: tokens(),
        reasoning: tokens(),
        audio_in: tokens(),
        web_searches: tokens(),
        ..Usage::default()
    };
    for tier in [None, Some(ServiceTier::Flex), Some(ServiceTier::Priority)] {
        let _ = entry.price.cost(&Usage { tier, ..usage });
    }
}

/// Fields of a user's own entry, of the words of the text.
fn overridden(book: &PriceBook, text: &str) {
    let words: Vec<&str> = text.split(['\t', '\n', '"', ':', ',']).take(64).collect();
    let fields: Vec<(&str, &str)> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let _ = book.clone().with_overrides([("openai/gpt-4o", fields)]);
}
