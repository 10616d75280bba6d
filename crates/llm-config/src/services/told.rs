//! Who is told of calls: those of the configuration, those of the store, and the store itself.

use std::sync::Arc;
use std::time::Duration;

use llm_callbacks::{Callback, CallbackSettings, CallbackThread, KeepsWords, Place};
use llm_gateway::CallLog;
use llm_management::Sealing;

use super::{Unopened, no_thread};
use crate::config::{Config, Loaded};
use crate::own_callbacks::OwnCallbacks;

/// The name of the store among those who are told of calls, where it keeps what was said.
pub(crate) const WORDS: &str = "spend_logs";

/// How long what was said waits for more to be kept with it.
const WORDS_WAIT: Duration = Duration::from_secs(1);

/// Who is told of calls, and the number of the settings that say so.
pub(super) struct Told {
    pub(super) version: u64,
    thread: Option<CallbackThread>,
}

/// Who is told of calls: those of the configuration, and the store where it keeps what was said.
pub(super) fn told_of(config: &Config, words: Option<&Arc<dyn KeepsWords>>) -> CallbackSettings {
    let (mut settings, stored) = (config.callbacks.clone(), &config.stored_callbacks);
    settings.callbacks.extend(stored.callbacks.iter().cloned());
    settings.version = settings.version.wrapping_add(stored.version);
    if let Some(words) = words.filter(|_| config.storage.keeps_words) {
        let own = Callback::new(WORDS, Place::Words(Arc::clone(words)));
        settings.callbacks.push(Callback { content: true, batch: 128, interval: WORDS_WAIT, ..own });
        settings.version = settings.version.wrapping_add(1);
    }
    settings
}

impl Told {
    /// Those whom a configuration names, the store where it keeps what was said, and those whom keys and teams name.
    pub(super) fn of(
        loaded: &Loaded,
        sealing: Option<&Arc<dyn Sealing>>,
        words: Option<&Arc<dyn KeepsWords>>,
    ) -> Result<Self, Unopened> {
        let own = OwnCallbacks::of(loaded, sealing);
        let settings = CallbackSettings { own, ..told_of(&loaded.config, words) };
        let thread = CallbackThread::start(&settings).map_err(|error| no_thread("callbacks", &error))?;
        Ok(Self { version: settings.version, thread })
    }

    pub(super) fn log(&self) -> Option<Arc<dyn CallLog>> {
        self.thread.as_ref().map(|thread| Arc::clone(&thread.callbacks) as _)
    }
}
