//! A file with variables that was named.

use std::path::PathBuf;

use llm_config::{Options, load};

use super::folder;

#[test]
fn a_dotenv_file_that_was_named_must_be_there() {
    let directory = folder("no-dotenv", &[]);
    let dotenv = Some(PathBuf::from("vars.env"));
    let report =
        load(&Options { dotenv, directory, ..Options::default() }).map(|_| ()).expect_err("it is missing");
    assert!(report.to_string().starts_with("error: the file vars.env cannot be read"), "{report}");
}
