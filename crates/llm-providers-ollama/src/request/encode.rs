//! The canonical form to a server's body of `/api/chat`.

use http::{HeaderMap, Method};
use llm_core::dialect::Encoded;
use llm_core::request::{FunctionTool, OutputFormat, Sampling, Tool, ToolChoice};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, RequestBody, Result, Target, custom_tools};
use serde::Serialize;

use super::{history, thinking};
use crate::body::json;
use crate::quirks::ChatQuirks;
use crate::{CHAT, options};

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target, quirks: &ChatQuirks) -> Result<Encoded> {
    let losses = Losses::new(target.policy);
    let native = request.extras.as_ref().is_some_and(|(origin, _)| *origin == CHAT);
    let mut body = RequestBody::new(request, target, &quirks.drop_params, losses);
    body.member("model", &target.model)?;
    let turns = history::turns(request, &mut body.losses)?;
    body.member("messages", &turns)?;
    tools(request, &mut body)?;
    format(&request.output, &mut body)?;
    if let Some(asked) = &request.reasoning {
        let levels = quirks.takes_levels(&target.model);
        let think = thinking::write(asked, levels, native, &mut body.losses)?;
        body.optional("think", think.as_ref())?;
    }
    body.member("stream", &target.stream)?;
    sampling(request, &mut body)?;
    inexpressible(request, &mut body)?;
    if let Some((origin, extras)) = &request.extras {
        let extras = extras.iter().filter(|(name, _)| *origin != CHAT || *name != "options");
        body.extras(extras, |_| *origin == CHAT)?;
    }
    let (body, losses) = body.finish_with(is_member);
    Ok(Encoded { request: wire_request("/api/chat", body), losses })
}

/// A request to a server with this body.
pub(crate) fn wire_request(path: &str, body: WireBody) -> WireRequest {
    WireRequest { method: Method::POST, path: path.to_owned(), headers: HeaderMap::new(), body }
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: RawJson,
    #[serde(flatten)]
    extras: Option<&'a RawObject>,
}

/// There is no choice among tools: without any, none can be called; none can be forced.
fn tools(request: &ChatRequest, body: &mut RequestBody<'_>) -> Result<()> {
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) if request.tools.is_empty() => return Ok(()),
        Some(ToolChoice::None) => return body.losses.approximated("tool_choice", "no tools offered"),
        Some(_) => body.losses.meaning("tool_choice")?,
    }
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
        body.losses.tuning("parallel_tool_calls")?;
    }
    let mut written = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        match tool {
            Tool::Function(function) => written.push(function_tool(function, &mut body.losses)?),
            Tool::Custom { name, description, .. } => {
                written.push(custom_tool(name, description.as_deref(), &mut body.losses)?);
            }
            _ => body.losses.meaning("tools")?,
        }
    }
    body.optional("tools", (!written.is_empty()).then_some(&written))
}

fn function_tool<'a>(function: &'a FunctionTool, losses: &mut Losses) -> Result<WireTool<'a>> {
    if function.strict == Some(true) {
        losses.tuning("tools.strict")?;
    }
    let extras = match &function.extras {
        Some((CHAT, extras)) => Some(extras),
        _ => None,
    };
    let function = WireFunction {
        name: &function.name,
        description: function.description.as_deref(),
        parameters: function.parameters.clone().unwrap_or_else(no_parameters),
        extras,
    };
    Ok(WireTool { r#type: "function", function })
}

fn no_parameters() -> RawJson {
    RawJson::parse(r#"{"type":"object","properties":{}}"#).expect("valid JSON")
}

fn custom_tool<'a>(name: &'a str, description: Option<&'a str>, losses: &mut Losses) -> Result<WireTool<'a>> {
    losses.approximated("tools.custom", "a function of one text")?;
    let input = custom_tools::INPUT;
    let text = format!(
        r#"{{"type":"object","properties":{{"{input}":{{"type":"string"}}}},"required":["{input}"]}}"#
    );
    let parameters = RawJson::parse(text).expect("valid JSON");
    Ok(WireTool {
        r#type: "function",
        function: WireFunction { name, description, parameters, extras: None },
    })
}

fn format(output: &OutputFormat, body: &mut RequestBody<'_>) -> Result<()> {
    match output {
        OutputFormat::JsonObject => body.member("format", "json"),
        OutputFormat::JsonSchema(schema) => {
            if schema.description.is_some() {
                body.losses.tuning("response_format.description")?;
            }
            match &schema.schema {
                Some(schema) => body.member("format", schema),
                None => body.member("format", "json"),
            }
        }
        _ => Ok(()),
    }
}

fn sampling(request: &ChatRequest, body: &mut RequestBody<'_>) -> Result<()> {
    let mut sampling = request.sampling.clone();
    sampling.or(&body.target().sampling);
    unknown_sampling(&sampling, &mut body.losses)?;
    let limit = request.max_output_tokens.or(body.target().max_output_tokens);
    let mut given =
        own_extras(request).and_then(|extras| extras.get("options")?.read().ok()).unwrap_or_default();
    if limit.is_some() {
        RawObject::remove(&mut given, "num_predict");
    }
    for (name, value) in options::of_sampling(&sampling, limit) {
        given.insert(name, value);
    }
    options::set(&mut given, &body.target().extra_body);
    let dropped = |name: &str| body.target().drop_fields.iter().any(|field| field == name);
    let given: RawObject = given.into_iter().filter(|(name, _)| !dropped(name)).collect();
    if !given.is_empty() {
        body.joined("options", &given)?;
    }
    body.optional("logprobs", sampling.logprobs.filter(|wanted| *wanted).as_ref())?;
    body.optional("top_logprobs", sampling.top_logprobs.filter(|_| sampling.logprobs == Some(true)).as_ref())
}

/// What this format has no words for.
fn unknown_sampling(sampling: &Sampling, losses: &mut Losses) -> Result<()> {
    if sampling.n.is_some_and(|n| n > 1) {
        losses.meaning("n")?;
    }
    let biased = sampling.logit_bias.as_ref().is_some_and(|bias| !matches!(bias.get(), "{}" | "null"));
    if biased { losses.tuning("logit_bias") } else { Ok(()) }
}

fn inexpressible(request: &ChatRequest, body: &mut RequestBody<'_>) -> Result<()> {
    body.losses.tuning_of([
        ("user", request.user.is_some()),
        ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
        ("service_tier", request.service_tier.is_some()),
        ("verbosity", request.verbosity.is_some()),
    ])?;
    if request.modalities.iter().any(|modality| modality != "text") {
        body.losses.meaning("modalities")?;
    }
    Ok(())
}

fn own_extras(request: &ChatRequest) -> Option<&RawObject> {
    request.extras.as_ref().filter(|(origin, _)| *origin == CHAT).map(|(_, extras)| extras)
}

/// Whether a deployment's setting is a member of the body, not one of its options.
pub(crate) fn is_member(name: &str) -> bool {
    name != "options" && !options::is_option(name)
}

/// The options of a body that passes, with what the deployment adds; `None`: as they are.
pub(crate) fn joined_options(given: Option<RawObject>, target: &Target) -> Option<RawJson> {
    let mut joined = options::of_sampling(&target.sampling, target.max_output_tokens);
    for (name, value) in given.iter().flat_map(RawObject::iter) {
        joined.insert(name, value.clone());
    }
    options::set(&mut joined, &target.extra_body);
    let dropped = |name: &str| target.drop_fields.iter().any(|field| field == name);
    let joined: RawObject = joined.into_iter().filter(|(name, _)| !dropped(name)).collect();
    (joined != given.unwrap_or_default()).then(|| json(&joined))
}
