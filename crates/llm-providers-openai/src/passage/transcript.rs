//! How long a recording is whose transcript is plain text: those of `text`, `srt` and `vtt` have no room for usage.

use llm_core::{Form, Usage, wav};

/// The length of the upload, where it is WAV and the answer will be plain text. Other formats say their length only to
/// who decodes them.
pub(super) fn heard(form: &Form, body: &[u8]) -> Usage {
    let format = form.text(body, "response_format").ok().flatten();
    if !matches!(format, Some("text" | "srt" | "vtt")) {
        return Usage::default();
    }
    let file = form.files(body, "file").into_iter().next();
    estimated(file.and_then(wav::seconds))
}

/// The end of the last of the subtitles. What is silent after it is not counted.
pub(super) fn told(text: &[u8]) -> Usage {
    let last = memchr::memmem::rfind(text, b"-->").and_then(|at| text.get(at + 3..));
    let end = last.and_then(|rest| rest.trim_ascii_start().split(u8::is_ascii_whitespace).next());
    estimated(end.and_then(|end| std::str::from_utf8(end).ok()).and_then(seconds))
}

fn estimated(seconds: Option<u64>) -> Usage {
    Usage { audio_seconds: seconds, estimated: seconds.is_some(), ..Usage::default() }
}

/// Begun seconds of `01:02:03,500` or `02:03.500`.
fn seconds(time: &str) -> Option<u64> {
    let (whole, fraction) = time.split_once([',', '.']).unwrap_or((time, ""));
    let mut total: u64 = 0;
    for part in whole.split(':') {
        let part = part.parse::<u64>().ok().filter(|part| *part < 1000)?;
        total = total.checked_mul(60)?.checked_add(part)?;
    }
    let begun = fraction.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    Some(total + u64::from(begun)).filter(|total| (1..1_000_000).contains(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtitles_tell_their_end() {
        let srt = b"1\n00:00:00,000 --> 00:00:02,000\nHi\n\n2\n00:00:02,000 --> 00:01:03,500\na --  b\n";
        assert_eq!(told(srt), Usage { audio_seconds: Some(64), estimated: true, ..Usage::default() });
        assert_eq!(told(b"WEBVTT\n\n00:00.000 --> 00:04.000 align:start\nHi").audio_seconds, Some(4));
        for text in
            [&b"plain words"[..], b"WEBVTT", b"a --> b", b"-->", b"--> 99999999999999999999:1", b"--> \xff"]
        {
            assert!(told(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn only_uncompressed_sound_for_a_plain_transcript_is_measured() {
        let sound = wav::of_pcm(&[0; 16_000 * 2 * 3 + 2], 16_000);
        let form = |format: &str, sound: &[u8]| {
            let head = "--b\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\n";
            let file = "\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
            let body =
                [head.as_bytes(), format.as_bytes(), file.as_bytes(), sound, b"\r\n--b--\r\n"].concat();
            let form = Form::scan("multipart/form-data; boundary=b", &body).expect("a form");
            heard(&form, &body)
        };
        assert_eq!(
            form("text", &sound),
            Usage { audio_seconds: Some(4), estimated: true, ..Usage::default() }
        );
        assert!(form("json", &sound).is_empty() && form("srt", b"ID3").is_empty());
    }
}
