//! How often an address may show keys that nobody has, before the directory is not asked for it any more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use llm_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;

/// Parts that are locked apart.
const SHARDS: usize = 16;

/// Addresses of each part that are remembered.
const CAPACITY: usize = 4096;

/// Addresses, and how many guesses each has left.
pub(crate) struct Guesses {
    shards: [Mutex<HashMap<Network, Bucket>>; SHARDS],
    /// A minute; `0`: no limit.
    limit: u32,
}

/// An address of version 4, or the first half of one of version 6: whoever has one there has all of it.
type Network = u64;

struct Bucket {
    left: f64,
    filled: Instant,
    /// Questions that were not answered yet.
    asking: u32,
}

/// A question about a key that memory does not know.
pub(crate) struct Guess<'a> {
    of: Option<(&'a Guesses, Network)>,
}

impl Guesses {
    pub(crate) fn new(limit: u32) -> Self {
        Self { shards: Default::default(), limit }
    }

    /// Lets an address ask.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] when too many of its keys were unknown.
    pub(crate) fn ask(&self, address: Option<IpAddr>) -> Result<Guess<'_>> {
        let Some(address) = address.filter(|_| self.limit > 0) else { return Ok(Guess { of: None }) };
        let network = network(address);
        let mut shard = self.shard(network).lock();
        if shard.len() >= CAPACITY && !shard.contains_key(&network) {
            self.make_room(&mut shard);
        }
        let full = f64::from(self.limit);
        let new = Bucket { left: full, filled: Instant::now(), asking: 0 };
        let bucket = shard.entry(network).or_insert(new);
        self.fill(bucket);
        // Who never guessed may have many keys, and all of them at once after a start.
        if bucket.left < full && bucket.left < f64::from(bucket.asking) + 1.0 {
            return Err(self.refused(bucket));
        }
        bucket.asking += 1;
        Ok(Guess { of: Some((self, network)) })
    }

    fn fill(&self, bucket: &mut Bucket) {
        let full = f64::from(self.limit);
        let now = Instant::now();
        let since = now.duration_since(bucket.filled).as_secs_f64();
        bucket.left = (bucket.left + since * full / 60.0).min(full);
        bucket.filled = now;
    }

    fn make_room(&self, shard: &mut HashMap<Network, Bucket>) {
        shard.retain(|_, bucket| {
            self.fill(bucket);
            bucket.asking > 0 || bucket.left < f64::from(self.limit)
        });
        if shard.len() >= CAPACITY {
            shard.retain(|_, bucket| bucket.asking > 0);
        }
    }

    fn refused(&self, bucket: &Bucket) -> Error {
        let missing = (f64::from(bucket.asking) + 1.0 - bucket.left).max(0.0);
        let after = (missing * 60.0 / f64::from(self.limit)).ceil().max(1.0);
        let message = format!(
            "too many unknown API keys from this address: only {} a minute are looked up, try again in {after} seconds",
            self.limit
        );
        let error = Error::new(ErrorKind::RateLimited, message).with_type("throttling_error");
        error.with_fault(llm_core::Fault::Client).with_retry_after(Duration::from_secs_f64(after))
    }

    fn shard(&self, network: Network) -> &Mutex<HashMap<Network, Bucket>> {
        let [.., low] = (network ^ (network >> 32)).to_be_bytes();
        &self.shards[usize::from(low) % SHARDS]
    }
}

impl Guess<'_> {
    /// Nobody has that key.
    pub(crate) fn was_wrong(self) {
        if let Some((guesses, network)) = self.of
            && let Some(bucket) = guesses.shard(network).lock().get_mut(&network)
        {
            bucket.left = (bucket.left - 1.0).max(0.0);
        }
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        if let Some((guesses, network)) = self.of
            && let Some(bucket) = guesses.shard(network).lock().get_mut(&network)
        {
            bucket.asking = bucket.asking.saturating_sub(1);
        }
    }
}

fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        // Beside all networks of version 6, none of which begins like this.
        IpAddr::V4(address) => u64::from(u32::from(address)) | 0xffff << 48,
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(guesses: &Guesses, address: &str) -> Result<()> {
        guesses.ask(Some(address.parse().expect("an address"))).map(Guess::was_wrong)
    }

    #[test]
    fn an_address_guesses_so_often_and_others_are_not_told() {
        let guesses = Guesses::new(3);
        for _ in 0..3 {
            guess(&guesses, "10.0.0.1").expect("three are free");
        }
        let refused = guess(&guesses, "10.0.0.1").expect_err("the fourth");
        assert_eq!((refused.kind(), refused.status()), (ErrorKind::RateLimited, 429));
        assert!(refused.retry_after().is_some_and(|after| after <= Duration::from_secs(21)));
        guess(&guesses, "::ffff:10.0.0.1").expect_err("the same address");
        guess(&guesses, "10.0.0.2").expect("another address");
        guesses.ask(None).expect("an address that nobody knows").was_wrong();
    }

    #[test]
    fn a_network_of_version_6_is_one_guesser() {
        let guesses = Guesses::new(1);
        guess(&guesses, "2001:db8::1").expect("one is free");
        guess(&guesses, "2001:db8::2").expect_err("the same network");
        guess(&guesses, "2001:db8:0:1::2").expect("another network");
    }

    #[test]
    fn who_never_guessed_may_show_many_keys_at_once() {
        let guesses = Guesses::new(2);
        let address = Some("10.0.0.1".parse().expect("an address"));
        let asking: Vec<_> = (0..100).map(|_| guesses.ask(address).expect("all of them")).collect();
        drop(asking);
        guess(&guesses, "10.0.0.1").expect("they were right");
        let one = guesses.ask(address).expect("one is left");
        guesses.ask(address).map(drop).expect_err("and it is asked already");
        drop(one);
    }

    #[test]
    fn memory_is_bounded() {
        let guesses = Guesses::new(3);
        for number in 0..200_000_u32 {
            let address = IpAddr::V4(number.into());
            guesses.ask(Some(address)).map(Guess::was_wrong).expect("the first of each");
        }
        let known: usize = guesses.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(known <= SHARDS * CAPACITY, "{known}");
    }
}
