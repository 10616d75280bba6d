//! Ids of calls: UUIDs of version 7, made without asking the system for randomness each time.

use std::time::{SystemTime, UNIX_EPOCH};

use llm_core::random::next;
use uuid::Builder;

/// An id for a call that came without one. Ids sort by time; they tell calls apart and are no secrets.
pub fn new_call_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or_default();
    let mut random = [0; 10];
    for (place, byte) in random.iter_mut().zip(next().to_le_bytes().into_iter().chain(next().to_le_bytes())) {
        *place = byte;
    }
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    Builder::from_unix_timestamp_millis(milliseconds, &random)
        .into_uuid()
        .as_hyphenated()
        .encode_lower(&mut text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_on_every_thread_and_are_of_version_7() {
        let make = || (0..2_000).map(|_| new_call_id()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(make)).collect();
        let ids: HashSet<String> =
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
        assert_eq!(ids.len(), 8_000);
        let one = uuid::Uuid::parse_str(ids.iter().next().expect("some")).expect("a UUID");
        assert_eq!(one.get_version_num(), 7);
    }
}
