//! Runs one path of a request so often that callgrind can count what it costs: `cargo xtask instructions`.
//!
//! Without arguments it prints the names of the lanes; `NAME COUNT` runs one of them. A lane is made and run once before
//! the rounds that count; the difference of two counts is what a round costs.

#[path = "instructions/calls.rs"]
mod calls;
#[path = "instructions/formats.rs"]
mod formats;
#[path = "instructions/lanes.rs"]
mod lanes;
#[path = "../../crates/llm-providers/benches/translation/material.rs"]
mod material;

use std::io::Write as _;

/// That of the program. The system's puts what was freed together when it likes, which was a fifth of a round of the lane
/// with 20,000 keys, or nothing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let mut out = std::io::stdout().lock();
    let [name, count] = words.as_slice() else {
        for (name, _) in lanes::LANES {
            writeln!(out, "{name}").expect("somebody reads");
        }
        return;
    };
    let (_, make) = lanes::LANES.iter().find(|(known, _)| known == name).expect("the name of a lane");
    let count: u32 = count.parse().expect("a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut round = make();
    (0..=count).for_each(|_| round());
}
