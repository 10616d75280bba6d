//! What a model's name says beside the model: a way to it, a region; and its spelling in a path.

use std::fmt::Write as _;

/// The id that the vendor knows: without a region (`us-east-1/…`) and words for the way to an imported model
/// (`llama/arn:…`) before it.
pub(crate) fn bare(model: &str) -> &str {
    if let Some(at) = model.find("arn:aws") {
        return model.get(at..).unwrap_or(model);
    }
    match model.split_once('/') {
        Some((region, rest)) if is_region(region) && !rest.is_empty() => rest,
        _ => model,
    }
}

/// The region that a model's name demands: its first part (`us-east-1/…`), or that of an ARN.
pub fn region_of(model: &str) -> Option<&str> {
    if let Some((_, arn)) = model.split_once("arn:aws") {
        return arn.split(':').nth(2).filter(|region| is_region(region));
    }
    model.split_once('/').map(|(region, _)| region).filter(|region| is_region(region))
}

/// Whether it names a stored prompt, which brings messages of its own: a request to one may have none.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> (`messages`, November 2026).
pub(crate) fn is_prompt(model: &str) -> bool {
    bare(model).starts_with("arn:aws") && model.contains(":prompt/")
}

/// Such as `us-east-1` or `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let Some((place, number)) = text.rsplit_once('-') else { return false };
    let words: Vec<&str> = place.split('-').collect();
    let word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=3).contains(&words.len())
        && words.first().is_some_and(|first| first.len() == 2)
        && words.iter().all(word)
        && number.len() == 1
        && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// The path of an operation on a model; everything but unreserved letters is percent-encoded, as AWS's own SDKs do.
pub(crate) fn path(model: &str, operation: &str) -> String {
    let mut path = String::from("/model/");
    for byte in bare(model).bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a string takes all");
        }
    }
    path.push('/');
    path.push_str(operation);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc";

    #[test]
    fn ids_are_found_behind_regions_and_ways() {
        for (model, id, region) in [
            ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0", None),
            ("us-west-2/meta.llama3-8b-instruct-v1:0", "meta.llama3-8b-instruct-v1:0", Some("us-west-2")),
            ("us-gov-west-1/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", Some("us-gov-west-1")),
            ("us.anthropic.claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6", None),
            (PROFILE, PROFILE, Some("eu-west-1")),
            (&format!("deepseek_r1/{PROFILE}"), PROFILE, Some("eu-west-1")),
            (&format!("us-east-1/{PROFILE}"), PROFILE, Some("eu-west-1")),
            (
                "arn:aws-us-gov:bedrock:us-gov-east-1::foundation-model/x",
                "arn:aws-us-gov:bedrock:us-gov-east-1::foundation-model/x",
                Some("us-gov-east-1"),
            ),
        ] {
            assert_eq!((bare(model), region_of(model)), (id, region), "{model}");
        }
    }

    #[test]
    fn paths_are_encoded_once() {
        assert_eq!(path("us-east-1/a.b-v1:0", "converse"), "/model/a.b-v1%3A0/converse");
        let encoded = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc/invoke";
        assert_eq!(path(PROFILE, "invoke"), encoded);
    }
}
