//! What works, and should not stay as it is.

use super::Access;
use crate::report::{Place, Report};

/// The shortest master key that is not called weak.
const MASTER_KEY_LENGTH: usize = 16;

const PLACEHOLDERS: [&str; 7] = ["your-", "your_", "<your", "changeme", "change-me", "xxxx", "replace-me"];

/// A credential that was never filled in, or that goes over the network in the clear.
pub(super) fn credential(report: &mut Report, at: &Place, public: &str, access: &Access) {
    let Some(key) = access.key.as_deref() else { return };
    if is_placeholder(key) {
        once(report, at, public, "looks like a placeholder", "put the vendor's key in its place");
    }
    if access.base.as_deref().is_some_and(is_clear) {
        once(report, at, public, "goes over the network unencrypted", "write the address with `https://`");
    }
}

/// A vendor whose certificate nobody looks at.
pub(super) fn unverified(report: &mut Report, at: &Place) {
    let message = "whoever stands on the way can read calls and keys: certificates are not checked";
    if !report.problems.iter().any(|known| known.place == *at && known.message == message) {
        report.warning(at, message).help("write the file of your certificate authorities as `ssl_verify`");
    }
}

/// One line may stand for many deployments.
fn once(report: &mut Report, at: &Place, public: &str, what: &str, help: &str) {
    if !report.problems.iter().any(|known| known.place == *at && known.message.ends_with(what)) {
        report.warning(at, format!("the key of `{public}` {what}")).help(help);
    }
}

/// A master key that is known to everybody, or easily guessed.
pub(crate) fn master_key(report: &mut Report, at: &Place, key: &str) {
    if key.len() < MASTER_KEY_LENGTH || is_placeholder(key) {
        let problem = report.warning(at, "the master key is weak");
        problem.help("make one with `openssl rand -hex 32`");
    }
}

fn is_placeholder(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| key.contains(word))
}

/// Whether an address is of another machine and without TLS.
fn is_clear(base: &str) -> bool {
    let Some(rest) = base.trim().strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = host
        .strip_prefix('[')
        .and_then(|v6| v6.split(']').next())
        .unwrap_or_else(|| host.split(':').next().unwrap_or(host));
    // A name without a dot is of this machine, a container or a cluster's own network.
    let address = host.parse::<std::net::IpAddr>();
    let private = match address {
        Ok(std::net::IpAddr::V4(v4)) => {
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
        }
        Ok(std::net::IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
        Err(_) => {
            !host.contains('.')
                || [".local", ".internal", ".localhost", ".svc"].iter().any(|end| host.ends_with(end))
        }
    };
    !private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_machines_without_tls_are_in_the_clear() {
        for base in ["http://api.acme.ai/v1", "http://8.8.8.8:80"] {
            assert!(is_clear(base), "{base}");
        }
        for base in [
            "https://api.acme.ai",
            "http://localhost:11434",
            "http://127.0.0.1:1",
            "http://10.0.0.4",
            "http://vllm:8000/v1",
            "http://[::1]:8000",
            "http://vllm.default.svc",
            "localhost:8000",
        ] {
            assert!(!is_clear(base), "{base}");
        }
    }
}
