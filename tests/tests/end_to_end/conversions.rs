//! Pictures and speech of vendors whose format is not the client's, through the whole gateway: what each vendor gets,
//! what the client gets, what it costs, and what goes wrong.

use end_to_end::stage::Stage;
use end_to_end::vendors::VENDOR_KEY;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

use crate::passages::form;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The same in base64.
const DATA: &str = "iVBORw0KGgo=";

/// A gateway of one deployment at the vendor's address, which may be fetched from.
fn stage(vendor: &ScriptedVendor, model: &str, path: &str, more: &str) -> Stage {
    Stage::start(&format!(
        "model_list:\n  - model_name: small\n    litellm_params:\n      model: {model}\n      api_base: {}{path}\n      \
         api_key: {VENDOR_KEY}\n      {more}\nrouter_settings: {{num_retries: 0}}\nmedia: {{trusted_hosts: [127.0.0.1]}}\n",
        vendor.url()
    ))
}

fn lost(answer: &end_to_end::client::Answer) -> Vec<&str> {
    answer.header("x-llm-dropped").map(|list| list.split(',').collect()).unwrap_or_default()
}

#[tokio::test]
async fn bedrock_makes_pictures_in_as_many_requests_as_it_takes() {
    let made =
        |count: usize| Answer::json(200, json!({"images": vec![DATA; count], "error": null}).to_string());
    let vendor = ScriptedVendor::start([made(5), made(5)]).await;
    let region = "aws_region_name: us-east-1";
    let stage = stage(&vendor, "bedrock/amazon.nova-canvas-v1:0", "", region);
    let asked = json!({"model": "small", "prompt": "a cat", "n": 6, "size": "1024x1024", "user": "u"});
    let answer = stage.post("/v1/images/generations", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(10));
    assert_eq!(answer.json()["data"][0], json!({"b64_json": DATA}));
    // Ten pictures of six cents, by the table.
    assert_eq!(answer.header("x-litellm-response-cost"), Some("0.6"));
    assert_eq!(lost(&answer), ["user"]);
    let mut counts: Vec<Value> = Vec::new();
    for request in vendor.requests() {
        assert_eq!(request.target, "/model/amazon.nova-canvas-v1%3A0/invoke");
        assert_eq!(request.header("authorization"), Some(format!("Bearer {VENDOR_KEY}").as_str()));
        counts.push(request.json()["imageGenerationConfig"]["numberOfImages"].clone());
    }
    counts.sort_by_key(Value::as_u64);
    assert_eq!(counts, [json!(1), json!(5)]);
}

#[tokio::test]
async fn bedrock_changes_the_pictures_of_a_form() {
    let vendor = ScriptedVendor::start([
        Answer::json(200, json!({"images": [DATA], "seeds": [1], "finish_reasons": [null]}).to_string()),
        Answer::json(200, json!({"finish_reasons": ["Filter reason: prompt"]}).to_string()),
    ])
    .await;
    let model = "bedrock/us.stability.stable-image-search-replace-v1:0";
    let stage = stage(&vendor, model, "", "aws_region_name: us-east-1");
    let request = form(
        "/v1/images/edits",
        &[
            ("image[]", PNG),
            ("model", b"small"),
            ("prompt", b"a dog"),
            ("search_prompt", b"cat"),
            ("timeout", b"9"),
        ],
    );
    let answer = stage.call(&request).await;
    assert_eq!(
        (answer.status, &answer.json()["data"][0]["b64_json"]),
        (200, &json!(DATA)),
        "{}",
        answer.text()
    );
    assert_eq!(
        vendor.requests()[0].json(),
        json!({"prompt": "a dog", "image": DATA, "search_prompt": "cat"})
    );
    assert_eq!(answer.header("x-litellm-response-cost"), Some("0.07"));
    let refused = stage.call(&request).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("content_policy_violation")));
}

fn content(parts: &Value, usage: &Value) -> Answer {
    let candidate = json!({"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0});
    Answer::json(200, json!({"candidates": [candidate], "usageMetadata": usage}).to_string())
}

#[tokio::test]
async fn gemini_draws_and_is_paid_by_the_token() {
    let usage = json!({"promptTokenCount": 10, "candidatesTokenCount": 1290, "totalTokenCount": 1300,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]});
    let parts = json!([{"inlineData": {"mimeType": "image/png", "data": DATA}}]);
    let vendor = ScriptedVendor::start([content(&parts, &usage)]).await;
    let stage = stage(&vendor, "gemini/gemini-2.5-flash-image", "/v1beta", "");
    let request =
        form("/v1/images/edits", &[("image[]", PNG), ("model", b"small"), ("prompt", b"with a hat")]);
    let answer = stage.call(&request).await;
    assert_eq!(
        (answer.status, &answer.json()["data"][0]["b64_json"]),
        (200, &json!(DATA)),
        "{}",
        answer.text()
    );
    assert_eq!(answer.json()["usage"]["output_tokens_details"]["image_tokens"], 1290);
    // 10 at 0.30 and 1290 at 30 dollars a million.
    assert_eq!(answer.header("x-litellm-response-cost"), Some("0.038703"));
    let got = &vendor.requests()[0];
    assert_eq!(got.target, "/v1beta/models/gemini-2.5-flash-image:generateContent");
    let blob = json!({"inlineData": {"mimeType": "image/png", "data": DATA}});
    assert_eq!(got.json()["contents"][0]["parts"], json!([{"text": "with a hat"}, blob]));
}

#[tokio::test]
async fn imagen_is_asked_for_predictions() {
    let body = json!({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": DATA}]});
    let vendor = ScriptedVendor::start([Answer::json(200, body.to_string()), Answer::json(200, "{}")]).await;
    let stage = stage(&vendor, "gemini/imagen-3.0-generate-001", "/v1beta", "");
    let asked = json!({"model": "small", "prompt": "a cat", "size": "1792x1024"});
    let answer = stage.post("/v1/images/generations", &asked).await;
    assert_eq!(
        (answer.status, &answer.json()["data"]),
        (200, &json!([{"b64_json": DATA}])),
        "{}",
        answer.text()
    );
    assert_eq!(
        (answer.header("x-litellm-response-cost"), lost(&answer)),
        (Some("0.04"), vec!["size~the nearest aspect ratio"])
    );
    let got = &vendor.requests()[0];
    assert_eq!(got.target, "/v1beta/models/imagen-3.0-generate-001:predict");
    let expected =
        json!({"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 1, "aspectRatio": "16:9"}});
    assert_eq!(got.json(), expected);
    let nothing = stage.post("/v1/images/generations", &asked).await;
    assert_eq!((nothing.status, &nothing.json()["error"]["code"]), (400, &json!("content_policy_violation")));
}

#[tokio::test]
async fn gemini_reads_aloud_without_compression() {
    let usage = json!({"promptTokenCount": 4, "candidatesTokenCount": 100, "totalTokenCount": 104,
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}]});
    let parts = json!([{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AQIDBA=="}}]);
    let vendor = ScriptedVendor::start([content(&parts, &usage)]).await;
    let stage = stage(&vendor, "gemini/gemini-2.5-flash-preview-tts", "/v1beta", "");
    let ask = |format: Option<&str>| {
        let mut asked = json!({"model": "small", "input": "hello", "voice": "Kore"});
        if let Some(format) = format {
            asked["response_format"] = json!(format);
        }
        asked
    };
    let wav = llm_core::wav::of_pcm(&[1, 2, 3, 4], 24_000);
    for (format, content_type, bytes, dropped) in [
        (Some("pcm"), "audio/pcm", &[1, 2, 3, 4][..], vec![]),
        (Some("wav"), "audio/wav", &wav[..], vec![]),
        (None, "audio/wav", &wav[..], vec!["response_format~wav"]),
    ] {
        let answer = stage.post("/v1/audio/speech", &ask(format)).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(content_type)),
            "{}",
            answer.text()
        );
        assert_eq!((&answer.body[..], lost(&answer)), (bytes, dropped));
        // 4 at 0.50 and 100 at 10 dollars a million.
        assert_eq!(answer.header("x-litellm-response-cost"), Some("0.001002"));
    }
    let refused = stage.post("/v1/audio/speech", &ask(Some("mp3"))).await;
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("response_format")));
    assert_eq!(vendor.requests().len(), 3, "nobody is asked for what cannot be made");
}

#[tokio::test]
async fn dashscope_is_asked_until_its_task_is_done_and_the_picture_is_fetched() {
    let files = ScriptedVendor::start([Answer::whole(200, "image/png", PNG)]).await;
    let url = format!("{}/1.png", files.url());
    let task = |status: &str| json!({"request_id": "r", "output": {"task_id": "t-1", "task_status": status}});
    let mut done = task("SUCCEEDED");
    done["output"]["results"] = json!([{"url": url, "actual_prompt": "a grey cat"}]);
    done["usage"] = json!({"image_count": 1});
    let answers = [task("PENDING"), task("RUNNING"), done].map(|body| Answer::json(200, body.to_string()));
    let vendor = ScriptedVendor::start(answers).await;
    let price = "output_cost_per_image: 0.03";
    // The row of the vendor's own API takes over, whichever of its addresses is configured.
    let stage = stage(&vendor, "dashscope/wan2.2-t2i-flash", "/compatible-mode/v1", price);
    let asked = json!({"model": "small", "prompt": "a cat", "response_format": "b64_json"});
    let answer = stage.post("/v1/images/generations", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"], json!([{"b64_json": DATA, "revised_prompt": "a grey cat"}]));
    assert_eq!(answer.header("x-litellm-response-cost"), Some("0.03"));
    let requests = vendor.requests();
    let asked: Vec<_> =
        requests.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    let question = ("GET", "/api/v1/tasks/t-1");
    assert_eq!(asked, [("POST", "/api/v1/services/aigc/text2image/image-synthesis"), question, question]);
    assert_eq!(requests[0].header("x-dashscope-async"), Some("enable"));
    assert!(requests.iter().all(|request| request.header("authorization").is_some()));
    // The vendor still has the picture: a client that takes addresses gets this one.
    let answer = stage
        .post(
            "/v1/images/generations",
            &json!({"model": "small", "prompt": "a cat", "response_format": "url"}),
        )
        .await;
    assert_eq!(answer.json()["data"][0]["url"], json!(url));
    assert_eq!(files.requests().len(), 1);
    assert_eq!(files.requests()[0].header("authorization"), None, "no key goes to a store of files");
}

#[tokio::test]
async fn dashscope_reads_aloud_and_the_sound_is_fetched() {
    let wav = llm_core::wav::of_pcm(&[1, 2, 3, 4], 24_000);
    let files = ScriptedVendor::start([
        Answer::whole(200, "audio/wav", wav.clone()),
        Answer::whole(404, "text/plain", "gone"),
    ])
    .await;
    let url = format!("{}/1.wav", files.url());
    let body = json!({"output": {"finish_reason": "stop", "audio": {"data": "", "url": url}}, "usage": {"characters": 5}});
    let vendor = ScriptedVendor::start([Answer::json(200, body.to_string())]).await;
    let stage = stage(&vendor, "dashscope/qwen3-tts-flash", "/api/v1", "");
    let asked = json!({"model": "small", "input": "hello", "voice": "Cherry", "response_format": "wav"});
    let answer = stage.post("/v1/audio/speech", &asked).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("audio/wav")), "{}", answer.text());
    assert_eq!(answer.body, wav);
    // Five letters at ten dollars a million.
    assert_eq!(answer.header("x-litellm-response-cost"), Some("0.00005"));
    let gone = stage.post("/v1/audio/speech", &asked).await;
    assert_eq!(gone.status, 502);
    assert!(gone.text().contains("the vendor's answer points to a file"), "{}", gone.text());
}

#[tokio::test]
async fn a_task_that_takes_too_long_ends_with_the_call() {
    let body = json!({"output": {"task_id": "t-1", "task_status": "RUNNING"}});
    let vendor = ScriptedVendor::start([Answer::json(200, body.to_string())]).await;
    let stage = stage(&vendor, "dashscope/wan2.2-t2i-flash", "/api/v1", "");
    let asked = json!({"model": "small", "prompt": "a cat", "timeout": 1});
    let answer = stage.post("/v1/images/generations", &asked).await;
    assert!([408, 504].contains(&answer.status), "{} {}", answer.status, answer.text());
    assert!(vendor.requests().len() >= 2);
}

#[tokio::test]
async fn a_group_passes_over_models_that_draw_nothing() {
    let chat = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let draws =
        ScriptedVendor::start([Answer::json(200, json!({"images": [DATA], "error": null}).to_string())])
            .await;
    let deployment = |model: &str, url: &str| {
        format!(
            "  - model_name: small\n    litellm_params: {{model: {model}, api_base: \"{url}\", api_key: {VENDOR_KEY}, \
             aws_region_name: us-east-1}}\n"
        )
    };
    let stage = Stage::start(&format!(
        "model_list:\n{}{}router_settings: {{num_retries: 2}}\n",
        deployment("bedrock/anthropic.claude-3-haiku-20240307-v1:0", &chat.url()),
        deployment("bedrock/amazon.titan-image-generator-v2:0", &draws.url()),
    ));
    for _ in 0..4 {
        let answer =
            stage.post("/v1/images/generations", &json!({"model": "small", "prompt": "a cat"})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert!(chat.requests().is_empty());
}
