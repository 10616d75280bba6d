//! A mock model's name read as a script: words separated by dashes.

use std::sync::Arc;
use std::time::Duration;

use llm_core::{Error, ErrorKind, Result};

use super::fault::{Fault, When};

/// What a mock model does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// What it says.
    pub(crate) answer: Answer,
    /// Whether it thinks first.
    pub(crate) reasoning: bool,
    /// Whether the answer ends at the token limit.
    pub(crate) length: bool,
    /// How long it waits before it begins to answer.
    pub(crate) delay: Duration,
    /// How long a stream that has begun waits before its first content.
    pub(crate) start: Duration,
    /// How long a stream waits before each chunk after the first.
    pub(crate) pace: Duration,
    /// After how many chunks with content the fault comes; none: in place of the answer.
    pub(crate) cut: Option<usize>,
    /// What goes wrong, where that is said.
    pub(crate) fault: Option<Fault>,
    /// The hint when to come back of its errors, where another is said than the usual one.
    pub(crate) hint: Option<Option<Duration>>,
    /// When it goes wrong.
    pub(crate) when: When,
    /// Whether prompts that end in the assistant's words are refused.
    pub(crate) no_prefill: bool,
}

/// What a mock model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The last user text.
    #[default]
    Echo,
    /// This.
    Says(Arc<str>),
    /// A call of the first tool that is offered.
    Tools,
    /// JSON after the schema that is asked.
    Json,
    /// So many words.
    Long(usize),
    /// It declines.
    Refusal,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Breakage {
    pub(crate) fault: Fault,
    /// After how many chunks with content; none: in place of the answer.
    pub(crate) after: Option<usize>,
    /// The hint when to come back.
    pub(crate) hint: Option<Duration>,
}

impl Breakage {
    /// What the gateway makes of it.
    pub(crate) fn error(self) -> Error {
        self.fault.error(self.hint)
    }
}

const MAX_WORDS: usize = 100_000;
const MAX_DELAY: Duration = Duration::from_secs(600);

/// The words of a name that are still to be read.
struct Words<'a> {
    model: &'a str,
    rest: std::str::Split<'a, char>,
    word: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.word = self.rest.next()?;
        Some(self.word)
    }

    /// What belongs to the word.
    fn of<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        self.rest.next().and_then(read).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Error {
        let shown: String = self.model.chars().take(64).collect();
        let word: String = self.word.chars().take(32).collect();
        let message = format!(
            "unknown mock model `{shown}`: `{word}` is no word of it; there are echo, tools, json, reasoning, refusal, \
             length, long-N, delay-20ms, start-2s, pace-20ms, error-429, after-7s, reset, hang, cut-N, stall-N, \
             malformed, page, unended, mistyped, prefill, once, times-N, every-N, chance-N and flap-10s-2s, joined \
             with dashes"
        );
        Error::new(ErrorKind::UpstreamNotFound, message).with_param("model").with_code("model_not_found")
    }
}

impl Script {
    /// Reads a model's name.
    pub(crate) fn parse(model: &str) -> Result<Self> {
        let mut script = Self::default();
        let mut words = Words { model, rest: model.split('-'), word: "" };
        while let Some(word) = words.next() {
            if !(script.says(word, &mut words)? || script.breaks(word, &mut words)?) {
                return Err(words.unknown());
            }
        }
        Ok(script)
    }

    /// Reads a word about the answer.
    fn says(&mut self, word: &str, words: &mut Words<'_>) -> Result<bool> {
        match word {
            "echo" => self.answer = Answer::Echo,
            "tools" => self.answer = Answer::Tools,
            "json" => self.answer = Answer::Json,
            "refusal" => self.answer = Answer::Refusal,
            "long" => self.answer = Answer::Long(words.of(|text| number(text, MAX_WORDS))?),
            "reasoning" => self.reasoning = true,
            "length" => self.length = true,
            "delay" => {
                self.delay = words.of(duration)?;
                self.pace = self.delay;
            }
            "start" => self.start = words.of(duration)?,
            "pace" => self.pace = words.of(duration)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads a word about what goes wrong, and when.
    fn breaks(&mut self, word: &str, words: &mut Words<'_>) -> Result<bool> {
        match word {
            "error" => self.fault = Some(words.of(error)?),
            "reset" => self.fault = Some(Fault::Reset),
            "hang" => self.fault = Some(Fault::Silence),
            "malformed" => self.fault = Some(Fault::Malformed),
            "page" => self.fault = Some(Fault::Page),
            "unended" => self.fault = Some(Fault::Unended),
            "mistyped" => self.fault = Some(Fault::Mistyped),
            "cut" => self.cut = Some(words.of(|text| number(text, MAX_WORDS))?),
            "stall" => {
                self.cut = Some(words.of(|text| number(text, MAX_WORDS))?);
                self.fault = Some(Fault::Silence);
            }
            "after" => self.hint = Some(words.of(hint)?),
            "prefill" => self.no_prefill = true,
            "once" => self.when = When::First(1),
            "times" => self.when = When::First(words.of(|text| number(text, u64::MAX))?),
            "every" => self.when = When::Every(words.of(|text| number(text, u64::MAX))?.max(1)),
            "chance" => self.when = When::Chance(words.of(|text| number(text, 100))?),
            "flap" => self.when = When::Flapping { up: words.of(duration)?, down: words.of(duration)? },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What goes wrong when it goes wrong. A name that only says when fails with 503; one that only says where the
    /// answer breaks, breaks it there.
    pub(crate) fn breakage(&self) -> Option<Breakage> {
        let fault = match (self.fault, self.cut, self.when) {
            (Some(fault), _, _) => fault,
            (None, Some(_), _) => Fault::Cut,
            (None, None, When::Always) => return None,
            (None, None, _) => Fault::Status(503),
        };
        Some(Breakage { fault, after: self.cut, hint: self.hint.unwrap_or_else(|| fault.usual_hint()) })
    }
}

fn number<N: std::str::FromStr + PartialOrd + Copy>(text: &str, most: N) -> Option<N> {
    text.parse().ok().filter(|number| *number <= most)
}

/// A status, or the name of an error that a status alone does not tell.
fn error(text: &str) -> Option<Fault> {
    match text {
        "context" => Some(Fault::Context),
        "filter" => Some(Fault::Filter),
        "quota" => Some(Fault::Quota),
        status => status.parse().ok().filter(|status| (400..600).contains(status)).map(Fault::Status),
    }
}

/// A time, or `none`.
fn hint(text: &str) -> Option<Option<Duration>> {
    if text == "none" { Some(None) } else { duration(text).map(Some) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn script(model: &str) -> Script {
        Script::parse(model).expect(model)
    }

    fn breakage(model: &str) -> Breakage {
        script(model).breakage().expect(model)
    }

    #[test]
    fn words_combine() {
        let delay = Duration::from_millis(20);
        let expected = Script {
            answer: Answer::Tools,
            reasoning: true,
            delay,
            pace: delay,
            cut: Some(3),
            fault: Some(Fault::Status(500)),
            when: When::Every(4),
            ..Script::default()
        };
        assert_eq!(script("reasoning-tools-delay-20ms-cut-3-error-500-every-4"), expected);
        assert_eq!(script("long-1000").answer, Answer::Long(1000));
        let slow = script("start-2s-pace-5");
        assert_eq!((slow.delay, slow.start, slow.pace), (Duration::ZERO, 100 * delay, delay / 4));
    }

    #[test]
    fn a_word_that_is_none_is_an_unknown_model() {
        for model in [
            "",
            "gpt-4o",
            "echo-",
            "error",
            "error-200",
            "error-x",
            "delay-x",
            "delay-1h",
            "long-999999999",
            "cut--1",
            "écho",
            "flap-10s",
            "chance-101",
            "after-",
            "every",
        ] {
            let error = Script::parse(model).expect_err(model);
            assert_eq!(error.kind(), ErrorKind::UpstreamNotFound, "{model}");
        }
    }

    #[test]
    fn failures_have_the_status_and_the_kind_of_their_name() {
        for (model, kind, status, hint) in [
            ("error-429", ErrorKind::RateLimited, 429, Some(1)),
            ("error-429-after-7s", ErrorKind::RateLimited, 429, Some(7)),
            ("error-429-after-none", ErrorKind::RateLimited, 429, None),
            ("error-529", ErrorKind::Overloaded, 529, Some(1)),
            ("error-401", ErrorKind::UpstreamAuth, 401, None),
            ("error-404", ErrorKind::UpstreamNotFound, 404, None),
            ("error-418", ErrorKind::InvalidRequest, 418, None),
            ("error-500", ErrorKind::UpstreamFailure, 500, None),
            ("error-context", ErrorKind::ContextLength, 400, None),
            ("error-filter", ErrorKind::ContentFilter, 400, None),
            ("error-quota", ErrorKind::QuotaExhausted, 429, None),
            ("reset", ErrorKind::Connection, 502, None),
            ("malformed", ErrorKind::BadUpstreamAnswer, 502, None),
            ("page", ErrorKind::BadUpstreamAnswer, 502, None),
            ("cut-3", ErrorKind::Truncated, 502, None),
            ("flap-10s-2s", ErrorKind::Overloaded, 503, Some(1)),
        ] {
            let error = breakage(model).error();
            assert_eq!((error.kind(), error.status()), (kind, status), "{model}");
            assert_eq!(error.retry_after().map(|after| after.as_secs()), hint, "{model}");
        }
        assert_eq!(script("echo-delay-1ms").breakage(), None);
    }

    #[test]
    fn a_fault_comes_where_and_when_its_words_say() {
        assert_eq!(breakage("stall-3"), breakage("cut-3-hang"));
        assert_eq!(breakage("error-500").after, None);
        assert_eq!(breakage("cut-2-error-500").after, Some(2));
        assert_eq!(script("error-500-once").when, When::First(1));
        assert_eq!(script("times-3").when, When::First(3));
        let (up, down) = (Duration::from_secs(10), Duration::from_secs(2));
        assert_eq!(script("flap-10s-2s").when, When::Flapping { up, down });
    }
}
