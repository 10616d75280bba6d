//! Features of requests, each with a request that has it and a look whether it is still there.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::message::{
    CacheMark, Document, Media, Message, Part, Role, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{ChatRequest, How, Loss, LossPolicy, RawJson, Target};

use super::{Fate, Sides};

/// What became of each feature, by client and vendor.
pub(crate) struct Table {
    pub(crate) clients: Vec<String>,
    pub(crate) vendors: Vec<String>,
    pub(crate) features: Vec<&'static str>,
    /// By feature, client, vendor.
    pub(crate) fates: Vec<Vec<Vec<Fate>>>,
}

impl Table {
    pub(crate) fn lost(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for (feature, of_clients) in self.features.iter().zip(&self.fates) {
            for (client, of_vendors) in self.clients.iter().zip(of_clients) {
                let silent = self.vendors.iter().zip(of_vendors).filter(|(_, fate)| **fate == Fate::Lost);
                lost.extend(silent.map(|(vendor, _)| format!("request: {feature}: {client} -> {vendor}")));
            }
        }
        lost
    }
}

struct Feature {
    name: &'static str,
    request: ChatRequest,
    holds: fn(&ChatRequest) -> bool,
}

pub(crate) fn table(sides: &[Sides]) -> Table {
    let features = features();
    let clients: Vec<&Sides> =
        sides.iter().filter(|sides| sides.client.is_some() && sides.vendor.is_some()).collect();
    let vendors: Vec<&Sides> = sides.iter().filter(|sides| sides.vendor.is_some()).collect();
    let plain = Feature { name: "text", request: hello(), holds: |_| true };
    let of_client = |feature: &Feature, client: &Sides| {
        let (read, plain) = (said(feature, client), said(&plain, client));
        // What is lost of the plainest request is what the dialect always writes, not the feature.
        let usual = |vendor: &&Sides| plain.as_ref().map(|plain| lost(plain, vendor)).unwrap_or_default();
        vendors.iter().map(|vendor| fate(feature, read.as_ref(), vendor, &usual(vendor))).collect()
    };
    let of_feature = |feature: &Feature| clients.iter().map(|client| of_client(feature, client)).collect();
    Table {
        fates: features.iter().map(of_feature).collect(),
        features: features.iter().map(|feature| feature.name).collect(),
        clients: clients.iter().map(|sides| sides.name.clone()).collect(),
        vendors: vendors.iter().map(|sides| sides.name.clone()).collect(),
    }
}

fn target(policy: LossPolicy) -> Target {
    Target {
        model: "vendor-large".to_owned(),
        policy,
        model_max_output_tokens: Some(8192),
        ..Target::default()
    }
}

/// The feature in the client's words, as the gateway reads them; `None` when the client's dialect cannot say it.
fn said(feature: &Feature, client: &Sides) -> Option<ChatRequest> {
    let (vendor, ingress) = (client.vendor.as_ref()?, client.client.as_ref()?);
    let written = vendor.encode(&feature.request, &target(LossPolicy::Drop)).ok()?;
    if !written.losses.is_empty() {
        return None;
    }
    let read = ingress.decode(&written.request.body.joined(), &HeaderMap::new());
    let read = read.unwrap_or_else(|error| panic!("{}: {}: {error}", client.name, feature.name));
    (feature.holds)(&read).then_some(read)
}

fn lost(read: &ChatRequest, vendor: &Sides) -> Vec<Loss> {
    let written = vendor.vendor.as_ref().map(|dialect| dialect.encode(read, &target(LossPolicy::Default)));
    written.and_then(Result::ok).map(|written| written.losses).unwrap_or_default()
}

fn fate(feature: &Feature, read: Option<&ChatRequest>, vendor: &Sides, usual: &[Loss]) -> Fate {
    let (Some(read), Some(dialect)) = (read, &vendor.vendor) else { return Fate::Unsayable };
    let foreign = |source: &&Source| matches!(source, Source::Url(url) if !dialect.takes_url(url));
    if read.sources().iter().any(foreign) {
        return Fate::Fetched;
    }
    let Ok(written) = dialect.encode(read, &target(LossPolicy::Default)) else { return Fate::Refused };
    match written.losses.iter().find(|loss| !usual.contains(loss)).map(|loss| loss.how) {
        Some(How::Approximated(_)) => return Fate::Approximated,
        Some(How::Dropped) => return Fate::Dropped,
        None => {}
    }
    // A vendor that no client speaks like cannot be read back: its losses are all that is known.
    let Some(ingress) = &vendor.client else { return Fate::Carried };
    let body: Bytes = written.request.body.joined();
    match ingress.decode(&body, &HeaderMap::new()) {
        Ok(arrived) if (feature.holds)(&arrived) => Fate::Carried,
        _ => Fate::Lost,
    }
}

fn asks(message: Message) -> ChatRequest {
    ChatRequest { model: "public".to_owned(), messages: vec![message], ..ChatRequest::default() }
}

fn hello() -> ChatRequest {
    asks(Message::text(Role::User, "What is the weather in Paris?"))
}

fn with_part(part: Part) -> ChatRequest {
    asks(Message::new(Role::User, vec![Part::text("Look at this."), part]))
}

fn with_tool(choice: Option<ToolChoice>) -> ChatRequest {
    ChatRequest { tools: vec![Tool::Function(weather())], tool_choice: choice, ..hello() }
}

fn weather() -> FunctionTool {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    FunctionTool {
        name: "get_weather".to_owned(),
        description: Some("The weather of a city.".to_owned()),
        parameters: RawJson::parse(schema).ok(),
        ..FunctionTool::default()
    }
}

/// A conversation in which tools were called.
fn called(calls: usize, content: &[Part], is_error: Option<bool>) -> ChatRequest {
    let id = |at: usize| format!("call_{at}");
    let call = |at| Part::ToolCall(ToolCall::new(id(at), "get_weather", r#"{"city":"Paris"}"#));
    let result = |at| {
        Part::ToolResult(ToolResult {
            call_id: id(at),
            name: Some("get_weather".to_owned()),
            content: content.to_vec(),
            is_error,
            custom: false,
            cache: None,
        })
    };
    let mut request = with_tool(None);
    request.messages.push(Message::new(Role::Assistant, (0..calls).map(call).collect()));
    request.messages.push(Message::new(Role::Tool, (0..calls).map(result).collect()));
    request
}

fn png() -> Source {
    let data =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    Source::Base64 { media_type: "image/png".to_owned(), data: data.to_owned() }
}

fn pdf() -> Source {
    Source::Base64 { media_type: "application/pdf".to_owned(), data: "JVBERi0xLjQKJSVFT0YK".to_owned() }
}

fn document(source: Source) -> Part {
    Part::Document(Document {
        source,
        title: Some("paper.pdf".to_owned()),
        context: None,
        citations: None,
        cache: None,
    })
}

fn sampled(sampling: Sampling) -> ChatRequest {
    ChatRequest { sampling, ..hello() }
}

fn thinks(options: ReasoningOptions) -> ChatRequest {
    ChatRequest { reasoning: Some(options), max_output_tokens: Some(8000), ..hello() }
}

fn parts(request: &ChatRequest) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

fn results(request: &ChatRequest) -> impl Iterator<Item = &ToolResult> {
    parts(request).filter_map(|part| if let Part::ToolResult(result) = part { Some(result) } else { None })
}

fn text_of(request: &ChatRequest, role: Role) -> String {
    let of_role = request.messages.iter().filter(|message| message.role == role);
    of_role.map(Message::joined_text).collect()
}

fn tool(request: &ChatRequest) -> Option<&FunctionTool> {
    request.tools.iter().find_map(|tool| if let Tool::Function(tool) = tool { Some(tool) } else { None })
}

fn schema() -> JsonSchema {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#;
    JsonSchema {
        name: Some("city".to_owned()),
        schema: RawJson::parse(schema).ok(),
        strict: Some(true),
        ..JsonSchema::default()
    }
}

fn features() -> Vec<Feature> {
    let mut features = conversation();
    features.extend(tools());
    features.extend(tool_results());
    features.extend(media());
    features.extend(settings());
    features
}

fn conversation() -> Vec<Feature> {
    let system = || {
        let mut request = hello();
        request.messages.insert(0, Message::text(Role::System, "Be brief."));
        request
    };
    let turns = || {
        let mut request = hello();
        request.messages.push(Message::text(Role::Assistant, "Sunny."));
        request.messages.push(Message::text(Role::User, "And tomorrow?"));
        request
    };
    let cached = || {
        let text = Text { cache: Some(CacheMark::Short), ..Text::new("A long text.") };
        asks(Message::new(Role::User, vec![Part::Text(text)]))
    };
    vec![
        Feature {
            name: "text",
            request: hello(),
            holds: |request| text_of(request, Role::User) == "What is the weather in Paris?",
        },
        Feature {
            name: "system prompt",
            request: system(),
            holds: |request| {
                [Role::System, Role::Developer].iter().any(|role| text_of(request, *role) == "Be brief.")
            },
        },
        Feature {
            name: "several turns",
            request: turns(),
            holds: |request| {
                text_of(request, Role::Assistant) == "Sunny."
                    && text_of(request, Role::User).ends_with("tomorrow?")
            },
        },
        Feature {
            name: "prompt-cache mark",
            request: cached(),
            holds: |request| {
                parts(request).any(|part| matches!(part, Part::Text(text) if text.cache.is_some()))
                    || request.cache.is_some()
            },
        },
    ]
}

fn tools() -> Vec<Feature> {
    let strict = || {
        let tool = FunctionTool { strict: Some(true), ..weather() };
        ChatRequest { tools: vec![Tool::Function(tool)], ..hello() }
    };
    let not_parallel = || ChatRequest { parallel_tool_calls: Some(false), ..with_tool(None) };
    vec![
        Feature {
            name: "tool",
            request: with_tool(None),
            holds: |request| {
                tool(request).is_some_and(|tool| {
                    tool.name == "get_weather"
                        && tool.description.is_some()
                        && tool.parameters.as_ref().is_some_and(|schema| schema.get().contains("\"city\""))
                })
            },
        },
        Feature {
            name: "strict tool",
            request: strict(),
            holds: |request| tool(request).is_some_and(|tool| tool.strict == Some(true)),
        },
        Feature {
            name: "tool choice: none",
            request: with_tool(Some(ToolChoice::None)),
            holds: |request| request.tool_choice == Some(ToolChoice::None),
        },
        Feature {
            name: "tool choice: required",
            request: with_tool(Some(ToolChoice::Required)),
            holds: |request| request.tool_choice == Some(ToolChoice::Required),
        },
        Feature {
            name: "tool choice: one tool",
            request: with_tool(Some(ToolChoice::Function("get_weather".to_owned()))),
            holds: |request| {
                request.tool_choice == Some(ToolChoice::Function("get_weather".to_owned()))
                    || request.tool_choice == Some(ToolChoice::Required)
            },
        },
        Feature {
            name: "no parallel tool calls",
            request: not_parallel(),
            holds: |request| request.parallel_tool_calls == Some(false),
        },
    ]
}

fn tool_results() -> Vec<Feature> {
    let sunny = || vec![Part::text("sunny")];
    vec![
        Feature {
            name: "tool call and result",
            request: called(1, &sunny(), None),
            holds: |request| holds_results(request, 1),
        },
        Feature {
            name: "parallel calls and results",
            request: called(2, &sunny(), None),
            holds: |request| holds_results(request, 2),
        },
        Feature {
            name: "failed tool result",
            request: called(1, &sunny(), Some(true)),
            holds: |request| results(request).any(|result| result.is_error == Some(true)),
        },
        Feature {
            name: "image in a tool result",
            request: called(1, &[Part::Image(Media::new(png()))], None),
            holds: |request| request.sources().iter().any(|source| **source == png()),
        },
    ]
}

fn holds_results(request: &ChatRequest, count: usize) -> bool {
    let calls: Vec<&ToolCall> = request.messages.iter().flat_map(Message::tool_calls).collect();
    let whole = calls.iter().all(|call| call.name == "get_weather" && call.arguments.contains("Paris"));
    let answered = results(request).filter(|result| {
        let text: String = result.content.iter().filter_map(Part::as_text).collect();
        text.contains("sunny") && calls.iter().any(|call| call.id == result.call_id)
    });
    whole && calls.len() == count && answered.count() == count
}

fn media() -> Vec<Feature> {
    let wav = || Source::Base64 { media_type: "audio/wav".to_owned(), data: "UklGRiQAAABXQVZF".to_owned() };
    let url = || Source::Url("https://example.com/cat.png".to_owned());
    vec![
        Feature {
            name: "image, bytes",
            request: with_part(Part::Image(Media::new(png()))),
            holds: |request| request.sources().iter().any(|source| **source == png()),
        },
        Feature {
            name: "image, address",
            request: with_part(Part::Image(Media::new(url()))),
            holds: |request| request.sources().iter().any(|source| matches!(source, Source::Url(_))),
        },
        Feature {
            name: "PDF, bytes",
            request: with_part(document(pdf())),
            holds: |request| request.sources().iter().any(|source| **source == pdf()),
        },
        Feature {
            name: "sound, bytes",
            request: with_part(Part::Audio(Media::new(wav()))),
            holds: |request| parts(request).any(|part| matches!(part, Part::Audio(_))),
        },
    ]
}

fn settings() -> Vec<Feature> {
    let mut features = sampling();
    features.extend(thinking());
    let formed = |output: OutputFormat| ChatRequest { output, ..hello() };
    features.extend([
        Feature {
            name: "JSON object",
            request: formed(OutputFormat::JsonObject),
            holds: |request| request.output == OutputFormat::JsonObject,
        },
        Feature {
            name: "JSON schema",
            request: formed(OutputFormat::JsonSchema(schema())),
            holds: |request| {
                matches!(&request.output, OutputFormat::JsonSchema(given)
                    if given.schema.as_ref().is_some_and(|schema| schema.get().contains("\"city\"")))
            },
        },
        Feature {
            name: "token limit",
            request: ChatRequest { max_output_tokens: Some(77), ..hello() },
            holds: |request| request.max_output_tokens == Some(77),
        },
        Feature {
            name: "end user",
            request: ChatRequest { user: Some("user-7".to_owned()), ..hello() },
            holds: |request| request.user.as_deref() == Some("user-7"),
        },
        Feature {
            name: "service tier",
            request: ChatRequest { service_tier: Some("priority".to_owned()), ..hello() },
            holds: |request| request.service_tier.as_deref() == Some("priority"),
        },
        Feature {
            name: "verbosity",
            request: ChatRequest { verbosity: Some("low".to_owned()), ..hello() },
            holds: |request| request.verbosity.as_deref() == Some("low"),
        },
    ]);
    features
}

fn sampling() -> Vec<Feature> {
    let of = |name, sampling, holds| Feature { name, request: sampled(sampling), holds };
    let none = Sampling::default;
    let bias = RawJson::parse(r#"{"50256":-100}"#).ok();
    vec![
        of("temperature", Sampling { temperature: Some(0.5), ..none() }, |request| {
            request.sampling.temperature == Some(0.5)
        }),
        of("top_p", Sampling { top_p: Some(0.25), ..none() }, |request| request.sampling.top_p == Some(0.25)),
        of("top_k", Sampling { top_k: Some(40), ..none() }, |request| request.sampling.top_k == Some(40)),
        of(
            "penalties",
            Sampling { frequency_penalty: Some(0.5), presence_penalty: Some(0.25), ..none() },
            |request| {
                request.sampling.frequency_penalty == Some(0.5)
                    && request.sampling.presence_penalty == Some(0.25)
            },
        ),
        of("seed", Sampling { seed: Some(7), ..none() }, |request| request.sampling.seed == Some(7)),
        of("stop texts", Sampling { stop: vec!["END".to_owned()], ..none() }, |request| {
            request.sampling.stop == ["END"]
        }),
        of("several answers", Sampling { n: Some(2), ..none() }, |request| request.sampling.n == Some(2)),
        of("logprobs", Sampling { logprobs: Some(true), top_logprobs: Some(3), ..none() }, |request| {
            request.sampling.logprobs == Some(true) || request.sampling.top_logprobs == Some(3)
        }),
        of("logit bias", Sampling { logit_bias: bias, ..none() }, |request| {
            request.sampling.logit_bias.is_some()
        }),
    ]
}

fn thinking() -> Vec<Feature> {
    let of = |name, options, holds| Feature { name, request: thinks(options), holds };
    let none = ReasoningOptions::default;
    vec![
        of("thinking by effort", ReasoningOptions { effort: Some("high".to_owned()), ..none() }, |request| {
            request.reasoning.as_ref().is_some_and(|options| {
                options.effort.as_deref() == Some("high") || options.budget_tokens.is_some()
            })
        }),
        of(
            "thinking by budget",
            ReasoningOptions { enabled: Some(true), budget_tokens: Some(2048), ..none() },
            |request| {
                request
                    .reasoning
                    .as_ref()
                    .is_some_and(|options| options.budget_tokens == Some(2048) || options.effort.is_some())
            },
        ),
        of("thinking off", ReasoningOptions { enabled: Some(false), ..none() }, |request| {
            request.reasoning.as_ref().is_some_and(|options| {
                options.enabled == Some(false) || options.effort.as_deref() == Some("none")
            })
        }),
    ]
}
