//! Single parts of a deployment, read from the maps of its draft.

use llm_core::Secret;
use llm_core::money::{NanoDollars, PicoDollars};
use llm_core::order;
use llm_core::request::Sampling;
use llm_gateway::Instruction;
use llm_metrics::prices::is_long_prompt_price;
use llm_providers::{Auth, MockSettings, Registry, Status, Vendor};
use llm_router::Limits;

use super::{Draft, Maker};
use crate::config::HealthConfig;
use crate::node::Node;
use crate::settings::{BudgetConfig, Phases, allowed_fails};

/// Fields of the price table that a configuration may set for a deployment.
const PRICES: &[&str] = &[
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr",
    "output_cost_per_reasoning_token",
    "input_cost_per_audio_token",
    "output_cost_per_audio_token",
    "input_cost_per_image_token",
    "output_cost_per_image_token",
    "output_cost_per_image",
    "input_cost_per_second",
    "input_cost_per_character",
    "input_cost_per_query",
];

/// Facts of the price table that `model_info` may set.
const FACTS: &[&str] = &["max_input_tokens", "max_output_tokens", "max_tokens", "mode"];

/// Abilities of the price table that `model_info` may set.
const ABILITIES: &[&str] = &[
    "supports_vision",
    "supports_audio_input",
    "supports_pdf_input",
    "supports_function_calling",
    "supports_response_schema",
    "supports_assistant_prefill",
];

/// Whether a field of the price table is no price.
pub(crate) fn is_fact(field: &str) -> bool {
    FACTS.contains(&field) || ABILITIES.contains(&field)
}

const CREDENTIAL_HEADERS: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// A number that has far fewer digits than it may have.
pub(super) fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A vendor named `openai` at the host of a vendor with paths of its own (or of one that cannot be called yet) is that
/// vendor: people name the company whose models they use. With a `/v1` at the end the address speaks OpenAI's dialect
/// itself.
pub(super) fn vendor_of_address<'a>(
    vendors: &'a Registry,
    vendor: &'a Vendor,
    api_base: Option<&str>,
) -> &'a Vendor {
    let Some(base) = api_base.filter(|base| !base.trim_end_matches('/').ends_with("/v1")) else {
        return vendor;
    };
    let differs = |host: &&Vendor| host.status == Status::Planned || host.auth == Auth::Azure;
    let host = vendors.by_address(base).filter(differs);
    host.filter(|_| vendor.name == "openai").unwrap_or(vendor)
}

/// Parameters that are credentials in the place of a key.
const CREDENTIALS: [&str; 4] =
    ["azure_ad_token", "azure_credential", "azure_federated_token_file", "client_secret"];

/// Whether parameters (by their names) bring the credential of a vendor that can do without a key.
pub(super) fn bring_credential(vendor: &Vendor, is_set: impl Fn(&str) -> bool) -> bool {
    // Without credentials of its own, a machine in the cloud is asked for its account's.
    match vendor.auth {
        Auth::Google => true,
        Auth::Azure => CREDENTIALS.into_iter().any(is_set),
        Auth::AwsSigv4 => super::aws::CHOICES.into_iter().any(is_set),
        _ => false,
    }
}

impl Maker<'_> {
    /// What every chat of the deployment's group is told.
    pub(super) fn instruction(&mut self, draft: &Draft<'_>) -> Option<Instruction> {
        let said = draft.info?.get("system_prompt").filter(|said| !said.is_null())?;
        let read = said.json().read().map_err(|_| "it is no text".to_owned());
        let instruction = read.and_then(|json: serde_json::Value| Instruction::of(&json));
        if let Err(why) = &instruction {
            let problem = self.report.error(&said.at, format!("`system_prompt` cannot be used: {why}"));
            problem.help("write a text, or `{content: …, position: before}`");
        }
        instruction.ok()
    }
}

impl Draft<'_> {
    pub(super) fn headers(&self) -> Vec<(String, Secret)> {
        let entries = self.get("extra_headers").map(Node::entries).unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| Some((entry.key.clone(), Secret::new(entry.value.text()?.to_owned()))))
            .collect()
    }

    /// Whether the credential is in a header of the draft's own.
    pub(super) fn shows_credential_itself(&self) -> bool {
        self.headers()
            .iter()
            .any(|(name, _)| CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str()))
    }

    pub(super) fn limits(&self) -> Limits {
        let time = |key: &str| self.layers.iter().find_map(|layer| layer.get_seconds(key));
        let phases = Phases {
            timeout: time("timeout"),
            stream: time("stream_timeout"),
            connect: time("connect_timeout"),
            first_content: time("first_content_timeout"),
            idle: time("idle_timeout"),
            total: time("total_timeout"),
        };
        phases.limits(Limits::default())
    }

    pub(super) fn budget(&self) -> Option<BudgetConfig> {
        let limit = self.text("max_budget").and_then(NanoDollars::parse)?;
        let window = self.layers.iter().find_map(|layer| layer.get_period("budget_duration"));
        Some(BudgetConfig { limit, window, place: self.at.clone() })
    }

    pub(super) fn health(&self, vendor: &Vendor) -> HealthConfig {
        let info = |key: &str| self.info.and_then(|info| info.get_whole(key));
        // The same name as elsewhere in the file: with the vendor before it.
        let model = self.info_text("health_check_model").map(|name| {
            let bare = name.strip_prefix(vendor.name.as_str()).and_then(|rest| rest.strip_prefix('/'));
            bare.unwrap_or(name).to_owned()
        });
        HealthConfig {
            cooldown_time: self.layers.iter().find_map(|layer| layer.get_seconds("cooldown_time")),
            allowed_fails: info("allowed_fails").map(short),
            allowed_fails_policy: allowed_fails(self.info),
            unchecked: self.info.and_then(|info| info.get_flag("disable_background_health_check"))
                == Some(true),
            check_model: model,
            check_timeout: self.info.and_then(|info| info.get_seconds("health_check_timeout")),
        }
    }

    /// What answers in the vendor's place.
    pub(super) fn mock(&self) -> MockSettings {
        MockSettings {
            response: self.text("mock_response").map(str::to_owned),
            delay: self.layers.iter().find_map(|layer| layer.get_seconds("mock_delay")),
            timeout: self.layers.iter().find_map(|layer| layer.get_flag("mock_timeout")).unwrap_or(false),
        }
    }

    pub(super) fn sampling(&self) -> Sampling {
        let number = |key: &str| self.layers.iter().find_map(|layer| layer.get_number(key));
        Sampling {
            temperature: number("temperature"),
            top_p: number("top_p"),
            top_k: self.whole("top_k"),
            frequency_penalty: number("frequency_penalty"),
            presence_penalty: number("presence_penalty"),
            seed: self.whole("seed").and_then(|seed| i64::try_from(seed).ok()),
            stop: self.texts("stop"),
            ..Sampling::default()
        }
    }

    /// Own prices and facts as `(field, decimal text)`.
    pub(super) fn prices(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let text = |field: &str| self.text(field).or_else(|| self.info_text(field));
        for (key, field) in [
            ("cost_per_1k_tokens", "input_cost_per_token"),
            ("cost_per_1k_tokens", "output_cost_per_token"),
            ("input_cost_per_1k_tokens", "input_cost_per_token"),
            ("output_cost_per_1k_tokens", "output_cost_per_token"),
        ] {
            fields.extend(self.text(key).and_then(per_token).map(|price| (field.to_owned(), price)));
        }
        let maps = self.layers.iter().copied().chain(self.info);
        let keys = maps.flat_map(Node::entries).map(|entry| entry.key.as_str());
        let long = order::set_of(keys.filter(|key| is_long_prompt_price(key)));
        let own = PRICES.iter().copied().chain(long);
        fields.extend(own.filter_map(|field| Some((field.to_owned(), text(field)?.to_owned()))));
        let fact = |field: &&str| Some(((*field).to_owned(), self.info_text(field)?.to_owned()));
        fields.extend(FACTS.iter().filter_map(fact));
        let ability = |field: &&str| Some(((*field).to_owned(), self.info?.get_flag(field)?.to_string()));
        fields.extend(ABILITIES.iter().filter_map(ability));
        fields
    }
}

/// The price of one token as decimal text, from that of a thousand; exact to a pico-dollar.
fn per_token(per_thousand: &str) -> Option<String> {
    let PicoDollars(thousand) = PicoDollars::parse(per_thousand)?;
    Some(format!("{}e-12", thousand.saturating_add(500) / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_for_a_thousand_is_exact() {
        let price = |text: &str| per_token(text).and_then(|text| PicoDollars::parse(&text));
        assert_eq!(price("0.03"), Some(PicoDollars(30_000_000)));
        assert_eq!(price("0.0005"), Some(PicoDollars(500_000)));
        assert_eq!(price("cheap"), None);
    }
}
