//! What was said until now, and how it is kept in files.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::user;
use crate::ask::{Answer, Question};
use crate::failure::Failure;
use crate::prompt::Parameters;

/// A conversation.
pub(super) struct Conversation {
    /// With whom; `None`: the gateway's default.
    pub model: Option<String>,
    /// What the model is told before.
    pub system: Option<String>,
    /// What both said, in turns.
    pub messages: Vec<Value>,
    /// Answers until now.
    pub turns: u64,
    /// Tokens of prompts and answers until now.
    pub tokens: (u64, u64),
    /// Dollars until now; `None` as soon as one is not known.
    pub cost: Option<f64>,
    parameters: Parameters,
}

impl Conversation {
    /// One in which nothing was said.
    pub(super) fn new(model: Option<String>, parameters: Parameters) -> Self {
        let (system, messages) = (parameters.system.clone(), Vec::new());
        Self { model, system, messages, turns: 0, tokens: (0, 0), cost: Some(0.0), parameters }
    }

    /// What is asked when somebody says this now.
    pub(super) fn question(&self, text: &str) -> Question {
        let system = self.system.as_ref().map(|text| json!({"role": "system", "content": text}));
        let messages = system.into_iter().chain(self.messages.iter().cloned()).chain([user(text)]);
        Question {
            model: self.model.clone(),
            messages: messages.collect(),
            parameters: self.parameters.fields(),
        }
    }

    /// What was said, and answered.
    pub(super) fn answered(&mut self, text: &str, answer: &Answer) {
        self.messages.push(user(text));
        self.messages.push(json!({"role": "assistant", "content": answer.text}));
        self.turns += 1;
        self.tokens.0 += answer.input.unwrap_or(0);
        self.tokens.1 += answer.output.unwrap_or(0);
        self.cost = self.cost.zip(answer.cost).map(|(so_far, more)| so_far + more);
    }

    /// Writes it to a file: Markdown for people, JSON for [`Conversation::load`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn save(&self, file: &Path) -> Result<(), Failure> {
        let is_markdown = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
        let text = if is_markdown { self.markdown() } else { format!("{:#}\n", self.json()) };
        std::fs::write(file, text).map_err(|error| Failure::file("write", file, &error))
    }

    fn json(&self) -> Value {
        json!({"model": self.model, "system": self.system, "messages": self.messages})
    }

    fn markdown(&self) -> String {
        let mut out =
            format!("# A conversation with {}\n", self.model.as_deref().unwrap_or("the default model"));
        if let Some(system) = &self.system {
            // A string takes everything.
            let _ = write!(out, "\n> {}\n", system.replace('\n', "\n> "));
        }
        for message in &self.messages {
            let who = if message["role"] == "user" { "You" } else { "Answer" };
            let _ =
                write!(out, "\n## {who}\n\n{}\n", message["content"].as_str().unwrap_or_default().trim_end());
        }
        out
    }

    /// Goes on with one that was saved: its messages and its system text, and its model where none was named.
    ///
    /// # Errors
    /// When the file is none.
    pub(super) fn load(&mut self, file: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(file).map_err(|error| Failure::file("read", file, &error))?;
        let unread = || {
            Failure::usage(format!("{} is no conversation", file.display()))
                .help("`/save talk.json` writes one; Markdown is for people alone")
        };
        let saved: Value = serde_json::from_str(&text).map_err(|_| unread())?;
        let messages = saved["messages"].as_array().ok_or_else(unread)?;
        let is_message = |one: &Value| {
            matches!(one["role"].as_str(), Some("user" | "assistant")) && one.get("content").is_some()
        };
        if !messages.iter().all(is_message) {
            return Err(unread());
        }
        self.messages.clone_from(messages);
        if let Some(system) = saved["system"].as_str() {
            self.system = Some(system.to_owned());
        }
        if self.model.is_none() {
            self.model = saved["model"].as_str().map(str::to_owned);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk() -> Conversation {
        let mut talk = Conversation::new(Some("smart".to_owned()), Parameters::default());
        talk.system = Some("be short".to_owned());
        let answer = Answer {
            text: "Hi!".to_owned(),
            input: Some(5),
            output: Some(2),
            cost: Some(0.1),
            ..Answer::default()
        };
        talk.answered("hello", &answer);
        talk
    }

    #[test]
    fn what_was_said_is_asked_with() {
        let question = talk().question("and now?");
        let roles: Vec<&str> =
            question.messages.iter().filter_map(|message| message["role"].as_str()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
    }

    #[test]
    fn a_cost_that_is_not_known_makes_the_sum_unknown() {
        let mut talk = talk();
        assert_eq!(talk.cost, Some(0.1));
        talk.answered("more", &Answer::default());
        assert_eq!((talk.cost, talk.turns, talk.tokens), (None, 2, (5, 2)));
    }

    #[test]
    fn a_conversation_comes_back_from_its_file() {
        let file = std::env::temp_dir().join(format!("llm-talk-{}.json", std::process::id()));
        talk().save(&file).expect("the folder for temporary files can be written");
        let mut other = Conversation::new(None, Parameters::default());
        let read = other.load(&file);
        std::fs::remove_file(&file).expect("it was just written");
        assert_eq!(read, Ok(()));
        assert_eq!((other.model.as_deref(), other.system.as_deref()), (Some("smart"), Some("be short")));
        assert_eq!(other.messages, talk().messages);
    }

    #[test]
    fn markdown_is_for_people() {
        let text = "# A conversation with smart\n\n> be short\n\n## You\n\nhello\n\n## Answer\n\nHi!\n";
        assert_eq!(talk().markdown(), text);
    }
}
