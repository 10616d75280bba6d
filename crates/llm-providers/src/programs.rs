//! Programs that credentials are asked for.

use std::fmt;
use std::sync::Arc;

use llm_core::{BoxFuture, Error, ErrorKind, Result, Secret};

type Run = dyn Fn(Vec<String>) -> BoxFuture<'static, std::io::Result<Vec<u8>>> + Send + Sync;

/// Runs programs that write credentials to their standard output. This crate runs none itself: the program that builds
/// providers lends its hands, and bounds how long they may take and how much they may write.
#[derive(Clone, Default)]
pub struct Programs(Option<Arc<Run>>);

impl Programs {
    /// Programs run by this function, which takes a program's name and its arguments. What it fails with is shown to
    /// clients by its kind alone.
    pub fn new(
        run: impl Fn(Vec<String>) -> BoxFuture<'static, std::io::Result<Vec<u8>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(run)))
    }

    /// What the program of a command writes. `setting` names the command: a message never repeats it, nor what the
    /// program says.
    ///
    /// # Errors
    /// When it cannot be run, fails, or writes no text.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing else asks programs"))]
    pub(crate) async fn output(&self, command: &str, setting: &str) -> Result<Secret> {
        let refused = |why: &str| {
            let message = format!("the credentials cannot be had: the program of `{setting}` {why}");
            Error::new(ErrorKind::UpstreamAuth, message)
        };
        let run = self.0.as_ref().ok_or_else(|| refused("is out of reach here"))?;
        let words = words(command).ok_or_else(|| refused("has a quote that does not end"))?;
        let written =
            run(words).await.map_err(|fault| refused(&format!("did not work: {}", fault.kind())))?;
        String::from_utf8(written).map(Secret::new).map_err(|_| refused("wrote no text"))
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Programs" } else { "Programs(none)" })
    }
}

/// The words of a command, which no shell reads: quotes hold words together, and nothing is put in the place of
/// variables. `None`: a quote does not end.
fn words(command: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut rest = command.chars();
    while let Some(letter) = rest.next() {
        match (letter, quote) {
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if letter == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(rest.next()),
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_it_is_quoted() {
        for (command, expected) in [
            ("/opt/tool json", vec!["/opt/tool", "json"]),
            (r#"  "/opt/my tool" 'a "b"' c\ d "" "#, vec!["/opt/my tool", "a \"b\"", "c d", ""]),
            (r#""a\"b" '$HOME\'"#, vec!["a\"b", "$HOME\\"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(words(command), Some(expected), "{command}");
        }
        assert_eq!(words("'open"), None);
    }

    #[tokio::test]
    async fn a_program_that_fails_is_not_quoted() {
        let programs =
            Programs::new(|_| Box::pin(async { Err(std::io::Error::other("the key is sk-live")) }));
        let error = programs.output("tool --key sk-live", "credential_process").await.expect_err("refused");
        assert!(error.message().contains("`credential_process`"), "{error}");
        assert!(!format!("{error:?}").contains("sk-live"), "{error:?}");
        let none = Programs::default().output("tool", "credential_process").await;
        assert_eq!(none.err().map(|error| error.kind()), Some(ErrorKind::UpstreamAuth));
    }
}
