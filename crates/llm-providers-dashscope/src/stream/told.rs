//! What is new in a text that comes in steps: each step may be the next piece, or all that was said so far.
//!
//! A request asks for pieces, and not every model listens. Nothing in a stream says which of the two it is, so the
//! texts have to: a step that does not begin with what was said before is a piece. One that does might be either; it
//! is held back until the next one tells.

/// How a stream tells its texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is not known yet.
    #[default]
    Unknown,
    /// Each step is a piece.
    Pieces,
    /// Each step is all that was said so far.
    Repeats,
}

/// One text and how much of it was handed on.
#[derive(Debug, Default)]
pub(super) struct Told {
    said: String,
    held: Option<String>,
}

impl Told {
    /// Takes a step in and gives what is new.
    pub(super) fn step(&mut self, step: &str, mode: &mut Mode) -> String {
        match *mode {
            Mode::Pieces => self.flushed(step),
            Mode::Repeats => self.beyond(step),
            Mode::Unknown => self.undecided(step, mode),
        }
    }

    /// No step comes any more: a step that is still held was the last of a stream that repeats, for streams of pieces
    /// end with an empty one.
    pub(super) fn end(&mut self, mode: Mode) -> String {
        match self.held.take() {
            Some(held) if mode == Mode::Pieces => held,
            Some(held) => self.beyond(&held),
            None => String::new(),
        }
    }

    fn undecided(&mut self, step: &str, mode: &mut Mode) -> String {
        let before = self.held.as_deref().unwrap_or(&self.said);
        if before.is_empty() {
            step.clone_into(&mut self.said);
            return step.to_owned();
        }
        if !step.starts_with(before) {
            *mode = Mode::Pieces;
            return self.flushed(step);
        }
        if self.held.is_some() {
            *mode = Mode::Repeats;
            return self.beyond(step);
        }
        self.held = Some(step.to_owned());
        String::new()
    }

    fn flushed(&mut self, step: &str) -> String {
        self.said.clear();
        match self.held.take() {
            Some(held) => held + step,
            None => step.to_owned(),
        }
    }

    fn beyond(&mut self, step: &str) -> String {
        self.held = None;
        let Some(new) = step.strip_prefix(self.said.as_str()) else { return String::new() };
        let new = new.to_owned();
        self.said.push_str(&new);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(steps: &[&str]) -> (String, Mode) {
        let (mut told, mut mode) = (Told::default(), Mode::Unknown);
        let mut out: String = steps.iter().map(|step| told.step(step, &mut mode)).collect();
        out += &told.end(mode);
        (out, mode)
    }

    #[test]
    fn pieces_and_repetitions_give_the_same_text() {
        assert_eq!(told(&["I", " am", " here", ""]), ("I am here".into(), Mode::Pieces));
        assert_eq!(told(&["I", "I am", "I am here", "I am here"]), ("I am here".into(), Mode::Repeats));
    }

    #[test]
    fn pieces_that_look_like_repetitions_are_not_lost() {
        assert_eq!(told(&["1", "12", "0", ""]), ("1120".into(), Mode::Pieces));
        assert_eq!(told(&["1", "1", ""]), ("11".into(), Mode::Pieces));
        assert_eq!(told(&["ha", "ha!", ""]), ("haha!".into(), Mode::Pieces));
    }

    #[test]
    fn short_repetitions_are_not_doubled() {
        assert_eq!(told(&["Hi", "Hi there"]).0, "Hi there");
        assert_eq!(told(&["", "Hi", "Hi"]).0, "Hi");
        assert_eq!(told(&["Hi"]).0, "Hi");
        assert_eq!(told(&[]).0, "");
    }

    #[test]
    fn another_text_of_the_same_stream_decides_for_one_that_waits() {
        let (mut one, mut other, mut mode) = (Told::default(), Told::default(), Mode::Unknown);
        assert_eq!(one.step("a", &mut mode) + &one.step("ab", &mut mode), "a");
        assert_eq!(other.step("x", &mut mode) + &other.step("y", &mut mode), "xy");
        assert_eq!(one.step("c", &mut mode), "abc");
    }
}
