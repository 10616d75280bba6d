//! The price table: the embedded one, a file, or what an address holds.

use std::path::Path;
use std::thread;
use std::time::Duration;

use llm_metrics::PriceBook;

use crate::environment::Environment;
use crate::files;
use crate::node::Node;
use crate::report::{Place, Report};

/// Variables that say where the table is.
const VARIABLES: [&str; 2] = ["LLM_PRICES", "LITELLM_MODEL_COST_MAP_URL"];

/// LiteLLM's table has two million bytes.
const SIZE: usize = 32 << 20;

/// The start waits no longer for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// Reads the table. A file that cannot be read is an error; without what an address holds, the embedded table serves.
pub(crate) fn price_book(
    directory: &Path,
    root: &Node,
    environment: &Environment,
    report: &mut Report,
) -> PriceBook {
    let Some((source, place)) = source(root, environment) else { return PriceBook::embedded() };
    if is_address(&source) {
        return fetched(&source).unwrap_or_else(|error| {
            let message = format!("the price table cannot be fetched, the built-in one serves: {error}");
            report.warning(&place, message);
            PriceBook::embedded()
        });
    }
    let text = std::fs::read_to_string(directory.join(&source)).map_err(|error| files::reason(&error));
    text.and_then(|text| parsed(&text)).unwrap_or_else(|error| {
        report.error(&place, format!("the price table {source} cannot be read: {error}"));
        PriceBook::embedded()
    })
}

fn source(root: &Node, environment: &Environment) -> Option<(String, Place)> {
    let variable = VARIABLES.iter().find_map(|name| Some((name, environment.get(name)?)));
    if let Some((name, value)) = variable {
        return Some((value.to_owned(), environment.place(name)));
    }
    let node = root.get("prices")?;
    Some((node.text().unwrap_or_default().to_owned(), node.at.clone()))
}

fn is_address(source: &str) -> bool {
    source.split_once("://").is_some_and(|(scheme, _)| matches!(scheme, "http" | "https"))
}

fn parsed(text: &str) -> Result<PriceBook, String> {
    PriceBook::load(text).map_err(|error| error.message().to_owned())
}

/// On a thread and a runtime of its own, because loading is synchronous and its caller may be in a runtime.
fn fetched(url: &str) -> Result<PriceBook, String> {
    let fetch = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| files::reason(&error))?;
        let content = runtime.block_on(llm_transport::fetch(url, SIZE, DEADLINE));
        let content = content.map_err(|error| error.message().to_owned())?;
        match std::str::from_utf8(&content).map(str::trim) {
            Ok("") => Err("it is empty".to_owned()),
            Ok(text) => parsed(text),
            Err(_) => Err("it is not UTF-8 text".to_owned()),
        }
    };
    let done = thread::scope(|scope| scope.spawn(fetch).join());
    done.unwrap_or_else(|_| Err("it ended in a panic".to_owned()))
}
