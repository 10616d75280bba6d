//! Counters as instruments of OpenTelemetry, free of how they are sent.

use std::borrow::Cow;

use prometheus::proto::{MetricFamily, MetricType};

use super::histogram::Distribution;

/// An instrument with all that it reads now. Everything is counted from the start of the program.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Its name.
    pub name: Cow<'static, str>,
    /// The unit, as UCUM writes it; empty where Prometheus' name says it.
    pub unit: &'static str,
    /// What it means.
    pub about: Cow<'static, str>,
    /// What its numbers are.
    pub kind: Kind,
    /// What it reads.
    pub points: Vec<Point>,
}

/// What the numbers of an instrument are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sum that only grows.
    Sum,
    /// How something stands.
    Gauge,
    /// How often which size was seen.
    Distribution,
}

/// What an instrument reads for one set of attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What it is about.
    pub attributes: Vec<(Cow<'static, str>, String)>,
    /// What is read.
    pub reading: Reading,
}

/// What is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A sum, or how something stands.
    Number(f64),
    /// How often which size was seen.
    Distribution {
        /// The upper bounds of the buckets.
        bounds: Vec<f64>,
        /// Observations in each bucket; the last one counts what is above all bounds.
        counts: Vec<u64>,
        /// All observations added up.
        sum: f64,
        /// How many there were.
        count: u64,
    },
}

/// A histogram's cells as what is read. `seconds`: they are nanoseconds.
pub(super) fn distribution(read: &Distribution, seconds: bool) -> Reading {
    let scale = if seconds { 1e9 } else { 1.0 };
    #[expect(clippy::cast_precision_loss, reason = "the format has floats only; the counters stay exact")]
    let scaled = |number: u64| number as f64 / scale;
    let cumulative = read.cumulative.iter().map(|(bound, count)| (scaled(*bound), *count));
    of_cumulative(cumulative, scaled(read.sum), read.count)
}

fn of_cumulative(buckets: impl Iterator<Item = (f64, u64)>, sum: f64, count: u64) -> Reading {
    let (mut bounds, mut counts, mut before) = (Vec::new(), Vec::new(), 0);
    for (bound, cumulative) in buckets.filter(|(bound, _)| bound.is_finite()) {
        bounds.push(bound);
        counts.push(cumulative.saturating_sub(before));
        before = cumulative;
    }
    counts.push(count.saturating_sub(before));
    Reading::Distribution { bounds, counts, sum, count }
}

/// What Prometheus would read.
pub(super) fn of_family(family: &MetricFamily) -> Instrument {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Sum,
        MetricType::HISTOGRAM => Kind::Distribution,
        _ => Kind::Gauge,
    };
    let points = family.get_metric().iter().map(|metric| {
        let label = |pair: &prometheus::proto::LabelPair| {
            (Cow::from(pair.name().to_owned()), pair.value().to_owned())
        };
        let reading = match kind {
            Kind::Sum => Reading::Number(metric.get_counter().get_value()),
            Kind::Gauge => Reading::Number(metric.get_gauge().get_value()),
            Kind::Distribution => {
                let read = metric.get_histogram();
                let buckets = read.get_bucket().iter();
                let buckets = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
                of_cumulative(buckets, read.get_sample_sum(), read.get_sample_count())
            }
        };
        Point { attributes: metric.get_label().iter().map(label).collect(), reading }
    });
    let points = points.collect();
    Instrument {
        name: family.name().to_owned().into(),
        unit: "",
        about: family.help().to_owned().into(),
        kind,
        points,
    }
}
