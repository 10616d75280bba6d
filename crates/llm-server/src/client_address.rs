//! Where a request came from: the peer of its connection, or whom the operator's own proxies name.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};

/// The list that proxies add the address to from which each of them was called.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request came from. `proxies` stand between clients and us: each adds an entry to `x-forwarded-for`, and
/// whatever stands before those entries is the client's own word, which proves nothing.
pub(crate) fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let peer = peer.map(|address| address.to_canonical());
    let Some(at) = proxies.checked_sub(1) else { return peer };
    let entries = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let entries: Vec<&str> = entries.flat_map(|list| list.split(',')).map(str::trim).collect();
    // A request that passed fewer of them came to one of us directly.
    let named = entries.iter().rev().nth(at).or(entries.first());
    named.and_then(|entry| address(entry)).or(peer)
}

/// An entry: an address, in some proxies with its port.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_matches(['[', ']']);
    let address = bare.parse().ok().or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// The peer of a request that came through a router.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn found(list: Option<&'static str>, proxies: usize) -> String {
        let name = HeaderName::from_static(FORWARDED_FOR);
        let headers = list.map(|list| (name, HeaderValue::from_static(list))).into_iter().collect();
        client_address("10.0.0.9".parse().ok(), &headers, proxies).expect("known").to_string()
    }

    #[test]
    fn without_proxies_the_header_is_the_clients_own_word() {
        assert_eq!(found(Some("1.2.3.4"), 0), "10.0.0.9");
        assert_eq!(found(None, 1), "10.0.0.9");
    }

    #[test]
    fn of_the_entries_the_one_is_taken_that_our_proxies_added() {
        let list = Some("6.6.6.6, 1.2.3.4, 10.0.0.1");
        assert_eq!(found(list, 1), "10.0.0.1");
        assert_eq!(found(list, 2), "1.2.3.4");
        assert_eq!(found(Some("1.2.3.4"), 2), "1.2.3.4");
        assert_eq!(found(Some("1.2.3.4:5678"), 1), "1.2.3.4");
        assert_eq!(found(Some("[2001:db8::1]:80"), 1), "2001:db8::1");
        assert_eq!(found(Some("::ffff:1.2.3.4"), 1), "1.2.3.4");
        assert_eq!(found(Some("unknown"), 1), "10.0.0.9");
    }
}
