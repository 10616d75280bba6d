//! From where a caller may ask.

use std::net::IpAddr;

use llm_core::{Error, ErrorKind, Result};

use crate::subject::Subject;

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads a network or an address; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is in it. An address of version 4 is the same when it is written as one of version 6.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same_begin(u32::from(network).into(), u32::from(address).into(), 32, self.bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                same_begin(network.into(), address.into(), 128, self.bits)
            }
            (IpAddr::V6(network), IpAddr::V4(address)) => {
                same_begin(network.into(), address.to_ipv6_mapped().into(), 128, self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}

fn same_begin(one: u128, other: u128, most: u32, bits: u32) -> bool {
    let rest = most.saturating_sub(bits);
    (one ^ other).checked_shr(rest).unwrap_or(0) == 0
}

/// Whether an address is among those that a subject allows; an empty list allows all.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] when it is not, or when nobody knows the address.
pub(crate) fn address_is_allowed(
    allowed: &[String],
    subject: &Subject,
    address: Option<IpAddr>,
) -> Result<()> {
    if allowed.is_empty() {
        return Ok(());
    }
    // What is no network allows nobody.
    let mut networks = allowed.iter().filter_map(|text| Network::parse(text));
    if address.is_some_and(|address| networks.any(|network| network.holds(address))) {
        return Ok(());
    }
    let from = address.map_or_else(|| "an unknown address".to_owned(), |one| one.to_canonical().to_string());
    let message = format!(
        "Access forbidden: IP address not allowed. {subject} may not be used from {from}: ask an administrator to add \
         it to `allowed_ips`"
    );
    Err(Error::new(ErrorKind::PermissionDenied, message).with_type("auth_error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let cases = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            (" 10.1.2.3/32 ", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::1/127", "2001:db8::", true),
        ];
        for (network, address, holds) in cases {
            let parsed = Network::parse(network).expect(network);
            assert_eq!(parsed.holds(address.parse().expect("an address")), holds, "{network} {address}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "::/129", "localhost", "*"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
