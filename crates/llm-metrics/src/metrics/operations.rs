//! What attempts took and used by what was asked for: the distributions that OpenTelemetry's conventions for generative
//! AI name (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>, November 2026).
//!
//! Towards vendors the gateway is a client, and each attempt is an operation (`gen_ai.client.*`). Towards its own clients
//! it is a server (`gen_ai.server.*`): there only answers count that were given.

use std::sync::OnceLock;
use std::time::Duration;

use llm_core::Usage;
use llm_core::operation::Operation;

use super::cells::Striped;
use super::deployment::{DeploymentLabels, DeploymentMetrics, FAILURES, Observation};
use super::histogram::{CALL, Scale, TOKENS, WIDE_CELLS};
use super::instruments::{Instrument, Kind, Point, distribution};

/// What is told apart.
const OPERATIONS: [Operation; 13] = [
    Operation::Chat,
    Operation::CountTokens,
    Operation::Embeddings,
    Operation::Rerank,
    Operation::Realtime,
    Operation::ImageGeneration,
    Operation::ImageEdit,
    Operation::ImageVariation,
    Operation::Speech,
    Operation::Transcription,
    Operation::Translation,
    Operation::Moderation,
    Operation::Relay,
];

/// A distribution of one operation: its place among the cells.
#[derive(Clone, Copy, Debug)]
enum Told {
    Duration,
    FirstChunk,
    Input,
    Output,
    Served,
    ServedFirst,
    ServedPerToken,
}

const TOLD: usize = 7;

/// An instrument: its name, its unit, what it means, and the distributions that it shows.
type Shown = (&'static str, &'static str, &'static str, &'static [Told]);

const SHOWN: [Shown; 6] = [
    ("gen_ai.client.operation.duration", "s", "GenAI operation duration.", &[Told::Duration]),
    (
        "gen_ai.client.token.usage",
        "{token}",
        "Number of input and output tokens used.",
        &[Told::Input, Told::Output],
    ),
    (
        "gen_ai.client.operation.time_to_first_chunk",
        "s",
        "Time from the request to the first content of a streamed answer.",
        &[Told::FirstChunk],
    ),
    (
        "gen_ai.server.request.duration",
        "s",
        "From the client's request to its answer's end.",
        &[Told::Served],
    ),
    (
        "gen_ai.server.time_to_first_token",
        "s",
        "From the client's request to the first content of a streamed answer.",
        &[Told::ServedFirst],
    ),
    (
        "gen_ai.server.time_per_output_token",
        "s",
        "Time for each token of a streamed answer after the first.",
        &[Told::ServedPerToken],
    ),
];

impl Told {
    fn scale(self) -> Scale {
        match self {
            Self::Input | Self::Output => TOKENS,
            _ => CALL,
        }
    }

    fn first_cell(self) -> usize {
        self as usize * WIDE_CELLS
    }

    /// The type of token that is counted.
    fn token_type(self) -> Option<&'static str> {
        match self {
            Self::Input => Some("input"),
            Self::Output => Some("output"),
            _ => None,
        }
    }
}

/// The distributions of a deployment. Those of an operation are made when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Operations([OnceLock<Box<Cells>>; OPERATIONS.len()]);

#[derive(Debug, Default)]
struct Cells {
    answered: Striped<{ TOLD * WIDE_CELLS }>,
    /// How long attempts took that failed, by the places of [`FAILURES`].
    failed: [OnceLock<Striped<WIDE_CELLS>>; FAILURES.len() + 1],
}

impl Operations {
    fn cells(&self, operation: Operation) -> Option<&Cells> {
        let at = OPERATIONS.iter().position(|known| *known == operation)?;
        self.0.get(at).map(|cells| &**cells.get_or_init(Box::default))
    }

    pub(crate) fn success(&self, seen: &Observation) {
        let Some(cells) = self.cells(seen.operation) else { return };
        cells.observe(Told::Duration, seen.upstream);
        cells.observe(Told::Served, seen.total);
        cells.used(&seen.usage);
        let Some(first) = seen.time_to_first_token else { return };
        cells.observe(Told::FirstChunk, first);
        cells.observe(Told::ServedFirst, seen.total.saturating_sub(seen.upstream) + first);
        let following = seen.usage.completion_total().and_then(|tokens| tokens.checked_sub(1));
        let following = following.and_then(|tokens| u32::try_from(tokens).ok());
        if let Some(each) =
            following.and_then(|tokens| seen.upstream.saturating_sub(first).checked_div(tokens))
        {
            cells.observe(Told::ServedPerToken, each);
        }
    }

    /// An attempt failed, of the kind at this place of [`FAILURES`].
    pub(crate) fn failure(&self, operation: Operation, kind: usize, took: Duration) {
        let cells = self.cells(operation).and_then(|cells| cells.failed.get(kind));
        if let Some(cells) = cells {
            CALL.observe(cells.get_or_init(Striped::default).own(), took);
        }
    }

    /// An attempt that did not end well used this.
    pub(crate) fn used(&self, operation: Operation, usage: &Usage) {
        if let Some(cells) = self.cells(operation) {
            cells.used(usage);
        }
    }
}

impl Cells {
    fn observe(&self, told: Told, duration: Duration) {
        let own = self.answered.own().get(told.first_cell()..).unwrap_or_default();
        told.scale().observe(own, duration);
    }

    fn used(&self, usage: &Usage) {
        for (told, tokens) in [(Told::Input, usage.prompt_total()), (Told::Output, usage.completion_total())]
        {
            let own = self.answered.own().get(told.first_cell()..).unwrap_or_default();
            if let Some(tokens) = tokens {
                told.scale().count(own, tokens);
            }
        }
    }

    /// What an instrument shows of these cells, with labels beside those of the deployment.
    fn points(
        &self,
        shown: &[Told],
    ) -> Vec<(Option<(&'static str, &'static str)>, super::instruments::Reading)> {
        let mut points = Vec::new();
        for told in shown {
            let read = told.scale().read(&self.answered, told.first_cell());
            if read.count > 0 {
                let label = told.token_type().map(|kind| ("gen_ai.token.type", kind));
                points.push((label, distribution(&read, label.is_none())));
            }
        }
        if shown.first().is_some_and(|told| matches!(told, Told::Duration)) {
            for (at, failed) in self.failed.iter().enumerate() {
                let Some(failed) = failed.get() else { continue };
                let kind = FAILURES.get(at).map_or("_OTHER", |kind| kind.name());
                points.push((Some(("error.type", kind)), distribution(&CALL.read(failed, 0), true)));
            }
        }
        points
    }
}

/// Everything by operation, of all deployments.
pub(super) fn instruments(deployments: &[(DeploymentLabels, DeploymentMetrics)]) -> Vec<Instrument> {
    let mut all = Vec::new();
    for (name, unit, about, shown) in SHOWN {
        let mut points = Vec::new();
        for (labels, metrics) in deployments {
            for (operation, cells) in OPERATIONS.iter().zip(&metrics.operations().0) {
                let Some(cells) = cells.get() else { continue };
                points.extend(cells.points(shown).into_iter().map(|(label, reading)| {
                    let mut attributes = attributes(labels, *operation);
                    attributes.extend(label.map(|(name, value)| (name.into(), value.to_owned())));
                    Point { attributes, reading }
                }));
            }
        }
        if !points.is_empty() {
            all.push(Instrument {
                name: name.into(),
                unit,
                about: about.into(),
                kind: Kind::Distribution,
                points,
            });
        }
    }
    all
}

fn attributes(
    labels: &DeploymentLabels,
    operation: Operation,
) -> Vec<(std::borrow::Cow<'static, str>, String)> {
    let model = labels.model.split_once('/').map_or(labels.model.as_str(), |(_, model)| model);
    [
        ("gen_ai.operation.name", operation.name()),
        ("gen_ai.provider.name", &labels.api_provider),
        ("gen_ai.request.model", model),
        ("llm.deployment", &labels.model_id),
        ("llm.requested_model", &labels.requested_model),
    ]
    .map(|(name, value)| (name.into(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use llm_core::ErrorKind;

    use super::super::Metrics;
    use super::super::instruments::Reading;
    use super::*;

    fn labels() -> DeploymentLabels {
        DeploymentLabels {
            model: "acme/m-1".to_owned(),
            api_provider: "acme".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn calls_are_told_by_operation_and_failures_by_kind() {
        let metrics = Metrics::new();
        let deployment = metrics.deployment(labels());
        let usage = Usage { input: Some(100), output: Some(11), ..Usage::default() };
        let (upstream, total) = (Duration::from_secs(2), Duration::from_secs(3));
        let first = Some(Duration::from_secs(1));
        deployment.success(&Observation {
            usage,
            upstream,
            total,
            time_to_first_token: first,
            ..Observation::of(Operation::Chat)
        });
        deployment.failure(Operation::Embeddings, ErrorKind::Timeout, Duration::from_millis(15));
        let all = metrics.instruments();
        let find = |name: &str| all.iter().find(|one| one.name == name).expect("it is told");
        let durations = find("gen_ai.client.operation.duration");
        let said: Vec<_> = durations.points.iter().map(|point| point.attributes.as_slice()).collect();
        assert_eq!(said.len(), 2);
        assert!(said[0].contains(&("gen_ai.operation.name".into(), "chat".to_owned())));
        assert!(said[0].contains(&("gen_ai.request.model".into(), "m-1".to_owned())));
        assert!(said[1].contains(&("error.type".into(), "timeout".to_owned())));
        assert!(said[1].contains(&("gen_ai.operation.name".into(), "embeddings".to_owned())));
        let tokens = find("gen_ai.client.token.usage");
        let sums = tokens.points.iter().map(|point| match &point.reading {
            Reading::Distribution { sum, count: 1, counts, bounds } if counts.len() == bounds.len() + 1 => {
                *sum
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(sums.collect::<Vec<_>>(), [100.0, 11.0]);
        for (name, seconds) in [
            ("gen_ai.client.operation.time_to_first_chunk", 1.0),
            ("gen_ai.server.request.duration", 3.0),
            ("gen_ai.server.time_to_first_token", 2.0),
            ("gen_ai.server.time_per_output_token", 0.1),
        ] {
            let Reading::Distribution { sum, .. } = find(name).points[0].reading else { panic!("{name}") };
            assert!((sum - seconds).abs() < 1e-9, "{name}: {sum}");
        }
        assert!(find("litellm_input_tokens_metric_total").points.len() == 1);
    }
}
