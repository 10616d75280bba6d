//! Where the Redis is through which several gateways share their state.

use std::time::Duration;

use llm_core::Secret;
use llm_store::RedisSettings;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct ReadRedis {
    url: Option<Secret>,
    host: Option<String>,
    port: String,
    username: Option<String>,
    password: Option<Secret>,
    db: u16,
    ssl: bool,
    prefix: String,
    timeout: f64,
}

impl ReadRedis {
    /// The settings; none where neither an address nor a host is said.
    ///
    /// # Errors
    /// The path of what is wrong, and why.
    pub(super) fn settings(self) -> Result<Option<RedisSettings>, (&'static str, String)> {
        if self.url.is_none() && self.host.is_none() {
            return Ok(None);
        }
        let port = match &self.url {
            None => {
                port(&self.port).ok_or_else(|| ("redis.port", "`redis_port` must be a port".to_owned()))?
            }
            // It says the port itself.
            Some(_) => 0,
        };
        if !(0.001..=10.0).contains(&self.timeout) {
            let message = "`redis_timeout` must be between 0.001 and 10 seconds: calls wait for it";
            return Err(("redis.timeout", message.to_owned()));
        }
        Ok(Some(RedisSettings {
            url: self.url,
            host: self.host.unwrap_or_default(),
            port,
            username: self.username,
            password: self.password,
            database: self.db,
            tls: self.ssl,
            prefix: self.prefix,
            timeout: Duration::from_secs_f64(self.timeout),
        }))
    }
}

/// A port, or that of an address such as `tcp://10.0.0.1:6379`, which linked containers have in this variable.
fn port(text: &str) -> Option<u16> {
    let text = text
        .strip_prefix("tcp://")
        .and_then(|address| address.rsplit_once(':'))
        .map_or(text, |(_, port)| port);
    text.trim().parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn a_port_is_a_number_or_stands_in_an_address() {
        assert_eq!(port("6380"), Some(6380));
        assert_eq!(port("tcp://10.96.0.7:6379"), Some(6379));
        assert_eq!((port("0"), port("http"), port("70000")), (None, None, None));
    }
}
