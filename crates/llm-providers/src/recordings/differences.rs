//! The recording that is most like a request, and what is different in it.

use serde_json::Value;

use super::Shelf;
use super::exchange::{Exchange, Request};

/// The most recordings that are looked through.
const MOST_FILES: usize = 1000;
/// The most differences that are named.
const MOST: usize = 6;

/// A recording that is like a request.
pub(crate) struct Near {
    pub(crate) name: String,
    /// Members that are different, the first few.
    pub(crate) differences: Vec<String>,
}

/// The recording of this vendor that differs least.
pub(crate) fn nearest(shelf: &dyn Shelf, vendor: &str, request: &Request) -> Option<Near> {
    let names = shelf.names().ok()?;
    let near = names.into_iter().take(MOST_FILES).filter_map(|name| {
        let exchange: Exchange = serde_json::from_slice(&shelf.read(&name).ok()??).ok()?;
        let differences = between(&exchange.request, request);
        (exchange.vendor == vendor).then_some((name, differences))
    });
    let (name, mut differences) = near.min_by_key(|(_, differences)| differences.len())?;
    let more = differences.len().saturating_sub(MOST);
    differences.truncate(MOST);
    if more > 0 {
        differences.push(format!("{more} more"));
    }
    Some(Near { name, differences })
}

fn between(known: &Request, request: &Request) -> Vec<String> {
    let mut found = Vec::new();
    if (&known.method, &known.path) != (&request.method, &request.path) {
        // Another path is another question, however alike the bodies are.
        found.push(format!("the path (`{} {}`)", known.method, known.path));
        found.extend(std::iter::repeat_n("the body".to_owned(), MOST));
        return found;
    }
    compare("", &known.body.canonical(), &request.body.canonical(), &mut found);
    found
}

fn compare(place: &str, known: &Value, asked: &Value, found: &mut Vec<String>) {
    match (known, asked) {
        (Value::Object(known), Value::Object(asked)) => {
            for (name, value) in known {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                match asked.get(name) {
                    Some(other) => compare(&place, value, other, found),
                    None => found.push(format!("`{place}` (only in the recording)")),
                }
            }
            for name in asked.keys().filter(|name| !known.contains_key(*name)) {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                found.push(format!("`{place}` (only in the request)"));
            }
        }
        (Value::Array(known), Value::Array(asked)) => {
            for (at, (value, other)) in known.iter().zip(asked).enumerate() {
                compare(&format!("{place}[{at}]"), value, other, found);
            }
            if known.len() != asked.len() {
                found.push(format!("`{place}` ({} and {} elements)", known.len(), asked.len()));
            }
        }
        (known, asked) if known != asked => {
            let place = if place.is_empty() { "the body".to_owned() } else { format!("`{place}`") };
            found.push(place);
        }
        _ => {}
    }
}
