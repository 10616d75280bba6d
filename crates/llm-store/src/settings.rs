//! Where stores are, and how they are talked to: what a configuration says, whether or not the store is compiled in.

use std::time::Duration;

use llm_core::Secret;

/// Where Redis is, and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://` or `rediss://` with user, password, host, port and database; wins over the single settings.
    pub url: Option<Secret>,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user; `None`: the default one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// What all keys begin with: gateways with the same one share their state.
    pub prefix: String,
    /// How long an answer may take before Redis counts as gone; limits and budgets of callers wait two seconds at least.
    pub timeout: Duration,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: None,
            host: "localhost".to_owned(),
            port: 6379,
            username: None,
            password: None,
            database: 0,
            tls: false,
            prefix: "llm".to_owned(),
            timeout: Duration::from_millis(100),
        }
    }
}

/// Where Qdrant is, and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QdrantSettings {
    /// `http://` or `https://` with host and port.
    pub url: String,
    /// Its API key.
    pub key: Option<Secret>,
    /// The collection, which is made when the first answer comes, unless it is there.
    pub collection: String,
    /// How many numbers a vector has, where the collection must be made; `None`: as many as the first one has.
    pub vector_size: Option<usize>,
    /// How a collection that is made keeps vectors small.
    pub quantization: Quantization,
    /// How long an answer may take before Qdrant counts as gone.
    pub timeout: Duration,
}

/// How Qdrant keeps vectors small. What is found is compared with the whole vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantization {
    /// A bit for each number.
    #[default]
    Binary,
    /// A byte for each number.
    Scalar,
    /// A sixteenth of the memory.
    Product,
}

/// Where objects are, and how they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSettings {
    /// The address of the bucket.
    pub url: String,
    /// What the names of all objects begin with; empty or with a slash at its end.
    pub prefix: String,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// Where the database is, and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// `sqlite:path`, `sqlite://path`, `sqlite::memory:`, `postgres://…` or `postgresql://…`.
    pub url: Secret,
    /// How many connections it may have at most: those of a PostgreSQL, those that only read of a SQLite.
    pub connections: usize,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
    /// How long a statement waits for its turn when all connections are busy.
    pub wait_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// The database at an address, and the usual for the rest.
    pub fn new(url: Secret) -> Self {
        Self {
            url,
            connections: 10,
            connect_timeout: Duration::from_secs(5),
            wait_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
        }
    }
}
