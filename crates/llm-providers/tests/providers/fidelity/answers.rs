//! Features of answers, whole and streamed, each with an answer that has it and a look whether it is still there.

use bytes::BytesMut;
use http::HeaderMap;
use llm_core::event::{Event, unfold};
use llm_core::message::{Citation, Message, Opaque, OpaqueKind, Part, Reasoning, Role, Text, ToolCall};
use llm_core::request::Sampling;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, ChatResponse, Choice, DialectId, FinishReason, RawJson, Usage};
use llm_testkit::replay;

use super::{Fate, Sides};

/// What became of each feature, by vendor and client.
pub(crate) struct Table {
    pub(crate) vendors: Vec<String>,
    pub(crate) clients: Vec<String>,
    pub(crate) features: Vec<&'static str>,
    /// By feature, vendor, client: whole, and streamed.
    pub(crate) fates: Vec<Vec<Vec<(Fate, Fate)>>>,
}

impl Table {
    /// What a whole answer carries and a stream does not, where both can say it.
    pub(crate) fn broken_streams(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (feature, of_vendors) in self.features.iter().zip(&self.fates) {
            for (vendor, of_clients) in self.vendors.iter().zip(of_vendors) {
                let worse = self.clients.iter().zip(of_clients);
                let worse = worse.filter(|(_, fates)| **fates == (Fate::Carried, Fate::Lost));
                broken.extend(worse.map(|(client, _)| format!("stream: {feature}: {vendor} -> {client}")));
            }
        }
        broken
    }
}

struct Feature {
    name: &'static str,
    response: ChatResponse,
    holds: fn(&ChatResponse) -> bool,
}

const ELSEWHERE: DialectId = DialectId::new("test.elsewhere");

pub(crate) fn table(sides: &[Sides]) -> Table {
    let both: Vec<&Sides> =
        sides.iter().filter(|sides| sides.client.is_some() && sides.vendor.is_some()).collect();
    let features = features();
    let of_vendor = |feature: &Feature, vendor: &Sides| {
        let (whole, streamed) = (whole_of(vendor, &feature.response), streamed_of(vendor, &feature.response));
        let fates = |client: &&Sides| {
            let whole = fate(feature, whole.as_ref(), |response| whole_of(client, response));
            (whole, fate(feature, streamed.as_ref(), |response| streamed_of(client, response)))
        };
        both.iter().map(fates).collect()
    };
    let of_feature = |feature: &Feature| both.iter().map(|vendor| of_vendor(feature, vendor)).collect();
    let names: Vec<String> = both.iter().map(|sides| sides.name.clone()).collect();
    Table {
        fates: features.iter().map(of_feature).collect(),
        features: features.iter().map(|feature| feature.name).collect(),
        vendors: names.clone(),
        clients: names,
    }
}

fn fate(
    feature: &Feature,
    said: Option<&ChatResponse>,
    client: impl Fn(&ChatResponse) -> Option<ChatResponse>,
) -> Fate {
    let Some(said) = said.filter(|said| (feature.holds)(said)) else { return Fate::Unsayable };
    match client(said) {
        Some(arrived) if (feature.holds)(&arrived) => Fate::Carried,
        _ => Fate::Lost,
    }
}

fn asked() -> ChatRequest {
    let sampling =
        Sampling { n: Some(2), logprobs: Some(true), top_logprobs: Some(2), ..Sampling::default() };
    ChatRequest { model: "public".to_owned(), include_usage: Some(true), sampling, ..ChatRequest::default() }
}

/// An answer written in a dialect, and read back.
fn whole_of(sides: &Sides, response: &ChatResponse) -> Option<ChatResponse> {
    let (dialect, ingress) = (sides.vendor.as_ref()?, sides.client.as_ref()?);
    let body = ingress.encode(response, &asked());
    dialect.decode(&WireResponse { status: 200, headers: HeaderMap::new(), body }).ok()
}

/// The same as a stream.
fn streamed_of(sides: &Sides, response: &ChatResponse) -> Option<ChatResponse> {
    let (dialect, ingress) = (sides.vendor.as_ref()?, sides.client.as_ref()?);
    let mut encoder = ingress.encoder(&ChatRequest { stream: true, ..asked() });
    let mut body = BytesMut::new();
    let events: Vec<Event> = unfold(response.clone());
    events.iter().for_each(|event| encoder.push(event, &mut body));
    replay::folded(&**dialect, &body).ok()
}

fn answer(parts: Vec<Part>, finish: FinishReason) -> ChatResponse {
    let message = Message::new(Role::Assistant, parts);
    let usage = Usage { input: Some(12), output: Some(5), ..Usage::default() };
    ChatResponse {
        id: "answer-1".to_owned(),
        model: "vendor-large".to_owned(),
        created: Some(1_700_000_000),
        choices: vec![Choice { index: 0, message, finish: Some(finish), logprobs: None }],
        usage,
        ..ChatResponse::default()
    }
}

fn sunny(finish: FinishReason) -> ChatResponse {
    answer(vec![Part::text("It is sunny.")], finish)
}

fn with_usage(usage: Usage) -> ChatResponse {
    ChatResponse { usage, ..sunny(FinishReason::Stop) }
}

fn calls(count: usize) -> ChatResponse {
    let call = |at: usize| {
        Part::ToolCall(ToolCall::new(format!("call_{at}"), "get_weather", format!(r#"{{"day":{at}}}"#)))
    };
    answer((0..count).map(call).collect(), FinishReason::ToolCalls)
}

fn thinking(opaque: Option<Opaque>) -> ChatResponse {
    let reasoning = Reasoning { text: "Paris, so warm.".to_owned(), opaque, ..Reasoning::default() };
    answer(vec![Part::Reasoning(reasoning), Part::text("It is sunny.")], FinishReason::Stop)
}

fn parts(response: &ChatResponse) -> impl Iterator<Item = &Part> {
    response.choices.iter().flat_map(|choice| &choice.message.parts)
}

fn says_sunny(response: &ChatResponse) -> bool {
    response.choices.first().is_some_and(|choice| choice.message.joined_text() == "It is sunny.")
}

fn finishes(response: &ChatResponse, wanted: &FinishReason) -> bool {
    response.choices.first().is_some_and(|choice| choice.finish.as_ref() == Some(wanted))
}

fn holds_calls(response: &ChatResponse, count: usize) -> bool {
    let calls: Vec<&ToolCall> =
        response.choices.iter().flat_map(|choice| choice.message.tool_calls()).collect();
    let whole = calls.iter().enumerate().all(|(at, call)| {
        let arguments = call.arguments_object().map(|arguments| arguments.get().replace(' ', ""));
        call.name == "get_weather" && arguments == Some(format!(r#"{{"day":{at}}}"#)) && !call.id.is_empty()
    });
    whole && calls.len() == count && finishes(response, &FinishReason::ToolCalls)
}

fn cited() -> ChatResponse {
    let citation = Citation {
        url: Some("https://example.com/weather".to_owned()),
        title: Some("Weather".to_owned()),
        start: Some(0),
        end: Some(5),
        ..Citation::default()
    };
    let text = Text { citations: vec![citation], ..Text::new("It is sunny.") };
    answer(vec![Part::Text(text)], FinishReason::Stop)
}

fn two() -> ChatResponse {
    let mut response = sunny(FinishReason::Stop);
    let mut second = response.choices.clone();
    second.iter_mut().for_each(|choice| choice.index = 1);
    response.choices.extend(second);
    response
}

fn scored() -> ChatResponse {
    let mut response = sunny(FinishReason::Stop);
    let raw =
        r#"{"content":[{"token":"It","logprob":-0.5,"bytes":[73,116],"top_logprobs":[]}],"refusal":null}"#;
    response.choices.iter_mut().for_each(|choice| choice.logprobs = RawJson::parse(raw).ok());
    response
}

fn features() -> Vec<Feature> {
    let mut features = contents();
    features.extend(beside_the_text());
    features.extend(ends());
    features.extend(counts());
    features
}

fn contents() -> Vec<Feature> {
    let opaque = Opaque { origin: ELSEWHERE, kind: OpaqueKind::Signature, data: "c2lnbmVk".to_owned() };
    let refusal = answer(vec![Part::Refusal("I cannot help with that.".to_owned())], FinishReason::Refusal);
    vec![
        Feature { name: "text", response: sunny(FinishReason::Stop), holds: says_sunny },
        Feature { name: "tool call", response: calls(1), holds: |response| holds_calls(response, 1) },
        Feature {
            name: "parallel tool calls",
            response: calls(2),
            holds: |response| holds_calls(response, 2),
        },
        Feature {
            name: "thinking",
            response: thinking(None),
            holds: |response| {
                let thought = |part: &Part| {
                    matches!(part, Part::Reasoning(reasoning)
                        if reasoning.text == "Paris, so warm." || reasoning.summary == ["Paris, so warm."])
                };
                parts(response).any(thought) && says_sunny(response)
            },
        },
        Feature {
            name: "another origin's state of thinking",
            response: thinking(Some(opaque)),
            holds: |response| {
                let kept = |opaque: &Opaque| {
                    opaque.data == "c2lnbmVk"
                        || Opaque::unseal(&opaque.data).is_some_and(|own| own.data == "c2lnbmVk")
                };
                parts(response).any(|part| {
                    matches!(part, Part::Reasoning(Reasoning { opaque: Some(opaque), .. }) if kept(opaque))
                })
            },
        },
        Feature {
            name: "refusal",
            response: refusal,
            holds: |response| {
                let said = |part: &Part| {
                    matches!(part, Part::Refusal(text) if text == "I cannot help with that.")
                        || part.as_text() == Some("I cannot help with that.")
                };
                parts(response).any(said)
                    && (finishes(response, &FinishReason::Refusal)
                        || parts(response).any(|part| matches!(part, Part::Refusal(_))))
            },
        },
    ]
}

fn beside_the_text() -> Vec<Feature> {
    vec![
        Feature {
            name: "citation",
            response: cited(),
            holds: |response| {
                parts(response).any(|part| {
                    matches!(part, Part::Text(text) if text.citations.iter().any(|citation| {
                        citation.url.as_deref() == Some("https://example.com/weather")
                    }))
                })
            },
        },
        Feature {
            name: "several answers",
            response: two(),
            holds: |response| {
                let all_say = |choice: &Choice| choice.message.joined_text() == "It is sunny.";
                response.choices.len() == 2 && response.choices.iter().all(all_say)
            },
        },
        Feature {
            name: "logprobs",
            response: scored(),
            holds: |response| {
                let logprobs = response.choices.first().and_then(|choice| choice.logprobs.as_ref());
                logprobs.is_some_and(|raw| raw.get().contains("-0.5"))
            },
        },
    ]
}

fn ends() -> Vec<Feature> {
    let sequence = || FinishReason::StopSequence(Some("END".to_owned()));
    vec![
        Feature {
            name: "end: token limit",
            response: sunny(FinishReason::Length),
            holds: |response| finishes(response, &FinishReason::Length),
        },
        Feature {
            name: "end: which stop text",
            response: sunny(sequence()),
            holds: |response| finishes(response, &FinishReason::StopSequence(Some("END".to_owned()))),
        },
        Feature {
            name: "end: content filter",
            response: sunny(FinishReason::ContentFilter),
            holds: |response| {
                finishes(response, &FinishReason::ContentFilter) || finishes(response, &FinishReason::Refusal)
            },
        },
    ]
}

fn counts() -> Vec<Feature> {
    let basic = Usage { input: Some(12), output: Some(5), ..Usage::default() };
    vec![
        Feature {
            name: "tokens of prompt and answer",
            response: with_usage(basic),
            holds: |response| {
                (response.usage.prompt_total(), response.usage.completion_total()) == (Some(12), Some(5))
            },
        },
        Feature {
            name: "cached tokens",
            response: with_usage(Usage { cache_read: Some(100), ..basic }),
            holds: |response| response.usage.cache_read == Some(100) && response.usage.input == Some(12),
        },
        Feature {
            name: "tokens written to a cache",
            response: with_usage(Usage { cache_write_5m: Some(50), ..basic }),
            holds: |response| response.usage.cache_write() == Some(50) && response.usage.input == Some(12),
        },
        Feature {
            name: "thinking tokens",
            response: with_usage(Usage { reasoning: Some(7), ..basic }),
            holds: |response| response.usage.reasoning == Some(7) && response.usage.output == Some(5),
        },
    ]
}
