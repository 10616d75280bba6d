//! Tests of the scan and of edits.

use proptest::prelude::*;

use super::*;

fn edited(body: &str, change: impl FnOnce(&mut Edit<'_>)) -> String {
    let body = Bytes::from(body.to_owned());
    let envelope = Envelope::scan(&body).expect("valid");
    let mut edit = envelope.edit(&body);
    change(&mut edit);
    String::from_utf8(edit.finish().joined().to_vec()).expect("UTF-8")
}

#[test]
fn gateway_fields_are_sorted_for_the_search() {
    assert!(GATEWAY_FIELDS.is_sorted());
}

#[test]
fn members_are_found_and_read() {
    let body = r#" { "model" : "a\u0062c" , "stream":true,"max_tokens": 17,"user":null } "#.as_bytes();
    let envelope = Envelope::scan(body).expect("valid");
    assert_eq!(envelope.string(body, "model").expect("a string").as_deref(), Some("abc"));
    assert_eq!(envelope.read::<bool>(body, "stream"), Ok(Some(true)));
    assert_eq!(envelope.read::<u64>(body, "max_tokens"), Ok(Some(17)));
    assert_eq!(envelope.string(body, "user"), Ok(None));
    assert!(envelope.string(body, "stream").is_err());
}

#[test]
fn elements_of_an_array_are_counted() {
    let body = br#"{"messages":[{"a":[1,2]},"x",[3]],"none":[]}"#;
    let envelope = Envelope::scan(body).expect("valid");
    assert_eq!(envelope.count(body, "messages"), 3);
    assert_eq!(envelope.count(body, "none"), 0);
    let body = br#"{"object":{"a":[1,2]},"one":[[1,2],],"text":"[]"}"#;
    assert!(Envelope::scan(body).is_err());
    let body = br#"{"object":{"a":[1,2]},"one":[[1,2]],"text":"[]"}"#;
    let envelope = Envelope::scan(body).expect("valid");
    assert_eq!(["object", "one", "text"].map(|key| envelope.count(body, key)), [0, 1, 0]);
}

#[test]
fn keys_below_the_top_level_are_never_missed() {
    let envelope = Envelope::scan(br#"{"messages":[{"role":"user","content":"x"}],"cache_control":1}"#);
    let envelope = envelope.expect("valid");
    assert!(envelope.may_have_nested("role") && envelope.may_have_nested("content"));
    assert!(!envelope.may_have_nested("cache_control") && !envelope.may_have_nested("thinking_blocks"));
    let escaped = Envelope::scan(br#"{"a":[[{"cache\u005fcontrol":1}]]}"#).expect("valid");
    assert!(escaped.may_have_nested("cache_control"));
}

#[test]
fn an_escaped_key_is_the_key_that_the_vendor_reads() {
    let body = br#"{"mod\u0065l":"x"}"#;
    let envelope = Envelope::scan(body).expect("valid");
    assert_eq!(envelope.value(body, "model"), Some("\"x\""));
    let twice = Envelope::scan(br#"{"model":"cheap","mod\u0065l":"dear"}"#);
    assert!(twice.is_err_and(|error| error.message().contains("twice")));
}

#[test]
fn no_edit_gives_the_same_bytes() {
    assert_eq!(edited(r#"{ "a" : 1 }"#, |_| {}), r#"{ "a" : 1 }"#);
}

#[test]
fn values_are_replaced_in_place() {
    let result = edited(r#"{"a":1, "model": "x" ,"b":[1]}"#, |edit| edit.set("model", "\"y\""));
    assert_eq!(result, r#"{"a":1, "model": "y" ,"b":[1]}"#);
    let spaced = "{ \"model\" : \"x\" ,\n \"timeout\" : 3 \n}\n";
    assert_eq!(edited(spaced, |edit| edit.set("model", "1")), "{ \"model\" : 1 \n}\n");
    assert_eq!(edited("{ \"a\" : 1 }", |edit| edit.set("b", "2")), "{ \"a\" : 1,\"b\":2 }");
    assert_eq!(edited("{ }", |edit| edit.set("b", "2")), "{ \"b\":2}");
}

#[test]
fn members_are_added_renamed_and_removed() {
    let result = edited(r#"{"a":1,"b":2,"c":3}"#, |edit| {
        edit.remove("a");
        edit.rename("b", "bee");
        edit.set("d", "4");
    });
    assert_eq!(result, r#"{"bee":2,"c":3,"d":4}"#);
    assert_eq!(edited(r#"{"a":1}"#, |edit| assert!(edit.remove("a"))), "{}");
    assert_eq!(edited("{}", |edit| edit.set("d", "4")), r#"{"d":4}"#);
}

#[test]
fn no_member_is_there_twice() {
    let result = edited(r#"{"a":1,"b":2}"#, |edit| {
        edit.rename("a", "c");
        edit.set_default("c", b"3");
    });
    assert_eq!(result, r#"{"c":1,"b":2}"#);
    let result = edited(r#"{"a":1,"b":2}"#, |edit| {
        edit.rename("a", "c");
        edit.set("d", "[4]");
        edit.set("c", "30");
        edit.set("e", "5");
        edit.set("d", "40");
        edit.set("c", "3");
        edit.set("c", "\"three\"");
    });
    assert_eq!(result, r#"{"b":2,"e":5,"d":40,"c":"three"}"#);
}

#[test]
fn fields_for_the_gateway_do_not_leave() {
    let result = edited(r#"{"timeout":3,"model":"x","fallbacks":["y"]}"#, |_| {});
    assert_eq!(result, r#"{"model":"x"}"#);
}

#[test]
fn broken_texts_are_refused_with_the_place() {
    for text in [
        "",
        "[]",
        "{",
        r#"{"a""#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":1}x"#,
        r#"{"a":01}"#,
        r#"{"a":tru}"#,
        r#"{"a":"\x"}"#,
        "{\"a\":\"\n\"}",
        r#"{"a":[1,]}"#,
        r#"{"a":{"b":1]}"#,
    ] {
        let error = Envelope::scan(text.as_bytes()).expect_err(text);
        assert!(error.message().starts_with("invalid JSON payload: "), "{text}: {error}");
    }
    assert!(Envelope::scan(b"{\"a\":\"\xff\"}").is_err_and(|error| error.message().contains("UTF-8")));
}

#[test]
fn deep_nesting_is_refused_without_a_deep_stack() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(Envelope::scan(nested(Envelope::MAX_DEPTH - 1).as_bytes()).is_ok());
    assert!(Envelope::scan(nested(Envelope::MAX_DEPTH).as_bytes()).is_err());
    assert!(Envelope::scan(nested(100_000).as_bytes()).is_err());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<i16>().prop_map(|number| serde_json::json!(f64::from(number) / 4.0)),
        "\\PC{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map("[a-e\"\\\\]{0,3}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn accepts_what_serde_json_accepts(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let ours = Envelope::scan(&bytes).is_ok();
        let theirs = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).is_ok();
        prop_assert!(!ours || theirs);
    }

    #[test]
    fn long_texts_are_judged_like_serde_json(
        pieces in proptest::collection::vec(
            prop_oneof!["[a-zé]{0,70}", Just("\\\\n".to_owned()), Just("\\\"".to_owned()), Just("\u{1f}".to_owned()),
                Just("\u{80}".to_owned()), Just("\\".to_owned())],
            0..8,
        ),
    ) {
        let text = format!("{{\"a\":\"{}\",\"b\":1}}", pieces.concat());
        let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
        prop_assert_eq!(Envelope::scan(text.as_bytes()).is_ok(), theirs, "{}", text);
    }

    #[test]
    fn near_json_is_judged_like_serde_json(text in "[\\{\\}\\[\\],:\"a1\\\\ -]{0,14}") {
        let ours = Envelope::scan(text.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
        let repeated = ours.as_ref().is_err_and(|error| error.message().contains("twice"));
        prop_assert!(repeated || ours.is_ok() == theirs, "{}", text);
    }

    #[test]
    fn edits_do_what_a_parsed_object_would(
        map in proptest::collection::btree_map("[a-f]", any_json(), 0..6),
        remove in "[a-c]",
        set in "[d-h]",
        pretty in any::<bool>(),
    ) {
        let mut object: serde_json::Map<String, serde_json::Value> = map.into_iter().collect();
        let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
        let result = edited(&text.expect("writes"), |edit| {
            edit.set(&set, "[7]");
            edit.remove(&remove);
        });
        object.insert(set, serde_json::json!([7]));
        object.remove(&remove);
        let parsed: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&result).expect("an edited body is valid JSON");
        prop_assert_eq!(parsed, object);
    }
}
