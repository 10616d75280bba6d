//! Where a PostgreSQL is: its address as operators write it, with the parameters of libpq and of Prisma, which other
//! gateways use.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::database::DatabaseError;
use crate::settings::DatabaseSettings;

/// After how long without traffic a connection is asked whether it still stands.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What an address says.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
    /// The schema of the tables, where it is not the account's.
    pub(super) schema: Option<String>,
    /// Whether a pooler in between gives a session to many clients: it keeps no prepared statements for them.
    pub(super) shares_sessions: bool,
    /// How many connections at most.
    pub(super) connections: Option<usize>,
}

/// Which certificate a server must show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trust {
    pub(super) level: TrustLevel,
    /// The file with the authorities, where they are not the usual ones.
    pub(super) authorities: Option<String>,
}

/// How much a certificate must prove. What `sslmode` means is libpq's word: `require` encrypts, and believes anyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TrustLevel {
    /// Nothing.
    #[default]
    Anyone,
    /// That an authority signed it.
    Signed,
    /// That, for this host.
    Host,
}

impl Address {
    pub(super) fn read(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let (base, query) = settings.url.expose().split_once('?').unwrap_or((settings.url.expose(), ""));
        let mut parameters = Parameters::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.take(name, value)?;
        }
        let url = format!("{base}?{}", parameters.passed.join("&"));
        let mut config: Config = url.parse().map_err(|_| no_address())?;
        if config.get_hosts().is_empty() {
            return Err(no_address());
        }
        config.ssl_mode(parameters.mode.unwrap_or(SslMode::Prefer));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(settings.connect_timeout);
        }
        if !query.contains("keepalives") {
            config.keepalives_idle(KEEPALIVE);
        }
        if config.get_application_name().is_none() {
            config.application_name("llm-gateway");
        }
        let Parameters { mut trust, schema, shares_sessions, connections, .. } = parameters;
        if trust.authorities.is_some() && trust.level == TrustLevel::Anyone {
            trust.level = TrustLevel::Signed;
        }
        if shares_sessions && schema.is_some() {
            return Err(DatabaseError::settings(
                "`schema` and `pgbouncer` of `database_url` exclude each other: give the account a search_path",
            ));
        }
        Ok(Self { config, trust, schema, shares_sessions, connections })
    }
}

/// The parameters of an address.
#[derive(Default)]
struct Parameters {
    /// Those that the client library knows.
    passed: Vec<String>,
    mode: Option<SslMode>,
    trust: Trust,
    schema: Option<String>,
    shares_sessions: bool,
    connections: Option<usize>,
}

impl Parameters {
    fn take(&mut self, name: &str, value: &str) -> Result<(), DatabaseError> {
        let decoded = decode(value);
        match name {
            "sslmode" => self.encrypt(&decoded)?,
            "sslrootcert" if decoded == "system" => {}
            "sslrootcert" => self.trust.authorities = Some(decoded),
            "sslaccept" if decoded == "strict" => self.trust.level = TrustLevel::Host,
            "schema" => self.schema = Some(decoded),
            "connection_limit" => self.connections = decoded.parse().ok(),
            "pgbouncer" => self.shares_sessions = decoded == "true",
            "statement_cache_size" => self.shares_sessions |= decoded == "0",
            // How others wait; our own settings say how we do.
            "pool_timeout" | "socket_timeout" | "sslaccept" | "max_idle_connection_lifetime" => {}
            "sslcert" | "sslkey" | "sslidentity" | "sslpassword" => {
                return Err(DatabaseError::settings(format!(
                    "`{name}` of `database_url`: certificates of clients are not supported; use a password"
                )));
            }
            "user"
            | "password"
            | "dbname"
            | "host"
            | "hostaddr"
            | "port"
            | "options"
            | "application_name"
            | "connect_timeout"
            | "channel_binding"
            | "target_session_attrs"
            | "load_balance_hosts"
            | "sslnegotiation"
            | "tcp_user_timeout"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_retries" => self.passed.push(format!("{name}={value}")),
            other => {
                return Err(DatabaseError::settings(format!(
                    "`database_url` has an unknown parameter `{other}`"
                )));
            }
        }
        Ok(())
    }

    fn encrypt(&mut self, mode: &str) -> Result<(), DatabaseError> {
        let (mode, level) = match mode {
            "disable" => (SslMode::Disable, TrustLevel::Anyone),
            "allow" | "prefer" => (SslMode::Prefer, TrustLevel::Anyone),
            "require" => (SslMode::Require, TrustLevel::Anyone),
            "verify-ca" => (SslMode::Require, TrustLevel::Signed),
            "verify-full" => (SslMode::Require, TrustLevel::Host),
            _ => {
                return Err(DatabaseError::settings(
                    "`sslmode` of `database_url` is one of disable, prefer, require, verify-ca, verify-full",
                ));
            }
        };
        self.mode = Some(mode);
        self.trust.level = level;
        Ok(())
    }
}

fn no_address() -> DatabaseError {
    DatabaseError::settings(
        "`database_url` is no address of a PostgreSQL: write postgres://user:password@host:5432/name, with special \
         characters of the password as %40",
    )
}

/// Takes `%2F` for `/`; what is no such code stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use llm_core::Secret;

    use super::*;

    fn read(url: &str) -> Result<Address, DatabaseError> {
        Address::read(&DatabaseSettings::new(Secret::new(url.to_owned())))
    }

    #[test]
    fn addresses_are_read_with_the_parameters_of_others() {
        let url = "postgresql://llm:w%40rd@db.example:6432/gateway?schema=litellm&connection_limit=7&sslmode=verify-full\
                   &sslrootcert=%2Fetc%2Fca.pem&pool_timeout=60&connect_timeout=3&channel_binding=require";
        let address = read(url).expect("an address");
        assert_eq!(address.config.get_password(), Some(&b"w@rd"[..]));
        assert_eq!(address.config.get_dbname(), Some("gateway"));
        assert_eq!(address.config.get_ports(), [6432]);
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        let authorities = Some("/etc/ca.pem".to_owned());
        assert_eq!(address.trust, Trust { level: TrustLevel::Host, authorities });
        assert_eq!((address.schema.as_deref(), address.connections), (Some("litellm"), Some(7)));
    }

    #[test]
    fn modes_of_encryption_are_those_of_libpq() {
        for (mode, expected, level) in [
            ("disable", SslMode::Disable, TrustLevel::Anyone),
            ("prefer", SslMode::Prefer, TrustLevel::Anyone),
            ("require", SslMode::Require, TrustLevel::Anyone),
            ("verify-ca", SslMode::Require, TrustLevel::Signed),
        ] {
            let address = read(&format!("postgres://h/d?sslmode={mode}")).expect("an address");
            assert_eq!((address.config.get_ssl_mode(), address.trust.level), (expected, level), "{mode}");
        }
        let with_authorities = read("postgres://h/d?sslmode=require&sslrootcert=a.pem").expect("an address");
        assert_eq!(with_authorities.trust.level, TrustLevel::Signed);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (url, named) in [
            ("postgres://u:hunter2@h:port/d", "database_url"),
            ("postgres://u:hunter2@h/d?sslmode=always", "sslmode"),
            ("postgres://u:hunter2@h/d?magic=hunter2", "magic"),
            ("postgres://u:hunter2@h/d?sslcert=a.pem", "sslcert"),
            ("postgres://u:hunter2@h/d?schema=a&pgbouncer=true", "pgbouncer"),
        ] {
            let error = read(url).err().expect("it is wrong").to_string();
            assert!(error.contains(named) && !error.contains("hunter2"), "{error}");
        }
    }
}
