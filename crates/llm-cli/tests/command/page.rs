//! The pages of this command: every `sh` block of `docs/command-line.md` and of the crate's `README.md` is run.

use std::path::Path;
use std::process::Command;

use crate::stage::{KEY, Stage};

const PAGES: [&str; 2] = [include_str!("../../../../docs/command-line.md"), include_str!("../../README.md")];

/// The models of the page, as the mock answers for them.
const CONFIGURATION: &str = "
model_list:
  - {model_name: gpt-4o, litellm_params: {model: mock/echo, input_cost_per_token: 0.0000025, output_cost_per_token: 0.00001}}
  - {model_name: claude-sonnet-4-5, litellm_params: {model: mock/echo}}
  - {model_name: gemini-2.5-pro, litellm_params: {model: mock/echo}}
  - {model_name: embed, litellm_params: {model: mock/echo}, model_info: {mode: embedding}}
";

#[test]
fn every_command_of_the_pages_works() {
    let (stage, vendor) = (Stage::serving(CONFIGURATION), Stage::mock());
    stage.folder.file("config.yaml", CONFIGURATION);
    stage.folder.file("error.log", "out of memory\n");
    stage.folder.file("notes.txt", "a note\n");
    stage.folder.file("question.txt", "why?\n");
    std::fs::write(stage.folder.path().join("picture.png"), b"\x89PNG\r\n\x1a\n")
        .expect("the folder is ours");
    let programs = Path::new(env!("CARGO_BIN_EXE_llm")).parent().expect("it is in a folder").display();
    let mut blocks = 0;
    for block in PAGES.into_iter().flat_map(blocks_of) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-euc", block]).current_dir(stage.folder.path()).env_clear();
        shell.env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", stage.folder.path());
        shell.env("LLM_URL", stage.url()).env("LLM_KEY", KEY).env("LLM_DATA_DIRECTORY", ":memory:");
        shell.env("OPENAI_API_KEY", "sk-x").env("OPENAI_API_BASE", format!("{}/v1", vendor.url()));
        let ran = shell.stdin(std::process::Stdio::null()).output().expect("there is a shell");
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{block}\n{out}\n{err}");
        blocks += 1;
    }
    assert!(blocks > 10, "the pages have examples");
}

fn blocks_of(page: &str) -> impl Iterator<Item = &str> {
    page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next())
}
