//! Streams of bytes cut into frames: server-sent events, JSON lines and AWS event streams, wherever the chunks were cut.

pub mod event_stream;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Result};
use crate::wire::{Frame, Framing};

/// Cuts chunks into whole raw frames. Frames inside one chunk are slices of it, not copies.
///
/// An SSE frame ends with its blank line (line ends may be LF, CRLF or CR); a JSON line with its line feed; a message
/// of an AWS event stream where its head says.
#[derive(Debug)]
pub struct Splitter {
    framing: Framing,
    pending: Bytes,
    /// How far `pending` was searched: bytes that came are looked at once, however small the reads are and however long
    /// the line.
    searched: usize,
    /// Where the line begins that is searched.
    line: usize,
    started: bool,
}

/// The largest frame that is let in, in bytes (pictures come in base64).
pub const MAX_FRAME: usize = 64 << 20;

impl Splitter {
    /// A splitter at the start of a stream.
    pub fn new(framing: Framing) -> Self {
        Self { framing, pending: Bytes::new(), searched: 0, line: 0, started: false }
    }

    /// Takes a chunk in.
    ///
    /// # Errors
    /// When a frame grows over [`MAX_FRAME`].
    pub fn push(&mut self, chunk: Bytes) -> Result<()> {
        if self.pending.is_empty() {
            self.pending = chunk;
            (self.searched, self.line) = (0, 0);
        } else {
            let mut joined = match std::mem::take(&mut self.pending).try_into_mut() {
                Ok(buffer) => buffer,
                Err(shared) => {
                    let mut buffer = BytesMut::with_capacity(shared.len() + chunk.len().max(1024));
                    buffer.extend_from_slice(&shared);
                    buffer
                }
            };
            joined.extend_from_slice(&chunk);
            self.pending = joined.freeze();
        }
        if self.pending.len() > MAX_FRAME && self.find_end(false).is_none() {
            return Err(Error::bad_answer("the vendor's stream has a frame of more than 64 MiB"));
        }
        Ok(())
    }

    /// What came in and was not taken out yet. Frames taken next are slices of it, in order and without gaps.
    pub fn pending(&self) -> &Bytes {
        &self.pending
    }

    /// The next whole frame, with its terminator.
    pub fn next_frame(&mut self) -> Option<Bytes> {
        let end = self.find_end(false)?;
        Some(self.take(end))
    }

    /// At the end of the stream: what is left, a frame without its terminator. Vendors leave it out at times.
    pub fn take_rest(&mut self) -> Option<Bytes> {
        if let Some(end) = self.find_end(true) {
            return Some(self.take(end));
        }
        let rest = std::mem::take(&mut self.pending);
        (self.searched, self.line) = (0, 0);
        (!rest.iter().all(u8::is_ascii_whitespace)).then_some(rest)
    }

    fn take(&mut self, end: usize) -> Bytes {
        (self.searched, self.line) = (0, 0);
        self.started = true;
        self.pending.split_to(end)
    }

    fn find_end(&mut self, at_eof: bool) -> Option<usize> {
        match self.framing {
            Framing::AwsEventStream => event_stream::end(&self.pending),
            Framing::JsonLines => {
                let found = memchr::memchr(b'\n', &self.pending[self.searched..]);
                let end = found.map(|at| self.searched + at + 1);
                if end.is_none() {
                    self.searched = self.pending.len();
                }
                end
            }
            _ => self.find_blank_line(at_eof),
        }
    }

    /// Goes on line by line from where the last search ended.
    fn find_blank_line(&mut self, at_eof: bool) -> Option<usize> {
        let bytes = &self.pending;
        loop {
            let Some(found) = memchr::memchr2(b'\n', b'\r', &bytes[self.searched..]) else {
                self.searched = bytes.len();
                return None;
            };
            let at = self.searched + found;
            let end = match (bytes[at], bytes.get(at + 1)) {
                (b'\r', Some(b'\n')) => at + 2,
                // The line feed of this carriage return may be on its way.
                (b'\r', None) if !at_eof => {
                    self.searched = at;
                    return None;
                }
                _ => at + 1,
            };
            if at == self.line && self.line > 0 {
                return Some(end);
            }
            (self.searched, self.line) = (end, end);
        }
    }
}

/// Takes the framing off a raw frame. `None`: it carries no data (a comment, a keep-alive).
///
/// # Errors
/// When the frame is not UTF-8, or no whole message of its framing.
pub fn parse(framing: Framing, raw: &[u8]) -> Result<Option<Parsed<'_>>> {
    if framing == Framing::AwsEventStream {
        return event_stream::parse(raw).map(Some);
    }
    let text = std::str::from_utf8(raw)
        .map_err(|_| Error::bad_answer("the vendor's stream has a frame that is not UTF-8"))?;
    Ok(match framing {
        Framing::JsonLines => {
            let line = text.trim();
            (!line.is_empty()).then_some(Parsed { event: None, data: Cow::Borrowed(line) })
        }
        _ => parse_sse(text.strip_prefix('\u{feff}').unwrap_or(text)),
    })
}

/// Whether the data of a raw SSE frame cannot be a JSON object, by its first and last letter: for frames that go on
/// without a parse. No data, empty data and the word `[DONE]` are fine.
pub fn is_no_object(raw: &[u8]) -> bool {
    let starts = |at: usize| raw.get(at..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"));
    let plain = memchr::memmem::find(raw, b"data:").is_some_and(|at| starts(at + 5));
    if plain && raw.trim_ascii_end().ends_with(b"}") {
        return false;
    }
    let lines = raw.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut data = lines.filter_map(|line| line.strip_prefix(b"data:")).map(<[u8]>::trim_ascii);
    let Some(first) = data.next() else { return false };
    let last = data.next_back().unwrap_or(first);
    let is_object = first.starts_with(b"{") && last.ends_with(b"}");
    !(is_object || first.is_empty() || first == b"[DONE]")
}

/// A frame whose framing is taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    event: Option<&'a str>,
    data: Cow<'a, str>,
}

impl Parsed<'_> {
    /// The frame as decoders take it.
    pub fn frame(&self) -> Frame<'_> {
        Frame { event: self.event, data: &self.data }
    }
}

fn parse_sse(text: &str) -> Option<Parsed<'_>> {
    let mut event = None;
    let mut data: Option<Cow<'_, str>> = None;
    for line in text.split(['\n', '\r']) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event = Some(value),
            "data" => match &mut data {
                None => data = Some(Cow::Borrowed(value)),
                Some(lines) => {
                    let lines = lines.to_mut();
                    lines.push('\n');
                    lines.push_str(value);
                }
            },
            _ => {}
        }
    }
    data.map(|data| Parsed { event, data })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<(Option<String>, String)> {
        let mut splitter = Splitter::new(framing);
        let mut raw = Vec::new();
        for chunk in chunks {
            splitter.push(Bytes::copy_from_slice(chunk)).expect("small");
            raw.extend(std::iter::from_fn(|| splitter.next_frame()));
        }
        raw.extend(std::iter::from_fn(|| splitter.take_rest()));
        raw.iter()
            .filter_map(|raw| parse(framing, raw).expect("UTF-8"))
            .map(|parsed| (parsed.frame().event.map(str::to_owned), parsed.frame().data.to_owned()))
            .collect()
    }

    fn data(lines: &[&str]) -> Vec<(Option<String>, String)> {
        lines.iter().map(|line| (None, (*line).to_owned())).collect()
    }

    #[test]
    fn all_line_ends_and_a_missing_last_one() {
        for text in [
            "data: a\n\ndata:b\n\n",
            "data: a\r\n\r\ndata:b\r\n\r\n",
            "data: a\r\rdata:b\r\r",
            "data: a\n\ndata:b",
        ] {
            assert_eq!(frames(Framing::Sse, &[text.as_bytes()]), data(&["a", "b"]), "{text:?}");
        }
    }

    #[test]
    fn a_long_line_in_small_reads_is_searched_once() {
        let mut splitter = Splitter::new(Framing::Sse);
        for _ in 0..1_000 {
            splitter.push(Bytes::from_static(&[b'x'; 100])).expect("small");
            assert_eq!(splitter.next_frame(), None);
            assert_eq!((splitter.searched, splitter.line), (splitter.pending.len(), 0));
        }
        splitter.push(Bytes::from_static(b"\r\n\r")).expect("small");
        assert_eq!(splitter.next_frame(), None, "a line feed may come");
        splitter.push(Bytes::from_static(b"\nnext")).expect("small");
        assert_eq!(splitter.next_frame().map(|frame| frame.len()), Some(100_004));
        assert_eq!(&splitter.pending[..], b"next");
    }

    #[test]
    fn comments_and_events_and_several_data_lines() {
        let text =
            ": hello\n\nid: 4\nevent:result\n:HTTP_STATUS/200\ndata:{\"a\":1}\ndata: 2\n\n\u{feff}\n\n";
        let expected = vec![(Some("result".to_owned()), "{\"a\":1}\n2".to_owned())];
        assert_eq!(frames(Framing::Sse, &[text.as_bytes()]), expected);
    }

    #[test]
    fn frames_that_hold_no_object_are_seen_without_a_parse() {
        for fine in [
            "data: {\"a\":1}\n\n",
            "event: a\ndata:{}\r\n\r\n",
            "data: {\ndata: \"a\":1\ndata: }\n\n",
            "data: {}\nid: 7\n\n",
            "data: [DONE]\n\n",
            "data:\n\n",
            ": data: x\n\n",
            "event: ping\n\n",
        ] {
            assert!(!is_no_object(fine.as_bytes()), "{fine:?}");
        }
        for broken in
            ["data: {\"a\":\n\n", "event: a\ndata: <html>\n\n", "data: a}\n\n", "data: {}\ndata: x\n\n"]
        {
            assert!(is_no_object(broken.as_bytes()), "{broken:?}");
        }
    }

    #[test]
    fn lines_of_json() {
        assert_eq!(
            frames(Framing::JsonLines, &[b"{\"a\":1}\r\n\n{\"b\"", b":2}"]),
            data(&["{\"a\":1}", "{\"b\":2}"])
        );
    }

    #[test]
    fn frames_inside_a_chunk_are_slices_of_it() {
        let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\n");
        let mut splitter = Splitter::new(Framing::Sse);
        splitter.push(chunk.clone()).expect("small");
        let pending = splitter.pending().clone();
        let first = splitter.next_frame().expect("whole");
        assert_eq!(first.as_ptr(), chunk.as_ptr());
        let second = splitter.next_frame().expect("whole");
        assert_eq!(pending, [first, second].concat());
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            texts in proptest::collection::vec("[a-zé漢\u{1F600}]{0,8}", 1..6),
            ends in proptest::sample::select(vec!["\n", "\r\n"]),
            cut in 0usize..200,
            second in 0usize..200,
        ) {
            let stream: String =
                texts.iter().map(|text| format!("event: x{ends}data: {text}{ends}{ends}")).collect();
            let bytes = stream.as_bytes();
            let (a, b) = (cut.min(bytes.len()), second.min(bytes.len()));
            let (a, b) = (a.min(b), a.max(b));
            let whole = frames(Framing::Sse, &[bytes]);
            prop_assert_eq!(whole.len(), texts.len());
            prop_assert_eq!(frames(Framing::Sse, &[&bytes[..a], &bytes[a..b], &bytes[b..]]), whole);
        }

        #[test]
        fn no_bytes_make_it_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..5)) {
            let mut splitter = Splitter::new(Framing::Sse);
            for chunk in chunks {
                splitter.push(chunk.into()).expect("small");
                while let Some(frame) = splitter.next_frame() {
                    let _ = parse(Framing::Sse, &frame);
                }
            }
            splitter.take_rest();
        }
    }
}
