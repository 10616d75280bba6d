//! The cache of answers that a configuration wants. It stays the same as long as its settings do.

use std::sync::Arc;

use llm_core::{AnswerStore, Result};
use llm_gateway::{AnswerCache, MemoryAnswers};

use crate::config::Config;
use crate::report::Report;
use crate::settings::{CacheConfig, CachePlace};

/// The cache of the configuration that is in force.
#[derive(Default)]
pub(crate) struct Answers {
    made: Option<(CacheConfig, Arc<AnswerCache>)>,
}

impl Answers {
    /// The cache that a configuration wants: the one that there is, where nothing about it changed.
    pub(crate) fn of(&mut self, config: &Config, report: &mut Report) -> Option<Arc<AnswerCache>> {
        let wanted = config.cache.as_ref()?;
        let same =
            |made: &&(CacheConfig, _)| made.0.place == wanted.place && made.0.settings == wanted.settings;
        if let Some((_, cache)) = self.made.as_ref().filter(same) {
            return Some(Arc::clone(cache));
        }
        match store(&wanted.place) {
            Ok(store) => {
                let cache = Arc::new(AnswerCache::new(store, wanted.settings.clone()));
                self.made = Some((wanted.clone(), Arc::clone(&cache)));
                Some(cache)
            }
            Err(error) => {
                report.error(&wanted.at, error.message());
                None
            }
        }
    }
}

fn store(place: &CachePlace) -> Result<Arc<dyn AnswerStore>> {
    Ok(match place {
        CachePlace::Memory { most_bytes } => Arc::new(MemoryAnswers::new(*most_bytes)),
        #[cfg(feature = "sqlite")]
        CachePlace::Disk { folder, most_bytes } => {
            Arc::new(llm_store::answers::DiskAnswers::new(folder, *most_bytes))
        }
        #[cfg(feature = "redis")]
        CachePlace::Redis(settings) => Arc::new(llm_store::answers::RedisAnswers::start(settings)?),
        #[cfg(feature = "qdrant")]
        CachePlace::Qdrant(settings) => Arc::new(llm_store::answers::QdrantAnswers::new(settings.clone())?),
        #[cfg(feature = "s3")]
        CachePlace::Objects { bucket, timeout } => {
            let (url, prefix, timeout) = (bucket.url.clone(), bucket.prefix.clone(), *timeout);
            let settings = llm_store::ObjectSettings { url, prefix, timeout };
            Arc::new(llm_store::answers::ObjectAnswers::new(&settings, bucket.signer()?)?)
        }
        #[cfg(not(all(feature = "qdrant", feature = "redis", feature = "s3", feature = "sqlite")))]
        _ => {
            let message = "this program was built without that store of answers: build it with the features `qdrant`, \
                           `redis`, `s3` and `sqlite`";
            return Err(llm_core::Error::invalid(message));
        }
    })
}
