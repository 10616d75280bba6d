//! Where answers are kept.

use std::path::PathBuf;
use std::time::Duration;

use llm_core::Secret;
use llm_providers::Registry;
use llm_store::{QdrantSettings, Quantization, RedisSettings};

use crate::environment::Environment;
use crate::node::Node;
use crate::report::Report;
use crate::settings::StorageSettings;
use crate::settings::bucket::Bucket;
use crate::settings::callbacks::is_address;

/// Megabytes in memory, and on disk, where nobody says.
const SIZES: [f64; 2] = [128.0, 1024.0];

/// How long stores that are asked over HTTP may take where nobody says.
const USUAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Where answers are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum CachePlace {
    /// In the memory of this process.
    Memory {
        /// At most so many bytes.
        most_bytes: usize,
    },
    /// In a file of SQLite.
    Disk {
        /// Its folder.
        folder: PathBuf,
        /// At most so many bytes.
        most_bytes: u64,
    },
    /// In Redis.
    Redis(RedisSettings),
    /// In Qdrant.
    Qdrant(QdrantSettings),
    /// As objects of a bucket.
    Objects {
        /// The bucket.
        bucket: Bucket,
        /// How long an answer of it may take.
        timeout: Duration,
    },
}

/// What a place is made from.
pub(super) struct Placing<'a> {
    pub(super) params: &'a Node,
    /// Whether questions in other words are to be found there.
    pub(super) is_semantic: bool,
    pub(super) redis: Option<&'a RedisSettings>,
    pub(super) storage: &'a StorageSettings,
    pub(super) environment: &'a Environment,
}

impl Placing<'_> {
    /// The place, and the key of the life of what is kept there.
    pub(super) fn place(&self, kind: &str, report: &mut Report) -> Option<(CachePlace, &'static str)> {
        match (kind, self.is_semantic) {
            ("local" | "memory", _) => {
                let most_bytes = usize::try_from(self.size(SIZES[0])).unwrap_or(usize::MAX);
                Some((CachePlace::Memory { most_bytes }, "default_in_memory_ttl"))
            }
            ("disk", _) => Some((self.disk(report)?, "default_in_memory_ttl")),
            ("redis" | "valkey", _) => {
                let Some(settings) = self.own_redis(report).or_else(|| self.redis.cloned()) else {
                    self.wrong("answers cannot be kept in Redis: nobody says where it is".to_owned(), report)
                        .help("set `host` or `url` in `cache_params`, or `redis_host` in `router_settings`");
                    return None;
                };
                Some((CachePlace::Redis(settings), "default_in_redis_ttl"))
            }
            ("qdrant", true) => Some((CachePlace::Qdrant(self.qdrant(report)?), "default_in_redis_ttl")),
            ("s3", false) => Some((self.objects(report)?, "default_in_redis_ttl")),
            _ => {
                let semantic = if self.is_semantic { "-semantic" } else { "" };
                self.wrong(format!("there is no cache of the type `{kind}{semantic}` here"), report).help(
                    "use `local`, `disk` or `redis`, or one of them with `-semantic` behind it, `qdrant-semantic` or `s3`",
                );
                None
            }
        }
    }

    fn wrong<'r>(&self, message: String, report: &'r mut Report) -> &'r mut crate::report::Problem {
        let at = self.params.get("type").map_or(&self.params.at, |node| &node.at);
        report.error(at, message)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.params.get_text(key).filter(|text| !text.is_empty())
    }

    fn secret(&self, key: &str) -> Option<Secret> {
        self.text(key).map(|text| Secret::new(text.to_owned()))
    }

    fn timeout(&self, usual: Duration) -> Duration {
        let given = self.params.get_seconds("socket_timeout");
        given.map_or(usual, |time| time.clamp(Duration::from_millis(1), Duration::from_secs(10)))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
    fn size(&self, usual: f64) -> u64 {
        let size = self.params.get_number("max_size_mb").unwrap_or(usual);
        (size.clamp(0.0, 1_048_576.0) * 1_048_576.0) as u64
    }

    fn disk(&self, report: &mut Report) -> Option<CachePlace> {
        let folder = self.params.get_text("disk_cache_dir").map(PathBuf::from);
        let data = || self.storage.directory.clone().unwrap_or_else(|| self.storage.usual_directory.clone());
        let folder = folder.unwrap_or_else(data);
        if folder.as_os_str() == ":memory:" {
            let message = "answers cannot be kept on disk: the data of this gateway are in memory";
            self.wrong(message.to_owned(), report)
                .help("name a folder with `disk_cache_dir`, or use the type `local`");
            return None;
        }
        Some(CachePlace::Disk { folder, most_bytes: self.size(SIZES[1]) })
    }

    fn own_redis(&self, report: &mut Report) -> Option<RedisSettings> {
        let (url, host) = (self.params.get_text("url"), self.params.get_text("host"));
        if url.is_none() && host.is_none() {
            return None;
        }
        let mut whole = |key, usual| {
            let number = self.params.get_whole(key).unwrap_or(usual);
            u16::try_from(number).unwrap_or_else(|_| {
                let at = self.params.get(key).map_or(&self.params.at, |node| &node.at);
                report.error(at, format!("`{key}` is outside its range"));
                0
            })
        };
        let usual = RedisSettings::default();
        Some(RedisSettings {
            url: url.map(|url| Secret::new(url.to_owned())),
            host: host.unwrap_or_default().to_owned(),
            port: whole("port", usual.port.into()),
            username: self.params.get_text("username").map(str::to_owned),
            password: self.params.get_text("password").map(|word| Secret::new(word.to_owned())),
            database: whole("db", 0),
            tls: self.params.get_flag("ssl") == Some(true),
            timeout: self.timeout(usual.timeout),
            prefix: usual.prefix,
        })
    }

    fn qdrant(&self, report: &mut Report) -> Option<QdrantSettings> {
        let variable = |names: &[&str]| names.iter().find_map(|name| self.environment.get(name));
        let url = self.text("qdrant_api_base").or_else(|| variable(&["QDRANT_API_BASE", "QDRANT_URL"]));
        let Some(url) = url.filter(|url| is_address(url)) else {
            self.wrong(
                "answers cannot be kept in Qdrant: it has no http or https address".to_owned(),
                report,
            )
            .help("set `qdrant_api_base`, or QDRANT_API_BASE");
            return None;
        };
        let Some(collection) = self.text("qdrant_collection_name") else {
            self.wrong("answers cannot be kept in Qdrant: nobody names a collection".to_owned(), report)
                .help("set `qdrant_collection_name`");
            return None;
        };
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !collection.chars().all(is_plain) || collection.len() > 255 {
            self.wrong(
                "`qdrant_collection_name` has letters that no collection should have".to_owned(),
                report,
            )
            .help("use letters, digits, `-`, `_` and `.`");
            return None;
        }
        let size = self.params.get_whole("qdrant_semantic_cache_vector_size");
        let key = variable(&["QDRANT_API_KEY"]).map(|key| Secret::new(key.to_owned()));
        Some(QdrantSettings {
            url: url.trim_end_matches('/').to_owned(),
            key: self.secret("qdrant_api_key").or(key),
            collection: collection.to_owned(),
            vector_size: size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0),
            quantization: match self.text("qdrant_quantization_config") {
                Some("scalar") => Quantization::Scalar,
                Some("product") => Quantization::Product,
                _ => Quantization::Binary,
            },
            timeout: self.timeout(USUAL_TIMEOUT),
        })
    }

    fn objects(&self, report: &mut Report) -> Option<CachePlace> {
        // The variables that AWS's own tools read: the row of a vendor there names them.
        match Bucket::read(Some(self.params), self.environment, &Registry::builtin()) {
            Ok(bucket) => Some(CachePlace::Objects { bucket, timeout: self.timeout(USUAL_TIMEOUT) }),
            Err((what, help)) => {
                self.wrong(format!("answers cannot be kept as objects: {what}"), report).help(help);
                None
            }
        }
    }
}
