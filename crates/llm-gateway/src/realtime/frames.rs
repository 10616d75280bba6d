//! Text messages out of the frames of a WebSocket (RFC 6455, section 5.2), read on the side: the bytes go on as they are.

use memchr::memmem;

/// The longest message that is looked at; longer ones hold sound, not reports of usage.
const MOST: usize = 4 << 20;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
/// From here on an operation code means a control frame, which may stand between the frames of a message.
const CONTROL: u8 = 8;

/// Reads a stream of frames as a server sends them: not masked, not compressed.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The beginning of a frame whose head is not whole yet.
    head: Vec<u8>,
    /// What is still to come of the frame whose head was read.
    left: u64,
    /// Whether what comes belongs to a text message.
    wanted: bool,
    /// Whether the frame that is coming is its message's last one.
    last: bool,
    message: Vec<u8>,
    text: bool,
}

impl Frames {
    /// Takes bytes in, wherever they were cut, and shows each text message that is complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut seen: impl FnMut(&str)) {
        while !bytes.is_empty() {
            if self.left > 0 {
                bytes = self.take(bytes);
            } else {
                bytes = self.read_head(bytes);
            }
            if self.left == 0 && self.head.is_empty() && self.last && self.wanted {
                self.complete(&mut seen);
            }
        }
    }

    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (now, later) = bytes.split_at(length);
        self.left -= length as u64;
        if self.wanted && self.message.len() + length <= MOST {
            self.message.extend_from_slice(now);
        } else if self.wanted {
            self.text = false;
        }
        later
    }

    fn read_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((first, rest)) = bytes.split_first() else { return bytes };
        self.head.push(*first);
        let [flags, length, extended @ ..] = self.head.as_slice() else { return rest };
        let size = match length & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        // A masked frame has four bytes more before its payload; a server must not send one.
        let mask = if length & 0x80 == 0 { 0 } else { 4 };
        if extended.len() < size + mask {
            return rest;
        }
        let (number, _) = extended.split_at(size);
        let long = number.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        self.left = if size == 0 { u64::from(length & 0x7f) } else { long };
        let (operation, last) = (flags & 0x0f, flags & 0x80 != 0);
        self.head.clear();
        self.begin(operation, last, mask > 0);
        rest
    }

    fn begin(&mut self, operation: u8, last: bool, masked: bool) {
        if operation >= CONTROL {
            (self.wanted, self.last) = (false, false);
            return;
        }
        if operation != CONTINUATION {
            self.message.clear();
            self.text = operation == TEXT && !masked;
        }
        (self.wanted, self.last) = (true, last);
    }

    fn complete(&mut self, seen: &mut impl FnMut(&str)) {
        if self.text
            && memmem::find(&self.message, b"usage").is_some()
            && let Ok(text) = std::str::from_utf8(&self.message)
        {
            seen(text);
        }
        self.message.clear();
        (self.wanted, self.last) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(operation: u8, last: bool, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![operation | if last { 0x80 } else { 0 }];
        match payload.len() {
            length @ 0..126 => bytes.push(u8::try_from(length).expect("short")),
            length @ 126..65536 => {
                bytes.push(126);
                bytes.extend(u16::try_from(length).expect("short").to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(payload);
        bytes
    }

    fn messages(chunks: &[&[u8]]) -> Vec<String> {
        let (mut frames, mut seen) = (Frames::default(), Vec::new());
        chunks.iter().for_each(|chunk| frames.push(chunk, |text| seen.push(text.to_owned())));
        seen
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let long = format!("usage {}", "x".repeat(70_000));
        let middle = format!("usage {}", "y".repeat(300));
        let bytes = [
            frame(TEXT, true, b"usage 1"),
            frame(2, true, b"usage in binary"),
            frame(TEXT, false, b"usa"),
            frame(9, true, b"ping"),
            frame(CONTINUATION, true, b"ge 2"),
            frame(TEXT, true, b"nothing of the kind"),
            frame(TEXT, true, middle.as_bytes()),
            frame(TEXT, true, long.as_bytes()),
            frame(8, true, b""),
        ]
        .concat();
        let expected = vec!["usage 1".to_owned(), "usage 2".to_owned(), middle, long];
        assert_eq!(messages(&[&bytes]), expected);
        for at in (1..bytes.len()).step_by(7) {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(messages(&[head, tail]), expected, "cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(messages(&single), expected);
    }

    #[test]
    fn a_message_too_long_to_hold_is_passed_over() {
        let bytes = [frame(TEXT, true, &vec![b'u'; MOST + 1]), frame(TEXT, true, b"usage")].concat();
        assert_eq!(messages(&[&bytes]), ["usage"]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 1u64;
        let noise: Vec<u8> = (0..20_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .collect();
        messages(&[&noise]);
    }
}
