//! The canonical chat request: wider than any one dialect, so that every dialect can be read into it.

use crate::dialect::DialectId;
use crate::json::{RawJson, RawObject};
use crate::message::{CacheMark, Message, Part};
use crate::words::Words;

/// A request for a chat answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The model's name as the client wrote it.
    pub model: String,
    /// The conversation in order, system text included at its place.
    pub messages: Vec<Message>,
    /// Tools that the model may call.
    pub tools: Vec<Tool>,
    /// Whether and which tool must be called.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub output: OutputFormat,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// The most tokens that the answer may have, thinking included.
    pub max_output_tokens: Option<u64>,
    /// How much to think.
    pub reasoning: Option<ReasoningOptions>,
    /// Automatic prompt caching asked for the whole request.
    pub cache: Option<CacheMark>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether the client wants usage in the stream.
    pub include_usage: Option<bool>,
    /// The end user, for the vendor's abuse detection and our accounting.
    pub user: Option<String>,
    /// The client's own labels.
    pub metadata: Option<RawObject>,
    /// Priority class at the vendor (`auto`, `default`, `flex`, `priority`, `standard_only` …).
    pub service_tier: Option<String>,
    /// How wordy the answer should be (`low`, `medium`, `high`).
    pub verbosity: Option<String>,
    /// Kinds of output asked for beside text (`audio`, `image`).
    pub modalities: Vec<String>,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

impl ChatRequest {
    /// Takes what is missing here from `defaults`, the conversation and where it goes excepted: how to answer, think
    /// and call tools.
    pub fn or(&mut self, defaults: &Self) {
        if self.tools.is_empty() {
            self.tools.clone_from(&defaults.tools);
        }
        if self.output == OutputFormat::Text {
            self.output.clone_from(&defaults.output);
        }
        if self.modalities.is_empty() {
            self.modalities.clone_from(&defaults.modalities);
        }
        missing(&mut self.tool_choice, defaults.tool_choice.as_ref());
        missing(&mut self.parallel_tool_calls, defaults.parallel_tool_calls.as_ref());
        missing(&mut self.max_output_tokens, defaults.max_output_tokens.as_ref());
        missing(&mut self.reasoning, defaults.reasoning.as_ref());
        missing(&mut self.user, defaults.user.as_ref());
        missing(&mut self.service_tier, defaults.service_tier.as_ref());
        missing(&mut self.verbosity, defaults.verbosity.as_ref());
        self.sampling.or(&defaults.sampling);
    }

    /// The texts that are kept as they were spelled, those in tool results included.
    pub(crate) fn long_texts(&self) -> Vec<&Words> {
        fn collect<'a>(parts: &'a [Part], found: &mut Vec<&'a Words>) {
            for part in parts {
                match part {
                    Part::Text(text) if text.text.spelling().is_some() => found.push(&text.text),
                    Part::ToolResult(result) => collect(&result.content, found),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        self.messages.iter().for_each(|message| collect(&message.parts, &mut found));
        found
    }
}

/// How tokens are drawn. Numbers are the client's; nobody's default is filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// Randomness.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Only the k likeliest tokens.
    pub top_k: Option<u64>,
    /// Penalty on tokens by how often they came.
    pub frequency_penalty: Option<f64>,
    /// Penalty on tokens that came at all.
    pub presence_penalty: Option<f64>,
    /// For repeatable answers.
    pub seed: Option<i64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// How many answers.
    pub n: Option<u64>,
    /// Whether to report log probabilities.
    pub logprobs: Option<bool>,
    /// How many alternatives to report for each token.
    pub top_logprobs: Option<u64>,
    /// Bias by token id.
    pub logit_bias: Option<RawJson>,
}

impl Sampling {
    /// Takes what is missing here from `defaults`.
    pub fn or(&mut self, defaults: &Self) {
        self.temperature = self.temperature.or(defaults.temperature);
        self.top_p = self.top_p.or(defaults.top_p);
        self.top_k = self.top_k.or(defaults.top_k);
        self.frequency_penalty = self.frequency_penalty.or(defaults.frequency_penalty);
        self.presence_penalty = self.presence_penalty.or(defaults.presence_penalty);
        self.seed = self.seed.or(defaults.seed);
        if self.stop.is_empty() {
            self.stop.clone_from(&defaults.stop);
        }
        self.n = self.n.or(defaults.n);
        self.logprobs = self.logprobs.or(defaults.logprobs);
        self.top_logprobs = self.top_logprobs.or(defaults.top_logprobs);
        missing(&mut self.logit_bias, defaults.logit_bias.as_ref());
    }
}

fn missing<T: Clone>(field: &mut Option<T>, default: Option<&T>) {
    if field.is_none() {
        *field = default.cloned();
    }
}

/// How much to think. Dialects say it as a word or as a number of tokens; both may be set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReasoningOptions {
    /// `Some(false)`: thinking is switched off; `Some(true)`: on; `None`: not said.
    pub enabled: Option<bool>,
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<String>,
    /// The most thinking tokens.
    pub budget_tokens: Option<u64>,
    /// Whether and how to show a summary (`auto`, `concise`, `detailed`, `omitted`).
    pub summary: Option<String>,
    /// Whether the model decides itself how much to think (`adaptive`).
    pub adaptive: bool,
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Tool {
    /// A function of the client's.
    Function(FunctionTool),
    /// A client's tool that takes free text.
    Custom {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// The grammar of its input, as the dialect writes it.
        format: Option<RawJson>,
    },
    /// A tool that the vendor runs itself; only its own dialect can express it.
    Hosted {
        /// Where it means something.
        origin: DialectId,
        /// The whole definition.
        raw: RawJson,
    },
}

/// A function of the client's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionTool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON schema of the arguments, as written.
    pub parameters: Option<RawJson>,
    /// Whether arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// Ask the vendor to cache the prompt up to here.
    pub cache: Option<CacheMark>,
    /// Fields of the definition that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None may be called.
    None,
    /// At least one must be called.
    Required,
    /// This function must be called.
    Function(String),
    /// This custom tool must be called.
    Custom(String),
    /// A choice that only its own dialect can express (`allowed_tools`, a hosted tool).
    Other {
        /// Where it means something.
        origin: DialectId,
        /// The whole choice.
        raw: RawJson,
    },
}

/// The form of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum OutputFormat {
    /// Free text, or nobody said.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON after a schema.
    JsonSchema(JsonSchema),
}

/// A schema that the answer must follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonSchema {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The schema as written.
    pub schema: Option<RawJson>,
    /// Whether it must be followed exactly.
    pub strict: Option<bool>,
}
