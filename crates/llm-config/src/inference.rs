//! Which vendor a model's name means, by LiteLLM's rules.
//!
//! 1. What the configuration says outright (`custom_llm_provider`, `provider`).
//! 2. The prefix before a `/`, if it is a vendor's name or alias.
//! 3. The host of `api_base`, if it is a known vendor's.
//! 4. The price table's vendor of the bare name, else the one whose family the name begins with, unless it cannot be
//!    called yet and there is an `api_base`.
//! 5. With an `api_base`: a server that speaks OpenAI's dialect.

use llm_metrics::PriceBook;
use llm_providers::{Registry, Status, Vendor};

/// The vendor of servers that speak OpenAI's dialect, wherever they are.
pub(crate) const COMPATIBLE: &str = "openai_compatible";

/// What the names of a vendor's models begin with, where nobody else's do.
const FAMILIES: &[(&str, &str)] = &[("command-", "cohere")];

/// What is known when a vendor is looked for.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) vendors: &'a Registry,
    pub(crate) prices: &'a PriceBook,
}

/// The model as the configuration has it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a str,
    pub(crate) api_base: Option<&'a str>,
    /// The vendor that is named outright.
    pub(crate) vendor: Option<&'a str>,
}

/// A vendor, and the model in its words.
pub(crate) type Found<'a> = (&'a Vendor, &'a str);

impl<'a> Known<'a> {
    /// The vendor that a model means.
    ///
    /// # Errors
    /// A message and a remedy, when there is none.
    pub(crate) fn infer(&self, asked: Asked<'a>) -> Result<Found<'a>, (String, String)> {
        let (vendor, model) = self.vendor_of(asked)?;
        Ok((self.vendors.row_for(vendor, model), model))
    }

    fn vendor_of(&self, asked: Asked<'a>) -> Result<Found<'a>, (String, String)> {
        if let Some(name) = asked.vendor {
            return self.named(name, asked);
        }
        if let Some((vendor, model)) = self.vendors.split(asked.model) {
            return Ok((vendor, model));
        }
        let host = asked.api_base.and_then(|base| self.vendors.by_address(base));
        let by_price = || self.of_bare_name(asked.model).filter(|vendor| usable(vendor, asked));
        let compatible = || asked.api_base.and_then(|_| self.vendors.get(COMPATIBLE));
        let vendor = host.or_else(by_price).or_else(compatible);
        vendor.map(|vendor| (vendor, asked.model)).ok_or_else(|| self.not_provided(asked.model))
    }

    /// The vendor with a name or an alias, in large letters or small.
    pub(crate) fn vendor(&self, name: &str) -> Option<&'a Vendor> {
        self.vendors.get(name).or_else(|| self.vendors.get(&name.to_ascii_lowercase()))
    }

    fn named(&self, name: &str, asked: Asked<'a>) -> Result<Found<'a>, (String, String)> {
        let Some(vendor) = self.vendor(name) else {
            if let (Some(_), Some(vendor)) = (asked.api_base, self.vendors.get(COMPATIBLE)) {
                return Ok((vendor, asked.model));
            }
            let help = self
                .vendors
                .nearest(&name.to_ascii_lowercase())
                .map(|near| format!("did you mean `{near}`?"));
            let own =
                "give an `api_base` if it speaks OpenAI's dialect, or add it under `vendors`".to_owned();
            return Err((format!("unknown vendor `{name}`"), help.unwrap_or(own)));
        };
        let own_prefix =
            self.vendors.split(asked.model).filter(|(of_prefix, _)| of_prefix.name == vendor.name);
        Ok((vendor, own_prefix.map_or(asked.model, |(_, model)| model)))
    }

    fn of_bare_name(&self, model: &str) -> Option<&'a Vendor> {
        self.of_price(model).or_else(|| self.of_family(model))
    }

    /// Models newer than the price table.
    fn of_family(&self, model: &str) -> Option<&'a Vendor> {
        let (_, vendor) = FAMILIES.iter().find(|(beginning, _)| model.starts_with(beginning))?;
        self.vendors.get(vendor)
    }

    fn of_price(&self, model: &str) -> Option<&'a Vendor> {
        let provider = self.prices.provider_of(model)?;
        // The table has names such as `vertex_ai-language-models`.
        let short = || provider.split_once('-').and_then(|(short, _)| self.vendors.get(short));
        self.vendors.get(provider).or_else(short)
    }

    fn not_provided(&self, model: &str) -> (String, String) {
        let prefix = model.split_once('/').map(|(prefix, _)| prefix);
        let near = prefix.and_then(|prefix| self.vendors.nearest(prefix));
        let help = match (near, prefix) {
            (Some(near), _) => format!("did you mean the prefix `{near}/`?"),
            (None, Some(_)) => {
                "give an `api_base` if it speaks OpenAI's dialect, or add it under `vendors`".to_owned()
            }
            (None, None) => {
                format!("write it with its vendor, such as `openai/{model}`, or give an `api_base`")
            }
        };
        (format!("LLM Provider NOT provided: no vendor is known for the model `{model}`"), help)
    }
}

/// A vendor that cannot be called yet is no answer where an address says that something else is meant.
fn usable(vendor: &Vendor, asked: Asked<'_>) -> bool {
    vendor.status == Status::Ready || asked.api_base.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(model: &str, api_base: Option<&str>, vendor: Option<&str>) -> Result<String, (String, String)> {
        let (vendors, prices) = (Registry::builtin(), PriceBook::embedded());
        let known = Known { vendors: &vendors, prices: &prices };
        let found = known.infer(Asked { model, api_base, vendor })?;
        Ok(format!("{} {}", found.0.name, found.1))
    }

    #[test]
    fn each_rule_finds_its_vendor() {
        let own = Some("http://my-server:8000/v1");
        for (model, api_base, vendor, found) in [
            ("openai/gpt-4o", None, None, "openai gpt-4o"),
            ("anthropic/claude-3-5-haiku-latest", None, None, "anthropic claude-3-5-haiku-latest"),
            ("openai/responses/gpt-4o", None, None, "openai_responses gpt-4o"),
            ("hosted_vllm/Qwen/Qwen2-7B", own, None, "hosted_vllm Qwen/Qwen2-7B"),
            ("text-completion-openai/davinci-002", None, None, "text-completion-openai davinci-002"),
            ("azure/my-deployment", own, None, "azure my-deployment"),
            ("openai/*", None, None, "openai *"),
            ("gpt-4o", None, None, "openai gpt-4o"),
            ("claude-3-opus-20240229", None, None, "anthropic claude-3-opus-20240229"),
            ("deepseek-chat", None, None, "deepseek deepseek-chat"),
            ("cohere_chat/command-a-03-2025", None, None, "cohere command-a-03-2025"),
            ("command-r-plus", None, None, "cohere command-r-plus"),
            ("command-b-future", None, None, "cohere command-b-future"),
            (
                "huggingface/together/deepseek-ai/DeepSeek-R1",
                None,
                None,
                "huggingface together/deepseek-ai/DeepSeek-R1",
            ),
            ("huggingface/tgi", own, None, "huggingface tgi"),
            ("some-model", Some("https://api.deepseek.com/v1"), None, "deepseek some-model"),
            ("glm-4-flash", own, None, "openai_compatible glm-4-flash"),
            ("Qwen/QwQ-32B", own, None, "openai_compatible Qwen/QwQ-32B"),
            ("gemini-1.5-pro", own, None, "openai_compatible gemini-1.5-pro"),
            ("openai/gpt-oss-120b", None, Some("groq"), "groq openai/gpt-oss-120b"),
            ("openai/gpt-3.5-turbo", own, Some("openai"), "openai gpt-3.5-turbo"),
            ("qwen-plus", None, Some("Aliyun"), "dashscope qwen-plus"),
            ("x", own, Some("unheard-of"), "openai_compatible x"),
        ] {
            assert_eq!(infer(model, api_base, vendor).as_deref(), Ok(found), "{model}");
        }
    }

    #[test]
    fn what_has_no_vendor_is_said_with_a_remedy() {
        let (message, help) = infer("my-model", None, None).expect_err("no vendor");
        assert_eq!(message, "LLM Provider NOT provided: no vendor is known for the model `my-model`");
        assert!(help.contains("openai/my-model"), "{help}");
        assert_eq!(
            infer("antropic/claude", None, None).expect_err("misspelt").1,
            "did you mean the prefix `anthropic/`?"
        );
        assert_eq!(infer("x", None, Some("opneai")).expect_err("misspelt").1, "did you mean `openai`?");
    }
}
