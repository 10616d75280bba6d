//! What the program says when it is up: what it found, where it listens, and what to do next.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use crate::configured::Configured;

/// Model names that are shown one by one.
const SHOWN: usize = 6;

/// Says it to a person.
pub(crate) fn show(configured: &Configured, address: SocketAddr, colours: bool) {
    // A terminal that is gone does not matter.
    let _ = io::stdout().write_all(text(configured, address, colours).as_bytes());
}

/// Says it to a machine.
pub(crate) fn log(configured: &Configured, address: SocketAddr) {
    for warning in &configured.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %address,
        found = configured.found.as_str(),
        models = configured.models.len(),
        key = configured.has_key,
        "listening"
    );
}

fn text(configured: &Configured, address: SocketAddr, colours: bool) -> String {
    let paint = |code: &'static str| if colours { code } else { "" };
    let (bold, dim, yellow, plain) =
        (paint("\u{1b}[1m"), paint("\u{1b}[2m"), paint("\u{1b}[33m"), paint("\u{1b}[0m"));
    let url = url(address, configured.certificate.is_some());
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(out, "  {dim}{name:<8}{plain}{value}").expect("a string takes everything");
    };
    line("found", &configured.found);
    line("models", &models(&configured.models));
    line("key", key(configured, address));
    line("listens", &format!("{bold}{url}{plain}  (base URL of SDKs: {url}/v1 or {url})"));
    if configured.dashboard.is_some() {
        line("look", &format!("{url}/ui  (the dashboard; {url}/docs has the API)"));
    } else {
        line("look", &format!("{url}/docs  (the API)"));
    }
    line("try", &example(configured, &url));
    line("stop", "Ctrl-C: open requests are finished first");
    let mut head = format!("\n  {bold}llm-server {}{plain}\n\n", env!("CARGO_PKG_VERSION"));
    head.push_str(&out);
    for warning in &configured.warnings {
        writeln!(head, "\n{yellow}{warning}{plain}").expect("a string takes everything");
    }
    head.push('\n');
    head
}

fn models(names: &[String]) -> String {
    let (shown, more) = names.split_at_checked(SHOWN).unwrap_or((names, &[]));
    let list = shown.join(", ");
    match (names.len(), more.len()) {
        (0, _) => "none: nothing can be asked for".to_owned(),
        (_, 0) => list,
        (_, more) => format!("{list} and {more} more (GET /v1/models)"),
    }
}

fn key(configured: &Configured, address: SocketAddr) -> &'static str {
    match (configured.has_key, address.ip().is_loopback()) {
        (true, _) => "clients must show the master key",
        (false, true) => {
            "none: only programs of this machine can call; with LLM_MASTER_KEY set, others can too"
        }
        (false, false) => "none: ANYBODY WHO REACHES THIS ADDRESS CAN CALL; set LLM_MASTER_KEY",
    }
}

fn example(configured: &Configured, url: &str) -> String {
    let model = configured.models.iter().find(|name| !name.contains('*')).map_or("MODEL", String::as_str);
    let key = if configured.has_key { " -H 'authorization: Bearer KEY'" } else { "" };
    let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}"#);
    format!(
        "curl {url}/v1/chat/completions{key} -H 'content-type: application/json' \\\n            -d '{body}'"
    )
}

/// An address that works on this machine, where the server listens on all.
fn url(address: SocketAddr, encrypted: bool) -> String {
    let scheme = if encrypted { "https" } else { "http" };
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("m{number}")).collect()
    }

    #[test]
    fn many_models_are_counted() {
        assert_eq!(models(&names(2)), "m0, m1");
        assert_eq!(models(&names(6)), "m0, m1, m2, m3, m4, m5");
        assert_eq!(models(&names(8)), "m0, m1, m2, m3, m4, m5 and 2 more (GET /v1/models)");
    }

    #[test]
    fn the_address_shown_can_be_called() {
        assert_eq!(url(SocketAddr::from(([0, 0, 0, 0], 4000)), true), "https://localhost:4000");
        assert_eq!(url(SocketAddr::from(([127, 0, 0, 1], 80)), false), "http://127.0.0.1:80");
        assert_eq!(url("[::1]:80".parse().expect("an address"), false), "http://[::1]:80");
    }
}
