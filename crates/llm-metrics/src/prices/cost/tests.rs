//! Costs computed by hand, and what must hold for any price and usage.

use llm_core::Usage;
use llm_core::money::NanoDollars;
use llm_core::usage::ServiceTier;
use proptest::prelude::*;

use super::super::PriceBook;
use super::super::price::{Price, When};
use super::super::rates::Class;
use super::Cost;

fn cost(model: &str, usage: &Usage, tier: Option<&str>) -> Cost {
    PriceBook::embedded()
        .lookup("", model)
        .expect("in the table")
        .price
        .cost(&Usage { tier: tier.and_then(ServiceTier::named), ..*usage })
}

fn dollars(text: &str) -> NanoDollars {
    llm_core::money::PicoDollars::parse(text).expect("an amount").round()
}

/// 600 · 2.50 + 400 · 1.25 + 100 · 10.00 dollars a million.
#[test]
fn cached_tokens_cost_their_own_rate_once() {
    let usage = Usage { input: Some(600), cache_read: Some(400), output: Some(100), ..Usage::default() };
    let cost = cost("gpt-4o", &usage, None);
    let expected = Cost {
        total: dollars("0.003"),
        input: dollars("0.0015"),
        output: dollars("0.001"),
        cache_read: dollars("0.0005"),
        ..Cost::default()
    };
    assert_eq!(cost, expected);
}

/// 100 · 3.00 + 1000 · 0.30 + 2000 · 3.75 + 500 · 6.00 + 50 · 15.00 dollars a million, and one search for a cent.
#[test]
fn cache_writes_cost_by_their_life_and_searches_by_the_piece() {
    let usage = Usage {
        input: Some(100),
        cache_read: Some(1000),
        cache_write_5m: Some(2000),
        cache_write_1h: Some(500),
        output: Some(50),
        web_searches: Some(1),
        ..Usage::default()
    };
    let cost = cost("claude-sonnet-4-5", &usage, None);
    assert_eq!(cost.total, dollars("0.02185"));
    assert_eq!(cost.cache_write, dollars("0.0105"));
    assert_eq!(cost.tools, dollars("0.01"));
}

/// Up to 200,000 prompt tokens 1.25 and 10.00 dollars a million, beyond it 2.50 and 15.00 for the whole request.
#[test]
fn a_long_prompt_makes_the_whole_request_dear() {
    let usage = |input| Usage { input: Some(input), output: Some(1000), ..Usage::default() };
    assert_eq!(cost("gemini/gemini-2.5-pro", &usage(200_000), None).total, dollars("0.26"));
    assert_eq!(cost("gemini/gemini-2.5-pro", &usage(200_001), None).total, dollars("0.5150025"));
}

/// 100,001 · 2.50 + 100,000 · 0.25 dollars a million.
#[test]
fn cached_tokens_count_towards_the_threshold() {
    let usage = Usage { input: Some(100_001), cache_read: Some(100_000), ..Usage::default() };
    assert_eq!(cost("gemini/gemini-2.5-pro", &usage, None).total, dollars("0.2750025"));
}

/// 1000 · 2.00 + (100 + 500) · 8.00 dollars a million; flex is half of it.
#[test]
fn thinking_without_a_rate_costs_as_answer() {
    let usage = Usage { input: Some(1000), output: Some(100), reasoning: Some(500), ..Usage::default() };
    let ordinary = cost("o3", &usage, None);
    assert_eq!((ordinary.total, ordinary.reasoning), (dollars("0.0068"), dollars("0.004")));
    assert_eq!(cost("o3", &usage, Some("flex")).total, dollars("0.0034"));
    assert_eq!(cost("o3", &usage, Some(" Batch ")).total, dollars("0.0034"));
    assert_eq!(cost("o3", &usage, Some("default")), ordinary);
}

/// Up to 256,000 prompt tokens 0.05 and 0.40 dollars a million, beyond it 0.25 and 2.00.
#[test]
fn ranges_of_prompt_length_have_their_own_rates() {
    let usage = |input| Usage { input: Some(input), output: Some(1000), ..Usage::default() };
    assert_eq!(cost("dashscope/qwen-flash", &usage(256_000), None).total, dollars("0.0132"));
    assert_eq!(cost("dashscope/qwen-flash", &usage(256_001), None).total, dollars("0.06600025"));
}

#[test]
fn nothing_used_costs_nothing() {
    assert_eq!(cost("gpt-4o", &Usage::default(), None), Cost::default());
}

const CLASSES: [Class; 4] = [Class::Input, Class::Output, Class::CacheRead, Class::Reasoning];

/// Prices whose long and priority rates are never below the ordinary ones.
fn prices() -> impl Strategy<Value = Price> {
    let named = prop::collection::vec(prop::option::of(0u64..10_000_000), Class::ALL.len());
    (named, 1u64..4, 1u64..4).prop_map(|(rates, long, priority)| {
        let mut price = Price::default();
        let mut name = |above, tier: Option<&'static str>, class, rate: u64| {
            price.set(
                When { above, tier: tier.map(Into::into) },
                class,
                llm_core::money::PicoDollars(rate.into()),
            );
        };
        for ((class, ..), rate) in Class::ALL.iter().zip(&rates) {
            let Some(rate) = *rate else { continue };
            name(0, None, *class, rate);
            name(0, Some("priority"), *class, rate * priority);
            if CLASSES.contains(class) {
                name(1000, None, *class, rate * long);
            }
        }
        price
    })
}

fn usages() -> impl Strategy<Value = Usage> {
    prop::collection::vec(prop::option::of(0u64..3000), 14).prop_map(|buckets| usage_of(&buckets))
}

fn usage_of(buckets: &[Option<u64>]) -> Usage {
    let bucket = |at: usize| buckets.get(at).copied().flatten();
    Usage {
        input: bucket(0),
        cache_read: bucket(1),
        cache_write_5m: bucket(2),
        cache_write_1h: bucket(3),
        output: bucket(4),
        reasoning: bucket(5),
        audio_in: bucket(6),
        audio_out: bucket(7),
        image_in: bucket(8),
        image_out: bucket(9),
        web_searches: bucket(10),
        images: bucket(11),
        audio_seconds: bucket(12),
        characters: bucket(13),
        ..Usage::default()
    }
}

fn tiers() -> impl Strategy<Value = Option<ServiceTier>> {
    prop::sample::select(vec![None, Some(ServiceTier::Priority), Some(ServiceTier::Flex)])
}

proptest! {
    #[test]
    fn parts_are_never_negative_and_add_up_to_the_total(price in prices(), usage in usages(), tier in tiers()) {
        let cost = price.cost(&Usage { tier, ..usage });
        let parts = [cost.input, cost.output, cost.cache_read, cost.cache_write, cost.reasoning, cost.tools];
        prop_assert!(parts.iter().all(|part| part.0 >= 0));
        let sum: i64 = parts.iter().map(|part| part.0).sum();
        prop_assert!((sum - cost.total.0).abs() <= 3, "{sum} for {}", cost.total.0);
    }

    #[test]
    fn more_tokens_never_cost_less(
        price in prices(),
        buckets in prop::collection::vec(prop::option::of(0u64..3000), 14),
        at in 0usize..14,
        more in 0u64..3000,
        tier in tiers(),
    ) {
        let before = price.cost(&Usage { tier, ..usage_of(&buckets) });
        let mut grown = buckets;
        grown[at] = Some(grown[at].unwrap_or(0) + more);
        let after = price.cost(&Usage { tier, ..usage_of(&grown) });
        prop_assert!(after.total >= before.total);
    }

    #[test]
    fn cached_tokens_never_cost_more_than_uncached_ones(
        mut price in prices(),
        input in 0u64..3000,
        cached in 0u64..3000,
        rate in 0u64..10_000_000,
        discount in 0u64..10_000_000,
    ) {
        price.forget(Class::Input);
        price.set(When::default(), Class::Input, llm_core::money::PicoDollars(rate.into()));
        let read = rate.saturating_sub(discount);
        price.set(When::default(), Class::CacheRead, llm_core::money::PicoDollars(read.into()));
        let split = Usage { input: Some(input), cache_read: Some(cached), ..Usage::default() };
        let whole = Usage { input: Some(input + cached), ..Usage::default() };
        prop_assert!(price.cost(&split).total <= price.cost(&whole).total);
    }

    #[test]
    fn absurd_counts_saturate(price in prices(), buckets in prop::collection::vec(prop::option::of(any::<u64>()), 14)) {
        prop_assert!(price.cost(&usage_of(&buckets)).total.0 >= 0);
    }
}
