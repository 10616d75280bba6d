//! Models listed, asked, compared, looked after and put under load.

use crate::stage::{Folder, Stage, echo, run};

#[test]
fn models_are_listed_with_vendor_context_and_prices() {
    let stage = Stage::start();
    let listed = stage.json(&["list"]);
    let models = listed["models"].as_array().expect("a list");
    let smart = models.iter().find(|model| model["model"] == "smart").expect("it is served");
    assert_eq!(smart["vendors"], serde_json::json!(["mock"]));
    assert_eq!(smart["max_input_tokens"], 128_000);
    assert_eq!(smart["input_price_per_million"], 2.0);
    assert_eq!(smart["output_price_per_million"], 10.0);
    let table = stage.llm(&["list", "smart"]).good();
    assert!(
        table.out.contains("smart") && table.out.contains("128k") && table.out.contains("$10.00"),
        "{table:?}"
    );
    assert!(!table.out.contains("fast"), "searched for another one: {table:?}");
    assert!(!table.out.contains('\u{1b}'), "a pipe has no colours");
}

#[test]
fn a_question_is_answered_whole() {
    let stage = Stage::start();
    let ran = stage.llm(&["query", "你好，请介绍一下自己", "--model", "smart"]).good();
    assert_eq!(ran.out, echo("你好，请介绍一下自己") + "\n");
    assert_eq!(ran.err, "", "nobody watches");
    let json =
        stage.json(&["query", "hello", "--model", "smart", "--system", "be short", "--temperature", "0.5"]);
    assert_eq!(json["answer"], echo("hello"));
    assert_eq!(json["model"], "smart");
    assert!(json["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{json}");
    assert!(json["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{json}");
    assert!(json["latency_ms"].as_f64().is_some(), "{json}");
}

#[test]
fn a_question_is_answered_as_it_comes() {
    let stage = Stage::start();
    let ran = stage.llm(&["query", "hello there", "--model", "smart", "--stream", "--stats"]).good();
    assert_eq!(ran.out, echo("hello there") + "\n");
    assert!(
        ran.err.contains("smart · ") && ran.err.contains('$') && ran.err.contains("first token"),
        "{ran:?}"
    );
    let lines = stage.llm(&["query", "one two three", "-m", "smart", "--stream", "--json"]).good().lines();
    let (end, pieces) = lines.split_last().expect("there are lines");
    let said: String = pieces.iter().filter_map(|piece| piece["text"].as_str()).collect();
    assert_eq!(said, echo("one two three"));
    assert_eq!(end["type"], "end");
    assert!(end["time_to_first_token_ms"].as_f64().is_some() && end["cost"].as_f64().is_some(), "{end}");
}

#[test]
fn what_is_piped_in_and_files_are_part_of_the_question() {
    let stage = Stage::start();
    assert_eq!(
        stage.piped(&["query", "-m", "smart"], "from a pipe\n").good().out,
        echo("from a pipe") + "\n"
    );
    let both = stage.piped(&["query", "first", "-m", "smart"], "then").good();
    assert_eq!(both.out, echo("first\n\nthen") + "\n");
    stage.folder.file("note.txt", "in a file\n");
    let file = stage.llm(&["query", "read", "-m", "smart", "--file", "note.txt"]).good();
    assert_eq!(file.out, echo("read\n\nnote.txt:\n```\nin a file\n```") + "\n");
    let picture = stage.folder.path().join("dot.png");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n").expect("the folder is ours");
    assert_eq!(stage.llm(&["query", "see", "-m", "smart", "-f", "dot.png"]).good().out, echo("see") + "\n");
}

#[test]
fn codes_tell_scripts_what_went_wrong() {
    let stage = Stage::start();
    let code = |arguments: &[&str]| stage.llm(arguments).code;
    assert_eq!(code(&["query", "x", "-m", "broken"]), 1);
    assert_eq!(code(&["query", "x", "-m", "nowhere"]), 1);
    assert_eq!(code(&["query", "-m", "smart"]), 2, "no question");
    assert_eq!(code(&["nonsense"]), 2);
    assert_eq!(code(&["query", "x", "--temperature", "hot"]), 2);
    assert_eq!(code(&["query", "x", "-m", "smart", "--key", "sk-of-nobody"]), 4);
    let nobody = run(stage.folder.path(), &["list"], &[("LLM_URL", "http://127.0.0.1:9")], "");
    assert_eq!(nobody.code, 3, "{nobody:?}");
    assert!(
        nobody.err.contains("llm-server") && nobody.err.contains("--config"),
        "says what to do: {nobody:?}"
    );
    let json = run(stage.folder.path(), &["list", "--json"], &[("LLM_URL", "http://127.0.0.1:9")], "");
    let error: serde_json::Value = serde_json::from_str(&json.err).expect("an error is JSON, too");
    assert_eq!(error["error"]["kind"], "unreachable");
}

#[test]
fn models_are_compared_side_by_side() {
    let stage = Stage::start();
    let both = stage.llm(&["compare", "解释量子计算", "--models", "smart", "fast"]).good();
    for shown in ["smart", "fast", "解释量子计算", "latency", "first token", "tokens", "cost", "$"] {
        assert!(both.out.contains(shown), "{shown}: {}", both.out);
    }
    let ran = stage.llm(&["compare", "hi", "--models", "smart,broken", "--json"]);
    assert_eq!(ran.code, 1, "one of them failed");
    let json = ran.json();
    assert_eq!(json["answers"][0]["answer"], echo("hi"));
    assert!(json["answers"][0]["time_to_first_token_ms"].as_f64().is_some(), "{json}");
    assert_eq!(json["answers"][1]["model"], "broken");
    assert!(json["answers"][1]["error"]["message"].as_str().is_some(), "{json}");
}

#[test]
fn health_asks_every_model() {
    let stage = Stage::start();
    let ran = stage.llm(&["health", "--json", "--timeout", "20"]);
    assert_eq!(ran.code, 1, "one is down: {ran:?}");
    let json = ran.json();
    let status = |name: &str| {
        let models = json["models"].as_array().expect("a list");
        models.iter().find(|model| model["model"] == name).map(|model| model["status"].clone())
    };
    assert_eq!(status("smart"), Some("up".into()), "{json}");
    assert_eq!(status("vectors"), Some("up".into()), "{json}");
    assert_eq!(status("broken"), Some("down".into()), "{json}");
    assert_eq!(status("rescued"), Some("down".into()), "another one stands in for it: {json}");
    let good = stage.llm(&["health", "--models", "smart", "fast"]).good();
    assert!(good.out.contains("● up") && good.err.contains("2 up"), "{good:?}");
    let known = stage.llm(&["health", "--no-calls", "--json"]);
    assert!(known.json()["models"].as_array().is_some_and(|models| models.len() == 6), "{known:?}");
}

#[test]
fn who_answered_in_place_of_a_model_is_told_and_priced() {
    let stage = Stage::start();
    for stream in [&["--stream"][..], &[]] {
        let ran = stage.llm(&[&["query", "hi", "--model", "rescued", "--json"], stream].concat()).good();
        let end: serde_json::Value = match stream.is_empty() {
            true => ran.json(),
            false => serde_json::from_str(ran.out.lines().last().expect("a line")).expect("JSON"),
        };
        assert_eq!((&end["model"], &end["fallback"]), (&"rescued".into(), &"fast".into()), "{end}");
        assert!(end["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{end}");
    }
    let json = stage.json(&["query", "hi", "--model", "fast"]);
    assert!(json["fallback"].is_null(), "{json}");
    let told = stage.llm(&["query", "hi", "--model", "rescued", "--stats"]).good();
    assert!(told.err.contains("rescued · answered by fast"), "{told:?}");
    let table = stage.llm(&["compare", "hi", "--models", "smart", "rescued"]).good();
    assert!(table.out.contains("answered by"), "{table:?}");
}

#[test]
fn a_load_is_measured() {
    let stage = Stage::start();
    let json = stage.json(&["bench", "--model", "fast", "-n", "20", "-c", "4"]);
    assert_eq!((json["requests"].as_u64(), json["failed"].as_u64()), (Some(20), Some(0)), "{json}");
    for field in ["p50", "p99", "max"] {
        assert!(json["latency_ms"][field].as_f64().is_some(), "{json}");
        assert!(json["time_to_first_token_ms"][field].as_f64().is_some(), "{json}");
    }
    assert!(json["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{json}");
    let table = stage.llm(&["bench", "-m", "fast", "--duration", "0.3", "--no-stream"]).good();
    assert!(table.out.contains("requests/s") && table.out.contains("p99"), "{table:?}");
    let failed = stage.llm(&["bench", "-m", "broken", "-n", "3", "--json"]);
    assert_eq!(failed.code, 1);
    assert_eq!(failed.json()["errors"][0]["count"], 3);
}

#[test]
fn completions_are_there_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(folder.path(), &["completions", shell], &[], "").good();
        assert!(ran.out.contains("compare") && ran.out.contains("rotate"), "{shell}");
    }
}
