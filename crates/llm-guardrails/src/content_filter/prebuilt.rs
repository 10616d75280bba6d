//! Patterns by LiteLLM's names (its page on the content filter and its list, October 2026): found by the rules of this
//! crate where it has them, which check more than a pattern can.

use std::borrow::Cow;

/// What finds a prebuilt pattern.
pub(super) enum Source {
    /// An entity of `pii`, when the passage looks so.
    Personal(&'static str, fn(&str) -> bool),
    /// Rules of `secrets`.
    Secret(&'static [&'static str], fn(&str) -> bool),
    Regex(Cow<'static, str>),
}

/// The names that there are.
pub(super) const NAMES: [&str; 43] = [
    "us_ssn",
    "us_ssn_no_dash",
    "email",
    "phone",
    "us_phone",
    "fr_phone",
    "visa",
    "mastercard",
    "amex",
    "discover",
    "credit_card",
    "aws_access_key",
    "aws_secret_key",
    "github_token",
    "slack_token",
    "generic_api_key",
    "ipv4",
    "ipv6",
    "url",
    "passport_us",
    "passport_uk",
    "passport_germany",
    "passport_france",
    "passport_netherlands",
    "passport_canada",
    "passport_india",
    "passport_australia",
    "passport_china",
    "passport_japan",
    "eu_passport_generic",
    "nl_bsn_contextual",
    "br_cpf",
    "br_cpf_unformatted",
    "br_cnpj",
    "br_cep",
    "br_phone_mobile",
    "br_phone_landline",
    "au_tfn",
    "iban",
    "eu_iban_enhanced",
    "fr_nir",
    "eu_vat",
    "street_address",
];

/// What finds the pattern of a name.
pub(super) fn source(name: &str) -> Option<Source> {
    let any: fn(&str) -> bool = |_| true;
    let regex = |pattern: &'static str| Source::Regex(Cow::Borrowed(pattern));
    Some(match name {
        "us_ssn" => Source::Personal("US_SSN", |text| text.contains('-')),
        "us_ssn_no_dash" => Source::Personal("US_SSN", |text| !text.contains('-')),
        "email" => Source::Personal("EMAIL_ADDRESS", any),
        "phone" | "us_phone" | "fr_phone" | "br_phone_mobile" | "br_phone_landline" => {
            Source::Personal("PHONE_NUMBER", any)
        }
        "visa" => Source::Personal("CREDIT_CARD", |text| text.starts_with('4')),
        "mastercard" => Source::Personal("CREDIT_CARD", |text| text.starts_with(['5', '2'])),
        "amex" => Source::Personal("CREDIT_CARD", |text| text.starts_with("34") || text.starts_with("37")),
        "discover" => Source::Personal("CREDIT_CARD", |text| {
            text.starts_with("6011") || text.starts_with("65") || text.starts_with("64")
        }),
        "credit_card" => Source::Personal("CREDIT_CARD", any),
        "iban" | "eu_iban_enhanced" => Source::Personal("IBAN_CODE", any),
        "ipv4" => Source::Personal("IP_ADDRESS", |text| !text.contains(':')),
        "ipv6" => Source::Personal("IP_ADDRESS", |text| text.contains(':')),
        "nl_bsn_contextual" => Source::Personal("NL_BSN", any),
        "br_cpf" => Source::Personal("BR_CPF", |text| text.contains('.')),
        "br_cpf_unformatted" => Source::Personal("BR_CPF", |text| !text.contains('.')),
        "br_cnpj" => Source::Personal("BR_CNPJ", any),
        "au_tfn" => Source::Personal("AU_TFN", any),
        "fr_nir" => Source::Personal("FR_NIR", any),
        "eu_passport_generic" => Source::Personal("PASSPORT", any),
        name if name.starts_with("passport_") && NAMES.contains(&name) => Source::Personal("PASSPORT", any),
        "aws_access_key" => Source::Secret(&["aws_access_key"], any),
        "aws_secret_key" => Source::Secret(&["aws_secret_key"], any),
        "github_token" => Source::Secret(&["github_token", "github_fine_grained_token"], any),
        "slack_token" => Source::Secret(&["slack_token", "slack_app_token"], any),
        "generic_api_key" => Source::Secret(&["secret_assignment", "high_entropy_string", "sk_api_key"], any),
        "url" => regex(r"(?i)\b(?:https?://|www\.)[^\s<>\x22'`]{3,}"),
        "br_cep" => regex(r"\b\d{5}-\d{3}\b"),
        "eu_vat" => regex(
            r"\b(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)[0-9][0-9A-Z]{7,11}\b",
        ),
        "street_address" => regex(
            r"(?i)\b\d{1,5}\s+(?:[a-z][a-z.'-]*\s+){1,4}(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|dr|lane|ln|court|ct|place|pl|square|sq)\b",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_source() {
        for name in NAMES {
            assert!(source(name).is_some(), "{name}");
        }
        assert!(source("passport_moon").is_none());
    }
}
