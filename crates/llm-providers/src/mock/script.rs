//! A mock model's name read as a script: words separated by dashes.

use std::time::Duration;

use llm_core::{Error, ErrorKind, Result};

/// What a mock model does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// What it says.
    pub(crate) answer: Answer,
    /// Whether it thinks first.
    pub(crate) reasoning: bool,
    /// Whether the answer ends at the token limit.
    pub(crate) length: bool,
    /// How long it waits before the answer, and before each chunk of a stream.
    pub(crate) delay: Duration,
    /// After how many chunks with content the stream breaks.
    pub(crate) cut: Option<usize>,
    /// The status that it fails with; after a cut in its middle, otherwise in place of an answer.
    pub(crate) error: Option<u16>,
    /// Whether it never answers.
    pub(crate) hang: bool,
}

/// What a mock model says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The last user text.
    #[default]
    Echo,
    /// A call of the first tool that is offered.
    Tools,
    /// JSON after the schema that is asked.
    Json,
    /// So many words.
    Long(usize),
    /// It declines.
    Refusal,
}

const MAX_WORDS: usize = 100_000;
const MAX_DELAY: Duration = Duration::from_secs(600);

impl Script {
    /// Reads a model's name.
    pub(crate) fn parse(model: &str) -> Result<Self> {
        let unknown = |word: &str| unknown(model, word);
        let mut script = Self::default();
        let mut words = model.split('-');
        while let Some(word) = words.next() {
            let mut number = || words.next().ok_or_else(|| unknown(word));
            match word {
                "echo" => script.answer = Answer::Echo,
                "tools" => script.answer = Answer::Tools,
                "json" => script.answer = Answer::Json,
                "refusal" => script.answer = Answer::Refusal,
                "long" => {
                    script.answer = Answer::Long(count(number()?, MAX_WORDS).ok_or_else(|| unknown(word))?);
                }
                "reasoning" => script.reasoning = true,
                "length" => script.length = true,
                "hang" => script.hang = true,
                "delay" => script.delay = duration(number()?).ok_or_else(|| unknown(word))?,
                "cut" => script.cut = Some(count(number()?, MAX_WORDS).ok_or_else(|| unknown(word))?),
                "error" => script.error = Some(status(number()?).ok_or_else(|| unknown(word))?),
                other => return Err(unknown(other)),
            }
        }
        Ok(script)
    }

    /// The error that it fails with.
    pub(crate) fn failure(&self) -> Option<Error> {
        let status = self.error?;
        let message =
            format!("this is the gateway's built-in mock, failing with status {status} as its name says");
        let error = Error::new(kind(status), message).with_status(status).with_code(format!("mock_{status}"));
        let slow_down = matches!(status, 429 | 503 | 529);
        Some(if slow_down { error.with_retry_after(Duration::from_secs(1)) } else { error })
    }
}

fn unknown(model: &str, word: &str) -> Error {
    let shown: String = model.chars().take(64).collect();
    let word: String = word.chars().take(32).collect();
    let message = format!(
        "unknown mock model `{shown}`: `{word}` is no word of it; there are echo, tools, json, reasoning, refusal, \
         length, long-N, delay-20ms, cut-N, error-429 and hang, joined with dashes"
    );
    Error::new(ErrorKind::UpstreamNotFound, message).with_param("model").with_code("model_not_found")
}

fn count(text: &str, most: usize) -> Option<usize> {
    text.parse().ok().filter(|number| *number <= most)
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (400..600).contains(status))
}

/// `20ms`, `2s`, or a number of milliseconds.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => text.strip_suffix('s').map_or((text, 1), |number| (number, 1000)),
    };
    let milliseconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(Duration::from_millis(milliseconds)).filter(|delay| *delay <= MAX_DELAY)
}

fn kind(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::UpstreamAuth,
        404 => ErrorKind::UpstreamNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        _ => ErrorKind::UpstreamFailure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_combine() {
        let script = Script::parse("reasoning-tools-delay-20ms-cut-3-error-500").expect("known words");
        let expected = Script {
            answer: Answer::Tools,
            reasoning: true,
            delay: Duration::from_millis(20),
            cut: Some(3),
            error: Some(500),
            ..Script::default()
        };
        assert_eq!(script, expected);
        assert_eq!(Script::parse("long-1000").map(|script| script.answer), Ok(Answer::Long(1000)));
        assert_eq!(Script::parse("delay-2s").map(|script| script.delay), Ok(Duration::from_secs(2)));
    }

    #[test]
    fn a_word_that_is_none_is_an_unknown_model() {
        for model in [
            "",
            "gpt-4o",
            "echo-",
            "error",
            "error-200",
            "delay-x",
            "delay-1h",
            "long-999999999",
            "cut--1",
            "écho",
        ] {
            let error = Script::parse(model).expect_err(model);
            assert_eq!(error.kind(), ErrorKind::UpstreamNotFound, "{model}");
        }
    }

    #[test]
    fn failures_have_the_status_and_the_kind_of_their_name() {
        let failure = |model: &str| Script::parse(model).expect("known").failure().expect("fails");
        assert_eq!(
            (failure("error-429").kind(), failure("error-429").status()),
            (ErrorKind::RateLimited, 429)
        );
        assert_eq!(failure("error-429").retry_after(), Some(Duration::from_secs(1)));
        assert_eq!(
            (failure("error-529").kind(), failure("error-529").status()),
            (ErrorKind::Overloaded, 529)
        );
        assert_eq!(failure("error-418").kind(), ErrorKind::InvalidRequest);
        assert_eq!(failure("error-500").kind(), ErrorKind::UpstreamFailure);
        assert!(Script::default().failure().is_none());
    }
}
