//! A page of the names of objects, as `ListObjectsV2` gives it.

use std::fmt::Write as _;

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// Whole names.
    pub(super) keys: Vec<String>,
    /// Where the next page begins; `None`: this is the last.
    pub(super) next: Option<String>,
}

impl Listing {
    /// Reads what is between the marks that matter. Names of ours have no letter that XML would spell in another way, and
    /// a place in a list is handed back as what it stands for.
    pub(super) fn read(xml: &[u8]) -> Self {
        let xml = String::from_utf8_lossy(xml);
        let keys = all(&xml, "<Key>", "</Key>").map(str::to_owned).collect();
        let next = all(&xml, "<NextContinuationToken>", "</NextContinuationToken>").next();
        let plain = |text: &str| {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            text.replace("&apos;", "'").replace("&amp;", "&")
        };
        Self { keys, next: next.map(plain) }
    }
}

fn all<'a>(xml: &'a str, opens: &'static str, closes: &'static str) -> impl Iterator<Item = &'a str> {
    xml.split(opens).skip(1).filter_map(move |rest| rest.split_once(closes).map(|(inside, _)| inside))
}

/// What a page is asked for with; names are in the order that a signature wants.
pub(super) fn query(prefix: &str, after: Option<&str>) -> String {
    let mut query = String::new();
    if let Some(after) = after {
        query = format!("continuation-token={}&", spelled(after));
    }
    write!(query, "list-type=2&prefix={}", spelled(prefix)).expect("a string takes all");
    query
}

/// Everything but unreserved letters in percents.
fn spelled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a string takes all"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_and_asked_for() {
        // As <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html> shows it (seen 2026-11-22).
        let xml = b"<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>\
                    <Contents><Key>p/llm-answers/a_3A1</Key><Size>9</Size></Contents>\
                    <Contents><Key>p/llm-answers/b</Key></Contents>\
                    <NextContinuationToken>1ueG&amp;cj/=</NextContinuationToken></ListBucketResult>";
        let page = Listing::read(xml);
        assert_eq!(page.keys, ["p/llm-answers/a_3A1", "p/llm-answers/b"]);
        assert_eq!(page.next.as_deref(), Some("1ueG&cj/="));
        assert_eq!(
            query("p/llm-answers/", page.next.as_deref()),
            "continuation-token=1ueG%26cj%2F%3D&list-type=2&prefix=p%2Fllm-answers%2F"
        );
        assert_eq!(Listing::read(b"<ListBucketResult/>"), Listing { keys: Vec::new(), next: None });
        assert_eq!(Listing::read(b"<Key>cut"), Listing { keys: Vec::new(), next: None });
    }
}
