//! Forms whole, broken and edited.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const TYPE: &str = "multipart/form-data; boundary=x-1";

fn body(fields: &[(&str, &str)]) -> Bytes {
    let mut body = String::new();
    for (head, value) in fields {
        body += &format!("--x-1\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    }
    Bytes::from(body + "--x-1--\r\n")
}

fn sample() -> Bytes {
    body(&[
        (r#"name="file"; filename="a.wav""#, "RIFF\r\n--x-\0\r\n--"),
        (r#"name="model""#, "whisper-1"),
        (r#"name="timeout""#, "5"),
        (r#"name="empty""#, ""),
        (r#"name="a[]""#, "1"),
        (r#"name="a[]""#, "2"),
    ])
}

fn scan(body: &[u8]) -> Result<Form> {
    Form::scan(TYPE, body)
}

#[test]
fn fields_are_found() {
    let body = sample();
    let form = scan(&body).expect("a form");
    assert_eq!(form.names().collect::<Vec<_>>(), ["file", "model", "timeout", "empty", "a[]", "a[]"]);
    assert_eq!(form.text(&body, "model").expect("a text"), Some("whisper-1"));
    assert_eq!(form.text(&body, "empty").expect("a text"), None);
    assert_eq!(form.files(&body, "file"), [b"RIFF\r\n--x-\0\r\n--"]);
    assert!(form.files(&body, "a").is_empty(), "texts are no files");
    assert_eq!(form.text(&body, "missing").expect("a text"), None);
    assert!(form.text(&body, "file").is_err_and(|error| error.param() == Some("file")));
    assert!(form.text(&body, "a[]").is_err());
}

#[test]
fn an_edit_keeps_every_other_byte() {
    let body = sample();
    let form = scan(&body).expect("a form");
    let mut edit = form.edit(&body);
    edit.set("model", "large-v3").expect("harmless");
    edit.remove("empty");
    let edited = edit.finish();
    let joined = edited.joined();
    let again = Form::scan(&form.content_type(), &joined).expect("a form");
    assert_eq!(again.names().collect::<Vec<_>>(), ["model", "file", "a[]", "a[]"]);
    assert_eq!(again.text(&joined, "model").expect("a text"), Some("large-v3"));
    let file = again.fields.iter().find(|field| field.name == "file").expect("it stays");
    assert_eq!(&joined[file.value.clone()], b"RIFF\r\n--x-\0\r\n--");
    let inside = |piece: &&Bytes| body.as_ptr_range().contains(&piece.as_ptr());
    assert_eq!(edited.pieces().iter().filter(inside).count(), 2, "what stays is not copied");
}

#[test]
fn heads_are_read_as_they_are_written() {
    for (head, name) in [
        (r#"name="a b""#, "a b"),
        (r#"name=model"#, "model"),
        (r#"NAME="model""#, "model"),
        (r#" name = "model" ; x=y"#, "model"),
        (r#"name="a\"b""#, "a\"b"),
        (r#"filename="x; name=y"; name="model""#, "model"),
        ("name=\"model\"\r\ncontent-type: text/plain", "model"),
    ] {
        let form = scan(&body(&[(head, "v")])).unwrap_or_else(|error| panic!("{head}: {error}"));
        assert_eq!(form.names().collect::<Vec<_>>(), [name], "{head}");
    }
}

#[test]
fn broken_forms_are_refused() {
    let whole = sample();
    for end in 0..whole.len() - 4 {
        assert!(scan(&whole[..end]).is_err(), "cut at {end}");
    }
    for fields in [
        &[("", "v")][..],
        &[(r#"filename="a""#, "v")],
        &[(r#"name="a"; name="b""#, "v")],
        &[(r#"name="a"#, "v")],
        &[(r#"name="a" b"#, "v")],
        &[("name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"", "v")],
    ] {
        assert!(scan(&body(fields)).is_err(), "{fields:?}");
    }
    for text in [
        "",
        "no form",
        "--x-1",
        "--x-1\r\n",
        "--x-1\r\n\r\n--x-1--",
        "--x-1\r\nno head\r\n\r\nv\r\n--x-1--",
        "--x-1 y\r\ncontent-disposition: form-data; name=a\r\n\r\nv\r\n--x-1--",
        "--x-1\ncontent-disposition: form-data; name=a\n\nv\n--x-1--\n",
    ] {
        assert!(scan(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(scan(b"--x-1--").expect("no field is a form too").names().count(), 0);
    let many = vec![("name=a", "v"); MAX_FIELDS + 1];
    assert!(scan(&body(&many)).is_err());
}

#[test]
fn a_boundary_must_be_one_that_everybody_reads_the_same() {
    for (content_type, valid) in [
        ("multipart/form-data; boundary=x-1", true),
        ("Multipart/Form-Data; charset=utf-8; Boundary=\"x-1\"", true),
        ("multipart/form-data", false),
        ("multipart/form-data; boundary=", false),
        ("multipart/form-data; boundary=\"x-1 \"", false),
        ("multipart/form-data; boundary=x-1; boundary=y", false),
        ("multipart/form-data; boundary=\"x\u{e9}\"", false),
    ] {
        assert!(Form::is_one(content_type), "{content_type}");
        assert_eq!(Form::scan(content_type, &sample()).is_ok(), valid, "{content_type}");
    }
    assert!(!Form::is_one("application/json"));
}

#[test]
fn a_name_cannot_break_out_of_its_head() {
    let body = sample();
    let form = scan(&body).expect("a form");
    let mut edit = form.edit(&body);
    edit.set("a\"\r\nx: y", "v").expect("harmless");
    assert!(edit.set("model", "a\r\n--x-1\r\n").is_err());
    let joined = edit.finish().joined();
    assert_eq!(scan(&joined).expect("a form").names().next(), Some("a%22%0D%0Ax: y"));
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), edges in prop::collection::vec(0usize..400, 0..4)) {
        let _ = scan(&bytes);
        let mut text = sample().to_vec();
        for edge in edges {
            let at = edge % text.len();
            text.splice(at..at, bytes.iter().copied().take(3));
        }
        if let Ok(form) = scan(&text) {
            let text = Bytes::from(text);
            let mut edit = form.edit(&text);
            edit.set("model", "m").expect("harmless");
            prop_assert!(Form::scan(&form.content_type(), &edit.finish().joined()).is_ok());
        }
    }
}
