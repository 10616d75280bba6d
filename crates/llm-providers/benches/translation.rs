//! What translation costs for every pair of client format and vendor format: time, allocations and bytes allocated.
//!
//! `cargo bench -p llm-providers --bench translation` prints tables; `-- CLIENT VENDOR [KIND]` measures one pair, and
//! `-- CLIENT VENDOR KIND COUNT` only runs it that often, for callgrind.

#[path = "translation/lane.rs"]
mod lane;
#[path = "translation/material.rs"]
mod material;

use std::alloc::System;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use lane::{Format, Kind, Lane};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How long one lane is measured: in short rounds, of which the fastest counts.
const ROUND: Duration = Duration::from_millis(2);
const ROUNDS: usize = 40;

struct Cost {
    nanoseconds: f64,
    allocations: usize,
    bytes: usize,
}

fn measured(lane: &Lane) -> Cost {
    let region = Region::new(ALLOCATOR);
    lane.run();
    let change = region.change();
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < ROUND {
        lane.run();
        count += 1;
    }
    let round = || {
        let began = Instant::now();
        (0..count).for_each(|_| lane.run());
        began.elapsed().as_secs_f64() * 1e9 / f64::from(count)
    };
    Cost {
        nanoseconds: (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min),
        allocations: change.allocations + change.reallocations,
        bytes: change.bytes_allocated,
    }
}

/// One table: rows are clients, columns vendors; a cell is µs, allocations, KiB allocated.
fn table(formats: &[Format], kind: Kind) -> String {
    let mut text = format!("\n{kind:?}: µs / allocations / KiB allocated\n\n| client \\ vendor |");
    let columns = formats.iter().map(|format| format!(" {} |", format.name));
    text.extend(columns);
    text.push_str("\n| --- |");
    text.extend(formats.iter().map(|_| " ---: |"));
    for client in formats {
        write!(text, "\n| {} |", client.name).expect("a string takes all");
        for vendor in formats {
            let cost = measured(&Lane::new(client, vendor, kind));
            write!(
                text,
                " {:.1} / {} / {:.1} |",
                cost.nanoseconds / 1e3,
                cost.allocations,
                cost.bytes as f64 / 1024.0
            )
            .expect("a string takes all");
        }
    }
    text
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let formats = Format::all();
    let named = |name: &str| {
        formats.iter().find(|format| format.name == name).unwrap_or_else(|| panic!("no format `{name}`"))
    };
    let kinds = |word: Option<&&str>| -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| word.is_none_or(|word| format!("{kind:?}") == **word)).collect()
    };
    let mut out = std::io::stdout().lock();
    let mut print = |text: String| writeln!(out, "{text}").expect("somebody reads");
    match words.as_slice() {
        [client, vendor, kind, count] => {
            let lane = Lane::new(named(client), named(vendor), kinds(Some(kind))[0]);
            (0..count.parse().expect("a number")).for_each(|_: u32| lane.run());
        }
        [client, vendor, kind @ ..] => {
            for kind in kinds(kind.first()) {
                let cost = measured(&Lane::new(named(client), named(vendor), kind));
                print(format!(
                    "{client} > {vendor} {kind:?}: {:.2} µs, {} allocations, {} bytes",
                    cost.nanoseconds / 1e3,
                    cost.allocations,
                    cost.bytes
                ));
            }
        }
        kind => kinds(kind.first()).into_iter().for_each(|kind| print(table(&formats, kind))),
    }
}
