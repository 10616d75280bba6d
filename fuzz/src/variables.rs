//! Files of variables, as in `.env`.

use llm_config::Options;

use crate::configuration::{FOLDER, judge};

/// A file is a list of variables or a report of what is wrong; both lead to a gateway or a report.
///
/// # Panics
/// When it does not hold.
pub fn check(data: &[u8]) {
    std::fs::write(FOLDER.join("variables"), data).expect("the file can be written");
    judge(&Options {
        dotenv: Some("variables".into()),
        directory: FOLDER.clone(),
        variables: vec![("OPENAI_API_KEY".to_owned(), "sk-fuzz-secret-1".to_owned())],
        ..Options::default()
    });
}
