//! Collectors of OpenTelemetry: where traces and metrics go, in the words of its own variables
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>, November 2026) and of LiteLLM's.

use std::time::Duration;

use llm_callbacks::{MetricSettings, Otlp};

use super::callbacks::{Reading, Wrong, headers, is_address};
use crate::node::Node;
use crate::report::Report;

/// What the conventions for generative AI call vendors, where it is not what everybody does
/// (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/>, November 2026).
const VENDORS: [(&str, &str); 10] = [
    ("azure", "azure.ai.openai"),
    ("azure_ai", "azure.ai.inference"),
    ("bedrock", "aws.bedrock"),
    ("gemini", "gcp.gemini"),
    ("mistral", "mistral_ai"),
    ("moonshot", "moonshot_ai"),
    ("sagemaker", "aws.sagemaker"),
    ("vertex_ai", "gcp.vertex_ai"),
    ("watsonx", "ibm.watsonx.ai"),
    ("xai", "x_ai"),
];

/// As often metrics are told unless something else is said.
const INTERVAL: Duration = Duration::from_secs(60);

/// Variables that turn metrics on: OpenTelemetry's, and LiteLLM's.
const ON: [(&str, &str); 2] =
    [("OTEL_METRICS_EXPORTER", "otlp"), ("LITELLM_OTEL_INTEGRATION_ENABLE_METRICS", "true")];

impl Reading<'_> {
    /// The collector that traces go to.
    pub(super) fn traces(&self, own: Option<&Node>) -> Result<Otlp, Wrong> {
        self.collector(own, "TRACES", "the callback `otel` has")
    }

    /// The collector that metrics go to, where the configuration or a variable wants that.
    pub(super) fn metrics(&self, report: &mut Report) -> Option<MetricSettings> {
        let own = self.own("otel");
        let flag = own.and_then(|own| own.get("metrics"));
        let variable = ON.iter().find(|(name, value)| {
            self.environment.get(name).is_some_and(|said| said.eq_ignore_ascii_case(value))
        });
        let wanted = own.and_then(|own| own.get_flag("metrics")).unwrap_or(variable.is_some());
        if !wanted {
            return None;
        }
        let place = match (flag, variable) {
            (Some(node), _) => node.at.clone(),
            (None, Some((name, _))) => self.environment.place(name),
            (None, None) => return None,
        };
        match self.metric_settings(own) {
            Ok(settings) => Some(settings),
            Err((message, help)) => {
                report.error(&place, message).help(help);
                None
            }
        }
    }

    fn metric_settings(&self, own: Option<&Node>) -> Result<MetricSettings, Wrong> {
        let preference = self.environment.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
        if preference.is_some_and(|preference| !preference.eq_ignore_ascii_case("cumulative")) {
            return Err((
                "metrics are told as sums since the start (`cumulative`), not in another way".to_owned(),
                "leave OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE out, and let the collector convert \
                 (`cumulativetodelta`)"
                    .to_owned(),
            ));
        }
        let to = self.collector(own, "METRICS", "metrics have")?;
        let said = self.environment.get("OTEL_METRIC_EXPORT_INTERVAL");
        let interval = match said.map(str::parse::<u64>) {
            None => INTERVAL,
            Some(Ok(milliseconds)) if milliseconds > 0 => Duration::from_millis(milliseconds),
            Some(_) => {
                return Err((
                    "OTEL_METRIC_EXPORT_INTERVAL is no number of milliseconds".to_owned(),
                    "set it to `60000` for a minute".to_owned(),
                ));
            }
        };
        Ok(MetricSettings { to, interval })
    }

    /// Where a signal goes: an address of its own stays as it is, others get its path.
    fn collector(&self, own: Option<&Node>, signal: &str, who: &str) -> Result<Otlp, Wrong> {
        let variable = |names: &[&str]| names.iter().find_map(|name| self.environment.get(name));
        let exporter = variable(&["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER"]);
        if let Some(other) = exporter.filter(|one| one.contains("grpc") || *one == "console") {
            let what = format!("`otel` sends OTLP over HTTP, not `{other}`");
            return Err((
                what,
                "set OTEL_EXPORTER to `otlp_http`, with the collector's port for it (4318)".to_owned(),
            ));
        }
        let of_signal = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
        let whole = self.environment.get(&of_signal).map(str::to_owned);
        let base = own.and_then(|own| own.get_text("endpoint"));
        let base = base.or_else(|| variable(&["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT"]));
        let url = whole.or_else(|| base.map(|base| with_path(base, &signal.to_lowercase())));
        let url = url.filter(|url| is_address(url)).ok_or_else(|| {
            let what = format!("{who} no http or https address");
            (what, "set OTEL_EXPORTER_OTLP_ENDPOINT, such as `http://localhost:4318`".to_owned())
        })?;
        let of_signal = format!("OTEL_EXPORTER_OTLP_{signal}_HEADERS");
        let said = variable(&[&of_signal, "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS"]);
        Ok(Otlp { url, headers: headers(own, said)?, resource: self.resource(own), vendors: &VENDORS })
    }

    /// What is said of the gateway: its name, its version, which one it is, and what the operator adds.
    fn resource(&self, own: Option<&Node>) -> Vec<(String, String)> {
        let service = own.and_then(|own| own.get_text("service_name"));
        let service = service.or_else(|| self.environment.get("OTEL_SERVICE_NAME"));
        let pairs = self.environment.list("OTEL_RESOURCE_ATTRIBUTES");
        let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
        let mut all: Vec<(String, String)> =
            pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect();
        if let Some(service) = service {
            all.retain(|(name, _)| name != "service.name");
            all.push(("service.name".to_owned(), service.to_owned()));
        }
        for (name, value) in [("service.name", "llm-server"), ("service.version", env!("CARGO_PKG_VERSION"))]
        {
            if !all.iter().any(|(known, _)| known == name) {
                all.push((name.to_owned(), value.to_owned()));
            }
        }
        all
    }
}

/// The address of a signal below that of a collector; an address of another signal leads to its neighbour.
fn with_path(base: &str, signal: &str) -> String {
    let base = base.trim_end_matches('/');
    let base = ["/v1/traces", "/v1/metrics", "/v1/logs"]
        .iter()
        .find_map(|path| base.strip_suffix(path))
        .unwrap_or(base);
    format!("{base}/v1/{signal}")
}

/// Percent-encoded bytes as what they stand for, where that is text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = tail.get(if code.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_has_its_path() {
        for (base, expected) in [
            ("http://a:4318", "http://a:4318/v1/metrics"),
            ("http://a:4318/", "http://a:4318/v1/metrics"),
            ("http://a/otlp/v1/traces", "http://a/otlp/v1/metrics"),
            ("http://a/v1/metrics", "http://a/v1/metrics"),
        ] {
            assert_eq!(with_path(base, "metrics"), expected);
        }
    }

    #[test]
    fn attributes_may_be_percent_encoded() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a%2Cb", "a,b"),
            ("%e6%a8%a1", "模"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%ff", "%ff"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }
}
