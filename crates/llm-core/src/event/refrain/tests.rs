//! What is known again, what is not, and what is never learned.

use proptest::prelude::*;

use super::*;

fn frame(data: &str) -> Frame<'_> {
    Frame { event: None, data }
}

fn text(words: &str) -> Event {
    Event::Delta { choice: 0, part: 3, delta: Delta::Text(words.to_owned()) }
}

/// Learns a frame, and a like one with other words.
fn learned(data: impl Fn(&str) -> String) -> Refrain {
    let mut refrain = Refrain::default();
    for words in ["first", "other"] {
        refrain.learn(frame(&data(words)), &[text(words)], &["pad"], |_| true);
    }
    refrain
}

fn read(refrain: &mut Refrain, data: &str) -> Option<Vec<Event>> {
    let mut out = Vec::new();
    refrain.again(frame(data), &mut out).then_some(out)
}

#[test]
fn only_the_words_and_padding_may_differ() {
    let refrain = || learned(|words| format!(r#"{{"id":"x","text":"{words}","pad": "aaa","end":1}}"#));
    let again = read(&mut refrain(), r#"{"id":"x","text":"a\n\u00e9","pad": "\"","end":1}"#);
    assert_eq!(again, Some(vec![text("a\né")]));
    for other in [
        r#"{"id":"y","text":"hello","pad": "aaa","end":1}"#,
        r#"{"id":"x","text":"hello","pad": "aaa","end":2}"#,
        r#"{"id":"x","text":"hello","pad": "aaa","end":1} "#,
        r#"{"id":"x","text":"","pad": "aaa","end":1}"#,
        r#"{"id":"x","text":"a","more":"b","pad": "aaa","end":1}"#,
        r#"{"id":"x","text":"a","pad": 1,"end":1}"#,
        r#"{"id":"x","text":"\ud800","pad": "aaa","end":1}"#,
        "{\"id\":\"x\",\"text\":\"a\nb\",\"pad\": \"aaa\",\"end\":1}",
        r#"{"id":"x","text":null,"pad": "aaa","end":1}"#,
        r#"{"id":"x","text":"a"#,
        "",
    ] {
        assert_eq!(read(&mut refrain(), other), None, "{other}");
    }
    let named = Frame { event: Some("e"), data: r#"{"id":"x","text":"a","pad": "aaa","end":1}"# };
    assert!(!refrain().again(named, &mut Vec::new()));
}

#[test]
fn a_place_is_believed_once_other_words_were_read_there() {
    let mut refrain = Refrain::default();
    let (one, two) = (r#"{"text":["o","ne"],"id":"one"}"#, r#"{"text":["o","ne"],"id":"two"}"#);
    // The words are put together from two texts; the id happens to be the same.
    for _ in 0..2 {
        refrain.learn(frame(one), &[text("one")], &[], |_| true);
        assert_eq!(read(&mut refrain, one), Some(vec![text("one")]));
        assert_eq!(read(&mut refrain, two), None);
        assert_eq!(read(&mut refrain, one), None, "nobody said what came in between meant");
        refrain.learn(frame(two), &[text("one")], &[], |_| true);
        assert_eq!(read(&mut refrain, two), None);
    }
    refrain.learn(frame(r#"{"text":"a"}"#), &[text("a")], &[], |_| true);
    refrain.learn(frame(r#"{"text":"b"}"#), &[text("b")], &[], |_| true);
    assert_eq!(read(&mut refrain, r#"{"text":"c"}"#), Some(vec![text("c")]));
}

#[test]
fn what_is_not_certain_is_not_learned() {
    for (data, words) in [
        (r#"{"id":"x","text":"x"}"#, "x"),
        (r#"{"id":"\u0061","text":"b"}"#, "b"),
        (r#"{"text":["a","b"]}"#, "ab"),
        (r#"{"text":""}"#, ""),
        (r#"{"words":1}"#, "words"),
    ] {
        assert!(split(data, words, &[]).is_none(), "{data}");
    }
    let one = |words: &str| format!(r#"{{"text":"{words}"}}"#);
    let mut refrain = learned(one);
    assert!(read(&mut refrain, &one("c")).is_some());
    assert_eq!(read(&mut refrain, "{}"), None);
    assert_eq!(read(&mut refrain, &one("c")), None, "nobody said what came in between meant");
    let mut refrain = learned(one);
    refrain.learn(frame(&one("d")), &[text("d"), Event::Ping], &[], |_| true);
    assert_eq!(read(&mut refrain, &one("d")), None, "it meant something else");
    for words in ["e", "f"] {
        refrain.learn(frame(&one(words)), &[text(words)], &[], |_| false);
    }
    assert_eq!(read(&mut refrain, &one("g")), None, "it does not leave the decoder as it was");
}

#[test]
fn punctuation_between_texts_is_no_text() {
    for words in [":", ",", ":{", "}"] {
        let data = format!(r#"{{"text":"{words}"}}"#);
        let (lines, end) = split(&data, words, &[]).expect("the value");
        assert_eq!((lines, end), (vec![(r#"{"text":"#.to_owned(), Hole::Words)], "}"));
    }
}

proptest! {
    #[test]
    fn any_words_come_back(words in "\\PC{1,30}|[\u{0}-\u{7f}]{1,30}") {
        let data = |words: &str| format!("{{\"kind\":\"KIND\",\"text\":{}}}", crate::RawJson::string(words).get());
        prop_assert_eq!(read(&mut learned(data), &data(&words)), Some(vec![text(&words)]));
    }
}
