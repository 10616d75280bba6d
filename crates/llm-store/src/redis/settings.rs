//! The client that settings mean.

use llm_core::{Error, ErrorKind, Result};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::settings::RedisSettings;

impl RedisSettings {
    /// Checks the address.
    ///
    /// # Errors
    /// When it is none. The address itself, which may hold a password, is not repeated.
    pub fn check(&self) -> Result<()> {
        self.client().map(|_| ())
    }

    pub(crate) fn client(&self) -> Result<Client> {
        let wrong = |_| {
            let message =
                "`redis_url` is no address of a Redis: write redis://host:6379/0, or rediss:// for TLS";
            Error::new(ErrorKind::InvalidRequest, message)
        };
        let info = match &self.url {
            Some(url) => url.expose().as_str().into_connection_info().map_err(wrong)?,
            None => self.info().map_err(wrong)?,
        };
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // Whoever was first has chosen: there is one library in this program.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        Client::open(info).map_err(wrong)
    }

    fn info(&self) -> redis::RedisResult<ConnectionInfo> {
        let (host, port) = (self.host.clone(), self.port);
        let address = match self.tls {
            false => ConnectionAddr::Tcp(host, port),
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let info = address.into_connection_info()?;
        let mut account = info.redis_settings().clone().set_db(i64::from(self.database));
        if let Some(username) = &self.username {
            account = account.set_username(username);
        }
        if let Some(password) = &self.password {
            account = account.set_password(password.expose());
        }
        Ok(info.set_redis_settings(account))
    }
}

#[cfg(test)]
mod tests {
    use llm_core::Secret;

    use super::*;

    #[test]
    fn an_address_in_parts_is_that_of_a_url() {
        let parts = RedisSettings {
            host: "cache.example".to_owned(),
            port: 6380,
            password: Some(Secret::new("word".to_owned())),
            database: 2,
            tls: true,
            ..RedisSettings::default()
        };
        let whole = RedisSettings {
            url: Some(Secret::new("rediss://:word@cache.example:6380/2".to_owned())),
            ..RedisSettings::default()
        };
        let (parts, whole) = (parts.client().expect("parts"), whole.client().expect("a url"));
        let (parts, whole) = (parts.get_connection_info(), whole.get_connection_info());
        assert_eq!(parts.addr(), whole.addr());
        assert_eq!(parts.redis_settings().password(), whole.redis_settings().password());
        assert_eq!(parts.redis_settings().db(), whole.redis_settings().db());
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let wrong =
            RedisSettings { url: Some(Secret::new("http://:word@x".to_owned())), ..RedisSettings::default() };
        let error = wrong.check().expect_err("http is no redis");
        assert!(error.message().contains("redis_url") && !error.message().contains("word"), "{error}");
    }
}
