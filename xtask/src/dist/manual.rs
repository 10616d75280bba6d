//! Manual pages and completions, as the programs themselves tell them.

use std::path::Path;

use anyhow::Result;

use super::programs::Programs;
use super::{Order, tools};

/// What programs are about, for the first line of their pages.
const ABOUT: [(&str, &str); 2] = [
    ("llm", "ask language models from the command line"),
    ("llm-server", "a gateway to large language models"),
];

/// Shells, and where their completions lie below `share`, with the program's name in the place of `@`.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "bash-completion/completions/@"),
    ("fish", "fish/vendor_completions.d/@.fish"),
    ("zsh", "zsh/vendor-completions/_@"),
];

/// Puts compressed pages and completions below a `share` folder. Programs of other machines cannot be asked: then there
/// are none.
pub(super) fn put(order: &Order, programs: &Programs, share: &Path) -> Result<()> {
    for name in &programs.names {
        let Some(help) = programs.says(name, &["--help"])? else {
            println!("dist: no manual pages and completions, as `{}` does not run here", programs.target);
            return Ok(());
        };
        let mut chapters = Vec::new();
        for command in commands(&help) {
            if let Some(text) = programs.says(name, &[command, "--help"])? {
                chapters.push((command, text));
            }
        }
        let date = tools::date(&order.time, "+%Y-%m-%d")?;
        let page = page(name, &order.version, &date, &help, &chapters);
        tools::write_compressed(&share.join(format!("man/man1/{name}.1")), &page)?;
        for (shell, place) in SHELLS {
            if let Some(script) = programs.says(name, &["completions", shell])? {
                tools::write(&share.join(place.replace('@', name)), script, 0o644)?;
            }
        }
    }
    Ok(())
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = lines.take_while(|line| !line.trim().is_empty()).filter(|line| !line.starts_with("   "));
    listed.filter_map(|line| line.split_whitespace().next()).filter(|command| *command != "help").collect()
}

fn page(name: &str, version: &str, date: &str, help: &str, chapters: &[(&str, String)]) -> String {
    let about = ABOUT.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| about);
    let mut page = format!(".TH {} 1 {date} \"{name} {version}\" \"User Commands\"\n", name.to_uppercase());
    page.push_str(&format!(".SH NAME\n{} \\- {about}\n.SH DESCRIPTION\n{}", plain(name), verbatim(help)));
    for (command, text) in chapters {
        page.push_str(&format!(".SH \"{} {}\"\n{}", plain(name), plain(command), verbatim(text)));
    }
    page.push_str(".SH SEE ALSO\n/usr/share/doc/llm\\-gateway\n");
    page
}

/// Text as it stands.
fn verbatim(text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("{}\n", plain(line))).collect();
    format!(".nf\n{lines}.fi\n")
}

/// A line that means nothing else to the typesetter.
fn plain(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Usage: x\n\nCommands:\n  check  Check it\n  serve  Serve\n           more of it\n  help   Print\n\nOptions:\n  -c";

    #[test]
    fn commands_are_found_in_a_help_text() {
        assert_eq!(commands(HELP), ["check", "serve"]);
        assert!(commands("Usage: x").is_empty());
    }

    #[test]
    fn no_line_of_a_help_text_is_an_order_to_the_typesetter() {
        let page = page("llm-server", "1.2.3", "2026-11-22", ".so /etc/passwd\n'x a\\b", &[]);
        assert!(page.contains("\n\\&.so /etc/passwd\n\\&'x a\\eb\n"), "{page}");
        assert!(page.starts_with(".TH LLM-SERVER 1 2026-11-22"), "{page}");
    }
}
