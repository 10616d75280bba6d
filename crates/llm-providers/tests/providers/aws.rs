//! Requests to AWS: signed with keys from everywhere that they may come from, and streams of its own framing.

use std::sync::Arc;

use http::HeaderMap;
use llm_core::framing::event_stream;
use llm_core::operation::Asked;
use llm_core::provider::Inbound;
use llm_core::{ErrorKind, Ingress, Operation, Result, Secret};
use llm_providers::{DeploymentSpec, Files, Parameters, Programs, ingresses};
use llm_testkit::recordings;
use llm_testkit::scripted::{Answer, Received, ScriptedVendor};
use llm_transport::{Options, Proxy};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::client::{Got, ask, built, call, got};
use crate::samples;

const WHOLE: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":4}}"#;

fn spec(vendor: &ScriptedVendor, parameters: Parameters) -> DeploymentSpec {
    DeploymentSpec {
        vendor: "bedrock".to_owned(),
        api_base: Some(vendor.url()),
        parameters,
        transport: Options { proxy: Proxy::None, ..Options::default() },
        ..DeploymentSpec::default()
    }
}

fn keys(more: &[(&str, &str)]) -> Parameters {
    let mut parameters = Parameters::from([
        ("aws_access_key_id", "AKID"),
        ("aws_secret_access_key", "secret"),
        ("aws_region_name", "eu-west-1"),
    ]);
    more.iter().for_each(|(name, value)| parameters.set(*name, Secret::new((*value).to_owned())));
    parameters
}

fn authorization(request: &Received) -> &str {
    request.header("authorization").unwrap_or_default()
}

/// A client of Converse, as its path has it.
fn converse(stream: bool) -> Inbound {
    let ingress = ingresses().into_iter().find(|ingress| ingress.id().name() == "bedrock.converse");
    let ingress: Arc<dyn Ingress> = ingress.expect("built in");
    let body = json!({"messages": [{"role": "user", "content": [{"text": "Hello"}]}], "model": "left in"});
    let asked = Asked { operation: Operation::Chat, model: Some("public".to_owned()), stream: Some(stream) };
    Inbound::new(ingress, asked, HeaderMap::new(), body.to_string().into()).expect("an object")
}

async fn conversed(spec: &DeploymentSpec, stream: bool) -> Result<Got> {
    let inbound = converse(stream);
    got(&*built(spec), call(&inbound, stream)).await
}

#[tokio::test]
async fn given_keys_sign_and_an_api_key_is_shown() {
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let got =
        conversed(&spec(&server, keys(&[("aws_session_token", "token")])), false).await.expect("an answer");
    assert_eq!((&got.bytes[..], got.native), (WHOLE.as_bytes(), true));
    let bearer = DeploymentSpec { api_key: Some(Secret::new("key".to_owned())), ..spec(&server, keys(&[])) };
    conversed(&bearer, false).await.expect("an answer");
    let requests = server.requests();
    let signed = &requests[0];
    assert_eq!(signed.target, "/model/vendor-large/converse");
    assert!(authorization(signed).starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{signed:?}");
    assert!(authorization(signed).contains("/eu-west-1/bedrock/aws4_request, "));
    assert!(
        authorization(signed).contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token")
    );
    assert_eq!(signed.header("x-amz-security-token"), Some("token"));
    assert_eq!(signed.json(), json!({"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}));
    assert_eq!(authorization(&requests[1]), "Bearer key");
}

fn temporary() -> Answer {
    let answer = "<AssumeRoleResponse><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                  <SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
                  </AssumeRoleResponse>";
    Answer::whole(200, "text/xml", answer)
}

#[tokio::test]
async fn a_role_is_assumed_once_and_again_when_its_keys_are_refused() {
    let sts = ScriptedVendor::start([temporary()]).await;
    let refusal =
        Answer::json(403, r#"{"message":"expired"}"#).header("x-amzn-errortype", "ExpiredTokenException");
    let server = ScriptedVendor::start([Answer::json(200, WHOLE), refusal, Answer::json(200, WHOLE)]).await;
    let parameters = keys(&[
        ("aws_role_name", "arn:aws:iam::1:role/x y"),
        ("aws_external_id", "e&1"),
        ("aws_sts_endpoint", &sts.url()),
    ]);
    let provider = built(&spec(&server, parameters));
    let inbound = converse(false);
    for expected in [None, Some(ErrorKind::UpstreamAuth), None] {
        let answered = got(&*provider, call(&inbound, false)).await;
        assert_eq!(answered.err().map(|error| error.kind()), expected);
    }
    let asked = sts.requests();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        asked[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y\
         &RoleSessionName=llm-gateway&ExternalId=e%261"
    );
    assert!(
        authorization(&asked[0]).contains("Credential=AKID/") && authorization(&asked[0]).contains("/sts/")
    );
    assert!(authorization(&server.requests()[0]).contains("Credential=ASIA/"));
    assert_eq!(server.requests()[0].header("x-amz-security-token"), Some("t"));
}

#[tokio::test]
async fn roles_are_assumed_one_with_the_keys_of_another() {
    let sts = ScriptedVendor::start([temporary()]).await;
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let chain =
        r#"[{"role_arn":"arn:first","external_id":"e"},{"role_arn":"arn:second","role_session_name":"s"}]"#;
    let parameters = keys(&[
        ("aws_role_chain", chain),
        ("aws_role_name", "arn:own"),
        ("aws_session_name", "me"),
        ("aws_sts_endpoint", &sts.url()),
    ]);
    conversed(&spec(&server, parameters), false).await.expect("an answer");
    let asked = sts.requests();
    let role = |call: &Received| {
        let body = String::from_utf8_lossy(&call.body).into_owned();
        body.split_once("RoleArn=").map(|(_, role)| role.to_owned())
    };
    let roles: Vec<String> = asked.iter().filter_map(role).collect();
    assert_eq!(
        roles,
        [
            "arn%3Afirst&RoleSessionName=llm-gateway&ExternalId=e",
            "arn%3Asecond&RoleSessionName=s",
            "arn%3Aown&RoleSessionName=me"
        ]
    );
    assert!(authorization(&asked[0]).contains("Credential=AKID/"));
    assert!(asked[1..].iter().all(|call| authorization(call).contains("Credential=ASIA/")));
    assert_eq!(server.requests()[0].header("x-amz-security-token"), Some("t"));
}

#[tokio::test]
async fn a_web_identity_is_read_from_its_file_and_never_told() {
    let refused = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no</Message></Error></ErrorResponse>";
    let sts = ScriptedVendor::start([temporary(), Answer::whole(400, "text/xml", refused)]).await;
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let parameters = Parameters::from([
        ("aws_web_identity_token", "/var/run/token"),
        ("aws_role_name", "arn:role"),
        ("aws_region_name", "us-east-1"),
        ("aws_sts_endpoint", &sts.url()),
    ]);
    let files = Files::new(|path| Ok(format!("token of {path}\n")));
    let spec = DeploymentSpec { files, ..spec(&server, parameters) };
    conversed(&spec, false).await.expect("an answer");
    let asked = &sts.requests()[0];
    assert!(asked.body.ends_with(b"&WebIdentityToken=token%20of%20%2Fvar%2Frun%2Ftoken"), "{asked:?}");
    assert_eq!(authorization(asked), "");
    let error = conversed(&spec, false).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
    assert_eq!(error.message(), "no AWS credentials from STS: InvalidIdentityToken: no");
}

#[tokio::test]
async fn the_surroundings_give_keys() {
    let given =
        r#"{"AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
    let token = Answer::whole(200, "text/plain", "session");
    let roles = Answer::whole(200, "text/plain", "role\n");
    let machine = ScriptedVendor::start([token, roles, Answer::json(200, given)]).await;
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let parameters = Parameters::from([
        ("aws_region_name", "us-east-1"),
        ("aws_ec2_metadata_service_endpoint", &machine.url()),
    ]);
    conversed(&spec(&server, parameters), false).await.expect("an answer");
    let asked = machine.requests();
    assert_eq!(asked[2].target, "/latest/meta-data/iam/security-credentials/role");
    assert_eq!(asked[2].header("x-aws-ec2-metadata-token"), Some("session"));
    let container = ScriptedVendor::start([Answer::json(200, given)]).await;
    let parameters = Parameters::from([
        ("aws_region_name", "us-east-1"),
        ("aws_container_credentials_full_uri", &format!("{}/creds", container.url())),
        ("aws_container_authorization_token", "pod"),
    ]);
    conversed(&spec(&server, parameters), false).await.expect("an answer");
    assert_eq!(authorization(&container.requests()[0]), "pod");
    assert!(server.requests().iter().all(|request| authorization(request).contains("Credential=ASIA/")));
}

#[tokio::test]
async fn a_login_is_shown_to_the_portal_while_it_lasts() {
    let given = r#"{"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"s","sessionToken":"t","expiration":32472144000000}}"#;
    let portal = ScriptedVendor::start([Answer::json(200, given)]).await;
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let parameters = |login: &str| {
        Parameters::from([
            ("aws_region_name", "us-east-1"),
            ("aws_sso_login", login),
            ("aws_sso_region", "eu-west-1"),
            ("aws_sso_account_id", "123456789012"),
            ("aws_sso_role_name", "a role"),
            ("aws_sso_directory", "/of-x/.aws/sso/cache"),
            ("aws_sso_endpoint", &portal.url()),
        ])
    };
    // The sum of `abc`; all other files are of logins that ended.
    let files = Files::new(|path| match path {
        "/of-x/.aws/sso/cache/a9993e364706816aba3e25717850c26c9cd0d89d.json" => {
            Ok(r#"{"accessToken":"login","expiresAt":"2999-01-01T00:00:00Z"}"#.to_owned())
        }
        _ => Ok(r#"{"accessToken":"login","expiresAt":"2020-01-01T00:00:00UTC"}"#.to_owned()),
    });
    let open = DeploymentSpec { files: files.clone(), ..spec(&server, parameters("abc")) };
    conversed(&open, false).await.expect("an answer");
    let asked = &portal.requests()[0];
    assert_eq!(asked.target, "/federation/credentials?role_name=a%20role&account_id=123456789012");
    assert_eq!(asked.header("x-amz-sso_bearer_token"), Some("login"));
    assert!(authorization(&server.requests()[0]).contains("Credential=ASIA/"));
    let ended = DeploymentSpec { files, ..spec(&server, parameters("other")) };
    let error = conversed(&ended, false).await.expect_err("ended");
    assert!(error.message().contains("the login has ended") && error.message().contains("`aws sso login`"));
    let half = Parameters::from([("aws_region_name", "x"), ("aws_sso_login", "abc")]);
    let error = llm_providers::Providers::default().build(&spec(&server, half)).err().expect("refused");
    assert!(error.message().contains("`sso_region`"), "{error}");
}

#[tokio::test]
async fn a_login_is_renewed_while_it_lasts_and_written_back() {
    let kept = |access: &str, end: &str, next: &str| {
        json!({"startUrl": "https://x", "accessToken": access, "expiresAt": end, "clientId": "tool",
            "clientSecret": "s", "registrationExpiresAt": "2999-01-01T00:00:00Z", "refreshToken": next})
    };
    let cache = Arc::new(Mutex::new(kept("old", "2020-01-01T00:00:00Z", "r1").to_string()));
    let (read, write) = (Arc::clone(&cache), Arc::clone(&cache));
    let files = Files::new(move |_| Ok(read.lock().clone())).replacing(move |_, text| {
        text.clone_into(&mut write.lock());
        Ok(())
    });
    let new = r#"{"accessToken":"new","expiresIn":3600,"refreshToken":"r2","tokenType":"Bearer"}"#;
    let refused = Answer::json(400, r#"{"error":"invalid_grant"}"#);
    let oidc = ScriptedVendor::start([Answer::json(200, new), refused]).await;
    let keys = r#"{"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"s","sessionToken":"t","expiration":32503680000000}}"#;
    let portal = ScriptedVendor::start([Answer::json(200, keys)]).await;
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let parameters = Parameters::from([
        ("aws_region_name", "us-east-1"),
        ("aws_sso_login", "abc"),
        ("aws_sso_region", "eu-west-1"),
        ("aws_sso_account_id", "123456789012"),
        ("aws_sso_role_name", "r"),
        ("aws_sso_directory", "/cache"),
        ("aws_sso_endpoint", &portal.url()),
        ("aws_sso_oidc_endpoint", &oidc.url()),
    ]);
    let spec = DeploymentSpec { files, ..spec(&server, parameters) };
    conversed(&spec, false).await.expect("an answer");
    let asked = &oidc.requests()[0];
    let request =
        json!({"clientId": "tool", "clientSecret": "s", "grantType": "refresh_token", "refreshToken": "r1"});
    assert_eq!((asked.target.as_str(), asked.json()), ("/token", request));
    assert_eq!(portal.requests()[0].header("x-amz-sso_bearer_token"), Some("new"));
    let written: Value = serde_json::from_str(&cache.lock()).expect("JSON");
    let end = written["expiresAt"].as_str().expect("a time").to_owned();
    assert_eq!(written, kept("new", &end, "r2"));
    assert!(end.starts_with("20") && end.ends_with('Z') && end.len() == 20, "{end}");
    // Nobody asks again while it lasts; when it has ended for good, that is said.
    conversed(&spec, false).await.expect("an answer");
    assert_eq!(oidc.requests().len(), 1);
    *cache.lock() = kept("new", "2020-01-01T00:00:00Z", "r2").to_string();
    let error = conversed(&spec, false).await.expect_err("ended");
    assert!(error.message().contains("renewing it was answered with status 400"), "{error}");
}

#[tokio::test]
async fn a_program_writes_keys_and_a_role_is_assumed_with_them() {
    let sts = ScriptedVendor::start([temporary()]).await;
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let parameters = Parameters::from([
        ("aws_region_name", "us-east-1"),
        ("aws_credential_process", "/opt/tool --for 'my account'"),
        ("aws_role_name", "arn:role"),
        ("aws_sts_endpoint", &sts.url()),
    ]);
    let programs = Programs::new(|words| {
        assert_eq!(words, ["/opt/tool", "--for", "my account"]);
        let written = r#"{"Version":1,"AccessKeyId":"AKPROGRAM","SecretAccessKey":"s","SessionToken":"of the program"}"#;
        Box::pin(std::future::ready(Ok(written.as_bytes().to_vec())))
    });
    conversed(&DeploymentSpec { programs, ..spec(&server, parameters) }, false).await.expect("an answer");
    let asked = &sts.requests()[0];
    assert!(authorization(asked).contains("Credential=AKPROGRAM/"));
    assert_eq!(asked.header("x-amz-security-token"), Some("of the program"));
    assert!(authorization(&server.requests()[0]).contains("Credential=ASIA/"));
}

#[tokio::test]
async fn what_is_missing_is_said_before_anybody_asks() {
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let providers = llm_providers::Providers::default();
    for (parameters, param) in [
        (
            Parameters::from([("aws_access_key_id", "AKID"), ("aws_region_name", "x")]),
            "aws_secret_access_key",
        ),
        (
            Parameters::from([("aws_access_key_id", "AKID"), ("aws_secret_access_key", "x")]),
            "aws_region_name",
        ),
        (Parameters::from([("aws_web_identity_token", "eyJ"), ("aws_region_name", "x")]), "aws_role_name"),
    ] {
        let error = providers.build(&spec(&server, parameters)).err().expect("refused");
        assert_eq!(error.param(), Some(param), "{error}");
    }
}

fn events(names: &[(&str, Value)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, payload) in names {
        let headers =
            [(":event-type", *name), (":content-type", "application/json"), (":message-type", "event")];
        event_stream::message(&headers, payload.to_string().as_bytes(), &mut out);
    }
    out
}

fn stream() -> Vec<u8> {
    events(&[
        ("messageStart", json!({"role": "assistant"})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "Hello"}})),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 1}}),
        ),
    ])
}

fn streamed(body: &[u8]) -> Answer {
    Answer::events().header("content-type", "application/vnd.amazon.eventstream").chunks_of(body, 7)
}

#[tokio::test]
async fn streams_pass_to_their_own_clients_and_are_told_to_others() {
    let server = ScriptedVendor::start([streamed(&stream())]).await;
    let spec = spec(&server, keys(&[]));
    let native = conversed(&spec, true).await.expect("a stream");
    assert_eq!((&native.bytes[..], native.native, native.error), (&stream()[..], true, None));
    assert_eq!(native.usage.and_then(|usage| usage.total()), Some(3));
    let chat = samples::chat();
    let told = ask(&*built(&spec), &chat, true).await.expect("a stream");
    assert!(told.error.is_none() && !told.native);
    assert!(String::from_utf8_lossy(&told.bytes).contains("\"content\":\"Hello\""), "{told:?}");
    assert_eq!(server.requests()[0].target, "/model/vendor-large/converse-stream");
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_answers_whole_is_told_as_it_is() {
    let whole = stream();
    for length in [whole.len() - 1, whole.len() / 2, 20] {
        let server = ScriptedVendor::start([streamed(&whole[..length])]).await;
        let broken = conversed(&spec(&server, keys(&[])), true).await;
        let error = broken.map_or_else(Some, |got| got.error).expect("cut short");
        assert_eq!(error.kind(), ErrorKind::Truncated, "{length}: {error}");
    }
    let server = ScriptedVendor::start([Answer::json(200, WHOLE)]).await;
    let told = conversed(&spec(&server, keys(&[])), true).await.expect("told as a stream");
    assert!(told.error.is_none() && told.bytes.starts_with(&[0, 0, 0]));
    let server = ScriptedVendor::start([streamed(&whole)]).await;
    let told = conversed(&spec(&server, keys(&[])), false).await.expect("told whole");
    assert!(told.bytes.starts_with(b"{\"output\":"), "{told:?}");
}

#[tokio::test]
async fn recorded_streams_pass_byte_for_byte() {
    let recorded = recordings("bedrock-converse").into_iter();
    for recording in recorded.filter(|recording| recording.framing == "aws-eventstream") {
        let body = recording.reply.body.clone();
        let server = ScriptedVendor::start([Answer::events().chunks_of(&body, 211)]).await;
        let got = conversed(&spec(&server, keys(&[])), true).await.expect(&recording.case);
        assert_eq!((got.bytes, got.error), (body, None), "{}", recording.case);
    }
}
