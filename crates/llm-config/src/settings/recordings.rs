//! Settings of recordings of vendor traffic.

use std::path::PathBuf;

use llm_providers::Mode;
use serde::Deserialize;

/// What is done with vendor traffic, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingSettings {
    /// Whether it is kept, or told again.
    pub mode: Mode,
    /// The directory.
    pub directory: PathBuf,
}

#[derive(Deserialize)]
pub(super) struct ReadRecordings {
    mode: String,
    directory: String,
    paced: bool,
}

impl ReadRecordings {
    /// The settings; none when it is off.
    ///
    /// # Errors
    /// When the mode is none, with what to do.
    pub(super) fn settings(&self) -> Result<Option<RecordingSettings>, (String, &'static str)> {
        let mode = match self.mode.to_ascii_lowercase().as_str() {
            "off" => return Ok(None),
            "record" => Mode::Record,
            "replay" => Mode::Replay { paced: self.paced },
            other => {
                return Err((format!("`{other}` is no mode of recordings"), "use off, record or replay"));
            }
        };
        Ok(Some(RecordingSettings { mode, directory: PathBuf::from(&self.directory) }))
    }
}
