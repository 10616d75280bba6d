//! The top level of a configuration file.

use super::deployment::{CREDENTIAL, MODEL, MODEL_LIST, PROVIDER, VENDOR};
use super::extending::{CALLBACK, HOOK, PROMPT};
use super::governance::{DATABASE, GOVERNANCE, LEDGER};
use super::litellm::{GENERAL, LITELLM};
use super::settings::{DEFAULTS, MEDIA, RECORDINGS, ROUTER, SERVER};
use super::{Key, Section, Shape, key};

pub(crate) static ROOT: Section = Section {
    name: "the configuration",
    about: "All parts are optional, may be mixed, and may come from several files by `include`.",
    keys: &[KEYS],
    later: &[&[
        "guardrails",
        "policies",
        "policy_attachments",
        "mcp_servers",
        "mcp_aliases",
        "search_tools",
        "vector_store_registry",
        "files_settings",
        "finetune_settings",
        "assistant_settings",
    ]],
    moot: &[],
    notes: false,
};

const KEYS: &[Key] = &[
    key("model_list", Shape::Sections(&MODEL_LIST), "Deployments, as in LiteLLM's config.yaml."),
    key("router_settings", Shape::Section(&ROUTER), "How deployments are picked, retried and replaced."),
    key("litellm_settings", Shape::Section(&LITELLM), "LiteLLM's module settings."),
    key("general_settings", Shape::Section(&GENERAL), "LiteLLM's proxy settings."),
    key(
        "environment_variables",
        Shape::TextMap,
        "Variables for this gateway; those that are set already win.",
    ),
    key(
        "credential_list",
        Shape::Sections(&CREDENTIAL),
        "Credentials that `litellm_credential_name` refers to.",
    ),
    key("include", Shape::Texts, "More files, relative to this one. Lists grow, maps merge, this file wins."),
    key("server", Shape::Section(&SERVER), "Where and how the server listens."),
    key(
        "governance",
        Shape::Section(&GOVERNANCE),
        "Budgets and limits of the whole gateway, and what becomes of calls.",
    ),
    key("database", Shape::Section(&DATABASE), "Where keys, teams and what was spent are kept."),
    key("ledger", Shape::Section(&LEDGER), "The row that each call leaves."),
    key("media", Shape::Section(&MEDIA), "Pictures and files that requests point to by address, or answers."),
    key("recordings", Shape::Section(&RECORDINGS), "Vendor traffic kept in files, and told again."),
    key(
        "providers",
        Shape::Sections(&PROVIDER),
        "Deployments as a flat list: vendor, model and key side by side.",
    ),
    key("models", Shape::Named(&MODEL), "Deployments by public name."),
    key("callback_settings", Shape::Named(&CALLBACK), "How callbacks are told of calls, by their names."),
    key("hooks", Shape::Sections(&HOOK), "Addresses and programs that are asked about calls."),
    key("prompts", Shape::Sections(&PROMPT), "Prompts that requests name."),
    key("default_model", Shape::Text, "The model of requests that name none."),
    key(
        "prices",
        Shape::Text,
        "Another price table, in this gateway's own form or LiteLLM's JSON: a file, relative to the working directory, or an `http(s)://` address.",
    ),
    key("llm", Shape::Section(&DEFAULTS), "What holds for every deployment that does not say otherwise."),
    key("vendors", Shape::Sections(&VENDOR), "Vendors of your own: rows of the vendors table."),
];
