//! A file with variables that was named.

use std::path::PathBuf;

use llm_config::{Options, describe, load};

use super::folder;

#[test]
fn a_dotenv_file_that_was_named_must_be_there() {
    let directory = folder("no-dotenv", &[]);
    let dotenv = Some(PathBuf::from("vars.env"));
    let report =
        load(&Options { dotenv, directory, ..Options::default() }).map(|_| ()).expect_err("it is missing");
    assert!(report.to_string().starts_with("error: the file vars.env cannot be read"), "{report}");
}

#[test]
fn a_key_that_is_a_part_of_an_address_is_not_told() {
    let text = "OPENAI_API_KEY=sk-of-the-tests\nOPENAI_API_BASE=http://127.0.0.1:9/${OPENAI_API_KEY}/v1\n";
    let directory = folder("key-in-address", &[("vars.env", text)]);
    let options = Options { dotenv: Some(PathBuf::from("vars.env")), directory, ..Options::default() };
    let loaded = load(&options).expect("it loads");
    let told = describe(&loaded);
    assert!(told.contains("http://127.0.0.1:9/***/v1") && !told.contains("sk-of-the-tests"), "{told}");
}
