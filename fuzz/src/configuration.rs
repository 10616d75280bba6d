//! Configuration files, YAML or JSON, with variables.

use std::path::PathBuf;
use std::sync::LazyLock;

use llm_config::{Options, build, describe, load};

use crate::sample::Draws;

/// A folder of this process alone, so that several can run.
pub(crate) static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("llm-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files can be made");
    folder
});

/// A file is a configuration or a report of what is wrong. A configuration that loads can be told and built, and
/// no report or description shows a key.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let name = *Draws::of(data).one(&["config.yaml", "config.json"]);
    std::fs::write(FOLDER.join(name), data).expect("the file can be written");
    let variables = [("OPENAI_API_KEY", "sk-fuzz-secret-1"), ("ANTHROPIC_API_KEY", "sk-fuzz-secret-2")];
    let options = Options {
        config: Some(name.into()),
        directory: FOLDER.clone(),
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Options::default()
    };
    judge(&options);
}

/// Loads, tells and builds.
pub(crate) fn judge(options: &Options) {
    let told = match load(options) {
        Ok(loaded) => {
            let built = build(&loaded).map(drop).map_err(|report| report.to_string());
            describe(&loaded) + &built.err().unwrap_or_default()
        }
        Err(report) => report.to_string(),
    };
    assert!(!told.contains("sk-fuzz-secret"), "a key is shown: {told}");
}
