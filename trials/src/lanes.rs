//! The bench for users: what a call costs by kind, size and features, beside a plain proxy where there is one.

mod chart;
mod measure;
mod noise;
mod report;
mod targets;
mod train;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::vendor::Vendor;
use crate::words::Words;
use measure::Figures;
use noise::Noise;
use report::{Row, Sweeps};
use targets::{Features, Target};

pub(crate) use train::run as train;

/// Sizes of prompts in bytes, with their names.
const SIZES: [(&str, usize); 4] =
    [("0.2 KiB", 200), ("1 KiB", 1 << 10), ("32 KiB", 32 << 10), ("200 KiB", 200 << 10)];

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    /// What it is called in tables.
    pub(crate) name: &'static str,
    /// The client's path.
    path: &'static str,
    /// The model that is asked for: its vendor and what that does.
    model: &'static str,
    stream: bool,
    /// Whether every size is measured, or 1 KiB alone.
    sized: bool,
    /// Whether a plain proxy can do it.
    plain: bool,
}

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// All lanes. `mine` is a vendor of OpenAI's format, `theirs` one of Anthropic's.
const LANES: [Lane; 8] = [
    Lane { name: "passed through", path: CHAT, model: "mine", stream: false, sized: true, plain: true },
    Lane { name: "chat to Anthropic", path: CHAT, model: "theirs", stream: false, sized: true, plain: false },
    Lane {
        name: "Anthropic to chat",
        path: MESSAGES,
        model: "mine",
        stream: false,
        sized: true,
        plain: false,
    },
    Lane {
        name: "embeddings",
        path: "/v1/embeddings",
        model: "mine",
        stream: false,
        sized: false,
        plain: true,
    },
    Lane { name: "stream of 1", path: CHAT, model: "mine-chunks1", stream: true, sized: false, plain: true },
    Lane {
        name: "stream of 101, paced",
        path: CHAT,
        model: "mine-chunks101-pace1",
        stream: true,
        sized: false,
        plain: true,
    },
    Lane {
        name: "stream of 1, translated",
        path: CHAT,
        model: "theirs-chunks1",
        stream: true,
        sized: false,
        plain: false,
    },
    Lane {
        name: "stream of 101, translated",
        path: CHAT,
        model: "theirs-chunks101-pace1",
        stream: true,
        sized: false,
        plain: false,
    },
];

impl Lane {
    /// Whether it is the one by which gateways are compared otherwise.
    fn is_plainest(self) -> bool {
        self.name == "passed through"
    }
}

/// Streams that are held at a time where nobody says how many.
const STREAMS: f64 = 2_000.0;

/// Runs them: `--rounds N`, `--quick`, `--streams N`, `--write PAGE`.
pub(crate) async fn run(words: &Words) -> Result<()> {
    let quick = words.says("--quick");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let rounds = words.number("--rounds")?.unwrap_or(if quick { 1.0 } else { 5.0 }).max(1.0) as usize;
    let vendor = Vendor::start()?;
    let mut targets = vec![Target::direct(&vendor)];
    for features in Features::ALL {
        targets.push(Target::gateway(words, &vendor, features).await?);
    }
    targets.extend(Target::proxy(&words.folder, &vendor).await?);
    let mut rows: Vec<Row> = cases(quick).map(|(lane, size)| Row::new(lane, size)).collect();
    let mut sweeps = Sweeps::new(targets.len());
    let noise = Noise::begin(&targets)?;
    for round in 0..rounds {
        println!("bench: round {} of {rounds}", round + 1);
        for row in &mut rows {
            let lane = row.lane;
            for (at, target) in targets.iter().enumerate().filter(|(_, target)| target.does(lane)) {
                let figures = measured(target, row, quick).await?;
                if lane.is_plainest() && row.size == 1 << 10 && target.is_swept() {
                    let each = Duration::from_millis(if quick { 200 } else { 800 });
                    let load = target.load(lane, row.size);
                    sweeps.add(at, load.within_bounds(figures.rate, each).await?);
                }
                row.add(at, figures);
            }
        }
    }
    let mut text = report::heading(rounds, noise.cores(&targets)?);
    text.push_str(&report::table(&rows, &targets));
    text.push_str(&sweeps.table(&targets));
    text.push_str(&report::processes(&targets, &words.program).await?);
    let chart = chart::chart(&rows, &targets);
    drop(targets);
    println!("bench: streams at a time");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of streams")]
    let streams = words.number("--streams")?.unwrap_or(if quick { 200.0 } else { STREAMS }).max(1.0) as usize;
    let outcome = targets::streams(words, &vendor, streams).await?;
    writeln!(text, "\nStreams through a gateway of their own, governed: {outcome}.")?;
    println!("{text}");
    match words.text("--write")? {
        Some(page) => report::write(Path::new(&page), &text, &chart),
        None => Ok(()),
    }
}

fn cases(quick: bool) -> impl Iterator<Item = (Lane, (&'static str, usize))> {
    LANES.into_iter().flat_map(move |lane| {
        let sizes = SIZES.into_iter().filter(move |(name, _)| *name == "1 KiB" || (lane.sized && !quick));
        sizes.map(move |size| (lane, size))
    })
}

/// One round of a row at a target.
async fn measured(target: &Target, row: &Row, quick: bool) -> Result<Figures> {
    let calls = match (row.lane.name.contains("101"), row.size > 10_000, quick) {
        (true, _, quick) => {
            if quick {
                48
            } else {
                160
            }
        }
        (_, true, quick) => {
            if quick {
                100
            } else {
                400
            }
        }
        (.., quick) => {
            if quick {
                300
            } else {
                2_000
            }
        }
    };
    let load = target.load(row.lane, row.size);
    // Connections stand, caches are filled, every key is known.
    load.closed(8, (calls / 10 + 8).max(load.keys.len())).await?;
    let before = target.cpu()?;
    let begun = Instant::now();
    load.closed(8, calls).await?;
    let rate = f64::from(u32::try_from(calls)?) / begun.elapsed().as_secs_f64();
    let cpu = target.cpu()?.saturating_sub(before);
    target.note_memory()?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds")]
    let cpu = cpu as f64 / calls as f64;
    let alone = load.closed(1, calls / 4 + 8).await?;
    let half = load.paced(rate / 2.0, calls / 2 + 8).await?;
    Ok(Figures { cpu, rate, alone: alone.whole, first: alone.first, half })
}

/// A request that is as long as its lane and size say.
fn body(lane: Lane, model: &str, size: usize) -> Result<String> {
    ensure!(!model.contains('"'), "a model's name is plain");
    let sentence = "The quick brown fox jumps over the lazy dog, and then it \\\"rests\\\" for a while.\\n";
    let prompt = sentence.repeat(size.div_ceil(sentence.len()));
    if lane.path.ends_with("embeddings") {
        return Ok(format!(r#"{{"model":"{model}","input":"{prompt}"}}"#));
    }
    let stream = if lane.stream { r#","stream":true"# } else { "" };
    Ok(format!(
        r#"{{"model":"{model}","max_tokens":512,"messages":[{{"role":"user","content":"{prompt}"}}]{stream}}}"#
    ))
}
