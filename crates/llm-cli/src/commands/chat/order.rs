//! What a person says in a conversation: words for the model, or a command for this program.

use std::path::PathBuf;

/// The commands, and what they do.
pub(super) const HELP: [(&str, &str); 8] = [
    ("/model [NAME]", "show the models, or go on with another one"),
    ("/system [TEXT]", "what the model is told before; - for nothing"),
    ("/save FILE", "write it down: as JSON, or (*.md) as Markdown"),
    ("/load FILE", "go on with one that was saved as JSON"),
    ("/clear", "forget what was said"),
    ("/cost", "what the conversation took until now"),
    ("/help", "this"),
    ("/quit", "end; so does Ctrl-D"),
];

/// One thing that a person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Nothing,
    Say(String),
    Model(Option<String>),
    System(Option<String>),
    Save(Option<PathBuf>),
    Load(Option<PathBuf>),
    Clear,
    Cost,
    Help,
    Quit,
    Unknown(String),
}

impl Order {
    /// Reads it. Two slashes at the beginning are one that is said.
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Nothing;
        }
        let Some(command) = text.strip_prefix('/') else { return Self::Say(text.to_owned()) };
        if command.starts_with('/') {
            return Self::Say(command.to_owned());
        }
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty()).map(str::to_owned);
        match name {
            "model" | "models" => Self::Model(rest),
            "system" => Self::System(rest),
            "save" => Self::Save(rest.map(PathBuf::from)),
            "load" => Self::Load(rest.map(PathBuf::from)),
            "clear" => Self::Clear,
            "cost" => Self::Cost,
            "help" | "?" => Self::Help,
            "quit" | "exit" | "q" => Self::Quit,
            _ => Self::Unknown(name.to_owned()),
        }
    }
}

/// Several lines as one text, where the input is whole; `None`: there is more to come.
///
/// A line that ends with a backslash goes on in the next; a line of `"""` begins what ends with another one.
pub(super) fn whole(input: &str) -> Option<String> {
    if let Some(rest) = input.trim_start().strip_prefix("\"\"\"") {
        return rest.trim_end().strip_suffix("\"\"\"").map(|inner| inner.trim().to_owned());
    }
    if input.ends_with('\\') {
        return None;
    }
    Some(input.replace("\\\n", "\n"))
}

/// The same at the end of the input, when no more comes.
pub(super) fn cut(input: &str) -> String {
    let input = input.trim_start().strip_prefix("\"\"\"").unwrap_or(input);
    input.trim_end_matches('\\').replace("\\\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words_or_commands() {
        assert_eq!(Order::of("  hello  "), Order::Say("hello".to_owned()));
        assert_eq!(Order::of("/model gpt-4o"), Order::Model(Some("gpt-4o".to_owned())));
        assert_eq!(Order::of("/model"), Order::Model(None));
        assert_eq!(Order::of("/system be short, please"), Order::System(Some("be short, please".to_owned())));
        assert_eq!(Order::of("/save my talk.md"), Order::Save(Some("my talk.md".into())));
        assert_eq!(Order::of("//etc/passwd?"), Order::Say("/etc/passwd?".to_owned()));
        assert_eq!(Order::of("/nonsense x"), Order::Unknown("nonsense".to_owned()));
        assert_eq!(Order::of(" "), Order::Nothing);
    }

    #[test]
    fn every_command_of_the_help_is_one() {
        for (command, _) in HELP {
            let name = command.split(' ').next().unwrap_or_default();
            assert!(!matches!(Order::of(name), Order::Unknown(_) | Order::Say(_)), "{command}");
        }
    }

    #[test]
    fn texts_go_on_over_several_lines() {
        assert_eq!(whole("one"), Some("one".to_owned()));
        assert_eq!(whole("one\\"), None);
        assert_eq!(whole("one\\\ntwo"), Some("one\ntwo".to_owned()));
        assert_eq!(whole("\"\"\"\none"), None);
        assert_eq!(whole("\"\"\"\none\n\ntwo\n\"\"\""), Some("one\n\ntwo".to_owned()));
        assert_eq!(cut("\"\"\"\none\\"), "\none");
    }
}
