//! Credentials of AWS.

use llm_config::build;

use super::{folder, loaded};

/// Nobody signs with one's key and another's token.
#[test]
fn aws_credentials_come_from_one_place() {
    let text = "model_list:\n  \
        - {model_name: own, litellm_params: {model: bedrock/us-west-2/amazon.nova-lite-v1:0, \
           aws_access_key_id: AKIDOWN, aws_secret_access_key: own}}\n  \
        - {model_name: process, litellm_params: {model: bedrock/amazon.nova-lite-v1:0}}\n  \
        - {model_name: profile, litellm_params: {model: bedrock/amazon.nova-lite-v1:0, aws_profile_name: work}}\n";
    let profiles = "[work]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = profile\n";
    let files = [("config.yaml", text), ("credentials", profiles)];
    let shared = folder("aws", &files).join("credentials");
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIDPROCESS"),
        ("AWS_SECRET_ACCESS_KEY", "process"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_BEARER_TOKEN_BEDROCK", "bearer"),
        ("AWS_SHARED_CREDENTIALS_FILE", shared.to_str().expect("UTF-8")),
    ];
    let loaded = loaded("aws", &files, &environment).unwrap_or_else(|report| panic!("{report}"));
    assert!(build(&loaded).is_ok());
    let told: Vec<_> = loaded
        .config
        .deployments
        .iter()
        .map(|one| {
            let get = |name: &str| one.parameters.get(name).unwrap_or("-");
            let key = one.api_key.as_ref().map_or("-", |key| key.expose().as_str());
            [get("aws_access_key_id"), get("aws_session_token"), get("aws_region_name"), key].join(" ")
        })
        .collect();
    assert_eq!(
        told,
        ["AKIDOWN - us-west-2 -", "AKIDPROCESS token eu-west-1 bearer", "AKIDPROFILE - eu-west-1 -"]
    );
}
