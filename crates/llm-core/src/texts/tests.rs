//! Texts of every format, where they stand, and bodies that are none.

use super::*;

fn told(side: Side, body: &str) -> Vec<(Place, String)> {
    let texts = Texts::of(body.as_bytes(), side).expect("JSON");
    texts.pieces.into_iter().map(|piece| (piece.place, piece.text.into_owned())).collect()
}

fn request(body: &str) -> Vec<(Place, String)> {
    told(Side::Request, body)
}

fn is(place: Place, text: &str) -> (Place, String) {
    (place, text.to_owned())
}

#[test]
fn texts_of_chat_completions_stand_where_they_belong() {
    let body = r#"{"model":"gpt-4o","user":"u1","messages":[
        {"content":"Be brief.","role":"system"},
        {"role":"user","name":"Ann","content":[{"type":"text","text":"a \"b\" é"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
            "function":{"name":"look","arguments":"{\"id\":\"7\"}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"found"}],
        "tools":[{"type":"function","function":{"name":"look","description":"Looks.",
            "parameters":{"type":"object","properties":{"id":{"type":"string","description":"Which."}}}}}]}"#;
    assert_eq!(
        request(body),
        [
            is(Place::System, "Be brief."),
            is(Place::User, "Ann"),
            is(Place::User, "a \"b\" é"),
            is(Place::ToolName, "look"),
            is(Place::ToolArguments, "{\"id\":\"7\"}"),
            is(Place::ToolResult, "found"),
            is(Place::ToolName, "look"),
            is(Place::ToolDescription, "Looks."),
            is(Place::ToolDescription, "Which."),
        ]
    );
}

#[test]
fn texts_of_messages_stand_where_they_belong() {
    let body = r#"{"system":[{"type":"text","text":"Be kind.","cache_control":{"type":"ephemeral"}}],"messages":[
        {"role":"user","content":[{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"plain"}}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},
            {"type":"tool_use","id":"t1","name":"mail","input":{"id":"a@b.example","to":{"name":"Bo"}}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"sent"}]}]}]}"#;
    assert_eq!(
        request(body),
        [
            is(Place::System, "Be kind."),
            is(Place::User, "T"),
            is(Place::User, "plain"),
            is(Place::Reasoning, "hm"),
            is(Place::ToolName, "mail"),
            is(Place::ToolArguments, "a@b.example"),
            is(Place::ToolArguments, "Bo"),
            is(Place::ToolResult, "sent"),
        ]
    );
}

#[test]
fn texts_of_other_formats_stand_where_they_belong() {
    let gemini = r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"model","parts":[
        {"functionCall":{"name":"f","args":{"type":"t"}}}]},{"role":"user","parts":[
        {"functionResponse":{"name":"f","response":{"r":"1"}}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]}"#;
    assert_eq!(
        request(gemini),
        [
            is(Place::System, "s"),
            is(Place::ToolName, "f"),
            is(Place::ToolArguments, "t"),
            is(Place::ToolName, "f"),
            is(Place::ToolResult, "1"),
            // Too short to be known as bytes: a look costs nothing.
            is(Place::User, "AAAA"),
        ]
    );
    let responses = r#"{"model":"m","instructions":"i","input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":"o"},{"role":"user","content":[{"type":"input_text","text":"q"}]}]}"#;
    assert_eq!(
        request(responses),
        [
            is(Place::System, "i"),
            is(Place::ToolName, "f"),
            is(Place::ToolArguments, "{}"),
            is(Place::ToolResult, "o"),
            is(Place::User, "q"),
        ]
    );
    assert_eq!(request(r#"{"input":["one","two"]}"#), [is(Place::User, "one"), is(Place::User, "two")]);
    let answer = r#"{"id":"x","object":"chat.completion","choices":[{"finish_reason":"stop","message":
        {"role":"assistant","content":"hi","reasoning_content":"hm"}}],"usage":{"note":"n"}}"#;
    assert_eq!(told(Side::Answer, answer), [is(Place::Assistant, "hi"), is(Place::Reasoning, "hm")]);
}

#[test]
fn what_is_rewritten_changes_nothing_around_it() {
    let body = br#"{ "a" : "x\u0041", "n":1.50, "b":["y","z"] }"#;
    let texts = Texts::of(body, Side::Request).expect("JSON");
    assert_eq!(texts.pieces.first().map(|piece| &*piece.text), Some("xA"));
    let changed = [(0, "\"q\"".to_owned()), (2, "w\n".to_owned())];
    let written = texts.rewrite(body, &changed);
    assert_eq!(String::from_utf8_lossy(&written), r#"{ "a" : "\"q\"", "n":1.50, "b":["y","w\n"] }"#);
    assert_eq!(texts.rewrite(body, &[]), body);
}

#[test]
fn bytes_are_no_texts_and_texts_in_their_place_are() {
    let picture = "iVBORw0KGgo".repeat(40);
    let body = format!(
        r#"{{"messages":[{{"images":["{picture}"],"data":"{}"}}]}}"#,
        "words with blanks ".repeat(20)
    );
    assert_eq!(request(&body).len(), 1);
}

#[test]
fn broken_bodies_are_refused_and_never_read_past_their_end() {
    let body = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a\\\"b"}]}]}"#;
    assert_eq!(request(body), [is(Place::User, "a\\\"b")]);
    for end in 0..body.len() {
        assert!(Texts::of(&body.as_bytes()[..end], Side::Request).is_err(), "{end}");
    }
    assert!(Texts::of(&[b'"', 0xFF, b'"'], Side::Request).is_err());
    assert!(Texts::of("[".repeat(100_000).as_bytes(), Side::Request).is_err());
}
