//! What a deployment is made from, in each of the forms that it may be written in, and vendors of one's own.

use super::network::NETWORK;
use super::settings::{ALLOWED, PHASES, SAMPLING};
use super::{Key, LONG_PROMPT_PRICES, Section, Shape, key};

const MODEL_KEY: &[Key] = &[key(
    "model",
    Shape::Text,
    "The model in the vendor's words, with the vendor as prefix: `vendor/model`.",
)];

const CONNECTION: &[Key] = &[
    key("api_key", Shape::Secret, "The vendor's key. Default: the vendor's own variable."),
    key("api_keys", Shape::Secrets, "Several keys: one deployment for each."),
    key("api_key_env", Shape::Text, "The variable that holds the key."),
    key("api_base", Shape::Text, "Where the vendor's API is. Default: as the vendors table says."),
    key("base_url", Shape::Text, "As `api_base`."),
    key("api_version", Shape::Text, "The version of the vendor's API, for vendors that want one."),
    key("organization", Shape::Text, "The organization that pays, for vendors that want it."),
    key("custom_llm_provider", Shape::Text, "The vendor, whatever the model's name says."),
    key("litellm_credential_name", Shape::Text, "Takes key, address and the like from `credential_list`."),
    key("extra_headers", Shape::TextMap, "Headers for every request to the vendor."),
];

/// What some vendors need to be told; the vendors table says which.
pub(crate) const VENDOR_PARAMETERS: &[Key] = &[
    key("account_id", Shape::Text, "The account, for vendors whose address holds it."),
    key("aws_access_key_id", Shape::Secret, "AWS: the access key's id."),
    key("aws_secret_access_key", Shape::Secret, "AWS: the access key."),
    key("aws_session_token", Shape::Secret, "AWS: the token of a temporary access key."),
    key("aws_region_name", Shape::Text, "AWS: the region."),
    key("aws_profile_name", Shape::Text, "AWS: the profile of `~/.aws` to use."),
    key("aws_role_name", Shape::Text, "AWS: the role (ARN) to assume."),
    key("aws_session_name", Shape::Text, "AWS: the session's name of an assumed role."),
    key("aws_external_id", Shape::Secret, "AWS: the external id of an assumed role."),
    key("aws_web_identity_token", Shape::Secret, "AWS: a web identity token, or the file that holds it."),
    key("aws_sts_endpoint", Shape::Text, "AWS: where roles are assumed."),
    key("aws_bedrock_runtime_endpoint", Shape::Text, "AWS: another address of Bedrock's runtime."),
    key("sagemaker_base_url", Shape::Text, "AWS: another address of SageMaker's runtime."),
    key("azure_ad_token", Shape::Secret, "Azure: an Entra token in place of a key."),
    key(
        "azure_authority_host",
        Shape::Text,
        "Azure: where Entra tokens are asked for, in clouds of their own.",
    ),
    key(
        "azure_credential",
        Shape::Choice(&["ClientSecretCredential", "ManagedIdentityCredential", "WorkloadIdentityCredential"]),
        "Azure: which Entra credential is used. Default: the client's secret, where one is given, else a workload's \
         token.",
    ),
    key(
        "azure_federated_token_file",
        Shape::Text,
        "Azure: the file of a workload's token, in the place of a secret.",
    ),
    key("azure_scope", Shape::Text, "Azure: the scope of Entra tokens."),
    key("tenant_id", Shape::Text, "Azure: the Entra tenant."),
    key("client_id", Shape::Text, "Azure: the Entra application."),
    key("client_secret", Shape::Secret, "Azure: its secret."),
    key("vertex_project", Shape::Text, "Google Cloud: the project."),
    key("vertex_location", Shape::Text, "Google Cloud: the location."),
    key(
        "vertex_credentials",
        Shape::Secret,
        "Google Cloud: the JSON of a service account, a login or an external account, or the file that holds it.",
    ),
];

const TRAFFIC: &[Key] = &[
    key("weight", Shape::Whole, "Share of the group's traffic."),
    key(
        "rpm",
        Shape::Whole,
        "Requests a minute at most; also the share of the traffic where no `weight` is given.",
    ),
    key(
        "tpm",
        Shape::Whole,
        "Tokens a minute at most; also the share where neither `weight` nor `rpm` is given.",
    ),
    key(
        "max_parallel_requests",
        Shape::Whole,
        "Attempts at a time at most, streams included until they end.",
    ),
    key("tags", Shape::Texts, "Words that requests may ask for, where `enable_tag_filtering` is on."),
    key("region_name", Shape::Text, "Where it stands, for requests with `allowed_model_region`."),
    key(
        "adaptive_concurrency",
        Shape::Bool,
        "Fewer attempts at a time when the vendor refuses or becomes slow, more while it answers well.",
    ),
    key("max_budget", Shape::Dollars, "What it may spend at most in each `budget_duration`."),
    key("budget_duration", Shape::Period, "The window of `max_budget`. Default: one without an end."),
    key("order", Shape::Whole, "Priority level: lower ones are used first. Default 0."),
    key("num_retries", Shape::Whole, "Attempts after the first, instead of the router's."),
    key("max_retries", Shape::Whole, "As `num_retries`, which wins."),
    key(
        "cooldown_time",
        Shape::Seconds,
        "How long it is left alone after failures, whatever its vendor says; 0: never.",
    ),
];

/// How to answer, think and call tools: `llm_providers::CHAT_DEFAULTS`.
const ANSWERS: &[Key] = &[
    key("reasoning_effort", Shape::Text, "How much to think, when the client does not say."),
    key(
        "thinking",
        Shape::Json,
        "How much to think, when the client does not say: `{type: enabled, budget_tokens: 2048}`.",
    ),
    key("verbosity", Shape::Text, "How wordy answers are, when the client does not say."),
    key("response_format", Shape::Json, "The form of the answer, when the client does not say."),
    key("tools", Shape::Json, "Tools, when the client brings none."),
    key("tool_choice", Shape::Json, "Which tool must be called, when the client does not say."),
    key("parallel_tool_calls", Shape::Bool, "Several calls at once, when the client does not say."),
    key("n", Shape::Whole, "How many answers, when the client does not say."),
    key("logprobs", Shape::Bool, "Probabilities of tokens, when the client does not say."),
    key("top_logprobs", Shape::Whole, "Alternatives for each token, when the client does not say."),
    key("logit_bias", Shape::Json, "Bias by token, when the client does not say."),
    key("service_tier", Shape::Text, "The vendor's class of service, when the client does not say."),
    key("user", Shape::Text, "The end user as the vendor is told, when the client does not say."),
];

const BODY: &[Key] = &[
    key("max_completion_tokens", Shape::Whole, "As `max_tokens`."),
    key("drop_params", Shape::Bool, "Drop and report what the vendor cannot do, instead of refusing it."),
    key(
        "on_loss",
        Shape::Choice(&["default", "drop", "reject"]),
        "What to do with what the vendor cannot do.",
    ),
    key("additional_drop_params", Shape::Texts, "Members taken out of every request."),
    key(
        "cache_control_injection_points",
        Shape::Json,
        "Where each prompt is marked for the vendor's cache: `{location: message, role, index}` or `{location: tool_config}`.",
    ),
    key("extra_body", Shape::Json, "Members set in every request, whatever the client says."),
];

/// Answers without the vendor, for tests.
const MOCK: &[Key] = &[
    key(
        "mock_response",
        Shape::Text,
        "Answers this and never asks the vendor; `litellm.RateLimitError` and the like are errors.",
    ),
    key("mock_delay", Shape::Seconds, "How long such an answer takes."),
    key("mock_timeout", Shape::Bool, "Never answers, so that a deadline passes."),
];

const PRICES: &[Key] = &[
    key("input_cost_per_token", Shape::Dollars, "Dollars for a prompt token."),
    key("output_cost_per_token", Shape::Dollars, "Dollars for an answer token."),
    key(
        "cache_read_input_token_cost",
        Shape::Dollars,
        "Dollars for a prompt token read from the vendor's cache.",
    ),
    key("cache_creation_input_token_cost", Shape::Dollars, "Dollars for a prompt token written to it."),
    key("cache_creation_input_token_cost_above_1hr", Shape::Dollars, "The same, kept for an hour."),
    key("output_cost_per_reasoning_token", Shape::Dollars, "Dollars for a thinking token."),
    key("input_cost_per_audio_token", Shape::Dollars, "Dollars for an audio token of the prompt."),
    key("output_cost_per_audio_token", Shape::Dollars, "Dollars for an audio token of the answer."),
    key("input_cost_per_image_token", Shape::Dollars, "Dollars for an image token of the prompt."),
    key("output_cost_per_image_token", Shape::Dollars, "Dollars for an image token of the answer."),
    key("output_cost_per_image", Shape::Dollars, "Dollars for a picture that is made."),
    key("input_cost_per_second", Shape::Dollars, "Dollars for a second of sound."),
    key("input_cost_per_character", Shape::Dollars, "Dollars for a letter that is read aloud."),
    key("input_cost_per_query", Shape::Dollars, "Dollars for a search of a reranking."),
    key(
        LONG_PROMPT_PRICES,
        Shape::Dollars,
        "One of these prices where the prompt is longer, such as `input_cost_per_token_above_200k_tokens`.",
    ),
];

const PARAMS_LATER: &[&str] = &[
    "*_cost_*",
    "allowed_openai_params",
    "auto_router_*",
    "aws_*",
    "azure_*",
    "configurable_clientside_auth_params",
    "default_api_key_rpm_limit",
    "default_api_key_tpm_limit",
    "dimensions",
    "encoding_format",
    "guardrails",
    "input_type",
    "itpm",
    "merge_reasoning_content_in_choices",
    "metadata",
    "mock_*",
    "modify_params",
    "otpm",
    "prompt_id",
    "rpd",
    "tag_regex",
    "tiered_pricing",
    "timeout_by_service_tier",
    "tpd",
    "use_litellm_proxy",
    "vertex_*",
    "watsonx_*",
];

const PARAMS_MOOT: &[(&str, &str)] = &[
    ("rust", "all of it is"),
    ("use_in_pass_through", "paths that pass to a vendor use its first deployment"),
];

pub(crate) static PARAMS: Section = Section {
    name: "litellm_params",
    about: "How a deployment calls its vendor.",
    keys: &[
        MODEL_KEY,
        CONNECTION,
        NETWORK,
        VENDOR_PARAMETERS,
        TRAFFIC,
        PHASES,
        SAMPLING,
        ANSWERS,
        BODY,
        MOCK,
        PRICES,
    ],
    later: &[PARAMS_LATER],
    moot: PARAMS_MOOT,
    notes: false,
};

/// What a model can do, where requests may need it.
const ABILITIES: &[Key] = &[
    key("supports_vision", Shape::Bool, "Takes images."),
    key("supports_audio_input", Shape::Bool, "Takes sound."),
    key("supports_pdf_input", Shape::Bool, "Takes PDF files."),
    key("supports_function_calling", Shape::Bool, "Calls tools."),
    key("supports_response_schema", Shape::Bool, "Keeps to a JSON schema."),
    key(
        "supports_assistant_prefill",
        Shape::Bool,
        "Goes on with what an assistant's message begins, as `mid_stream: continue` needs it.",
    ),
];

pub(crate) static INFO: Section = Section {
    name: "model_info",
    about: "What is known about a deployment. Other keys are notes of your own.",
    keys: &[
        &[
            key(
                "id",
                Shape::Text,
                "The deployment's id. Default: made from its vendor, model, address and key.",
            ),
            key("mode", Shape::Text, "What the model is for: `chat`, `embedding` …"),
            key(
                "base_model",
                Shape::Text,
                "The name in the price table, where the vendor's name says nothing.",
            ),
            key(
                "team_id",
                Shape::Text,
                "The team that alone may use the deployment, whatever others have under that name.",
            ),
            key(
                "team_public_model_name",
                Shape::Text,
                "The name under which that team uses it. Default: `model_name`.",
            ),
            key(
                "access_groups",
                Shape::Texts,
                "Groups that keys, teams and users may name in their `models` in the place of the model.",
            ),
            key("max_tokens", Shape::Whole, "As `max_output_tokens`."),
            key("max_input_tokens", Shape::Whole, "The most prompt tokens."),
            key("max_output_tokens", Shape::Whole, "The most answer tokens."),
            key(
                "health_check_model",
                Shape::Text,
                "The model that health checks ask for; a wildcard is checked only with one.",
            ),
            key("health_check_timeout", Shape::Seconds, "How long a health check may take. Default 60."),
            key(
                "disable_background_health_check",
                Shape::Bool,
                "Never ask this deployment in the background.",
            ),
            key(
                "system_prompt",
                Shape::Json,
                "What every chat of this model is told: a text, or `{content, position}` with `before`, `after` or \
                 `instead` of the client's own instructions.",
            ),
        ],
        ABILITIES,
        ALLOWED,
        PRICES,
    ],
    later: &[&[
        "*_cost_*",
        "access_windows",
        "blocked",
        "health_check_*",
        "litellm_provider",
        "supported_environments",
        "supports_*",
        "team_*",
        "tier",
        "version",
    ]],
    moot: &[
        ("created_at", "a note of LiteLLM's database"),
        ("created_by", "a note of LiteLLM's database"),
        ("db_model", "a note of LiteLLM's database"),
        ("description", "a note"),
        ("updated_at", "a note of LiteLLM's database"),
        ("updated_by", "a note of LiteLLM's database"),
    ],
    notes: true,
};

pub(crate) static MODEL_LIST: Section = Section {
    name: "model_list",
    about: "One deployment. Deployments with the same `model_name` share its traffic.",
    keys: &[
        &[
            key("model_name", Shape::Text, "The public name, or a pattern with one `*`."),
            key("litellm_params", Shape::Section(&PARAMS), "How the vendor is called."),
            key("model_info", Shape::Section(&INFO), "What is known about the deployment."),
        ],
        // The sloppy form: what belongs into `litellm_params` stands beside `model_name`.
        MODEL_KEY,
        CONNECTION,
        NETWORK,
        VENDOR_PARAMETERS,
        TRAFFIC,
        PHASES,
        SAMPLING,
        ANSWERS,
        BODY,
        MOCK,
        PRICES,
    ],
    later: &[PARAMS_LATER],
    moot: PARAMS_MOOT,
    notes: false,
};

const FLAT: &[Key] = &[
    key("provider", Shape::Text, "The vendor."),
    key("model", Shape::Text, "The model in the vendor's words. Default: `model_name`."),
    key("enabled", Shape::Bool, "Whether it is served. Default true."),
    key("id", Shape::Text, "The deployment's id. Default: made from its vendor, model, address and key."),
    key("cost_per_1k_tokens", Shape::Dollars, "Dollars for 1000 tokens, prompt or answer."),
    key("input_cost_per_1k_tokens", Shape::Dollars, "Dollars for 1000 prompt tokens."),
    key("output_cost_per_1k_tokens", Shape::Dollars, "Dollars for 1000 answer tokens."),
];

pub(crate) static PROVIDER: Section = Section {
    name: "providers",
    about: "One deployment, or one for each of several keys.",
    keys: &[
        &[key("model_name", Shape::Text, "The public name, and the vendor's where `model` is not given.")],
        FLAT,
        CONNECTION,
        NETWORK,
        VENDOR_PARAMETERS,
        TRAFFIC,
        PHASES,
        SAMPLING,
        ANSWERS,
        BODY,
        MOCK,
        PRICES,
    ],
    later: &[PARAMS_LATER],
    moot: PARAMS_MOOT,
    notes: false,
};

pub(crate) static MODEL: Section = Section {
    name: "models",
    about: "One deployment under the public name that is its key.",
    keys: &[
        &[key("model_name", Shape::Text, "The model in the vendor's words. Default: the public name.")],
        FLAT,
        CONNECTION,
        NETWORK,
        VENDOR_PARAMETERS,
        TRAFFIC,
        PHASES,
        SAMPLING,
        ANSWERS,
        BODY,
        MOCK,
        PRICES,
    ],
    later: &[PARAMS_LATER],
    moot: PARAMS_MOOT,
    notes: false,
};

pub(crate) static CREDENTIAL: Section = Section {
    name: "credential_list",
    about: "A credential with a name.",
    keys: &[&[
        key("credential_name", Shape::Text, "The name that deployments refer to."),
        key("credential_values", Shape::Section(&CREDENTIAL_VALUES), "What a deployment takes from it."),
        key("credential_info", Shape::Json, "Notes of your own."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

static CREDENTIAL_VALUES: Section = Section {
    name: "credential_values",
    about: "What a deployment takes from a credential where it does not say itself.",
    keys: &[CONNECTION, NETWORK, VENDOR_PARAMETERS],
    later: &[PARAMS_LATER],
    moot: PARAMS_MOOT,
    notes: false,
};

pub(crate) static VENDOR: Section = Section {
    name: "vendors",
    about: "A row of the vendors table.",
    keys: &[&[
        key("name", Shape::Text, "The name, and the prefix of its models."),
        key("aliases", Shape::Texts, "Other prefixes."),
        key("status", Shape::Choice(&["ready", "planned"]), "Whether it can be called. Default `ready`."),
        key("dialect", Shape::Text, "The wire format that it speaks."),
        key("base_url", Shape::Text, "Where its API begins, version included."),
        key(
            "parameters",
            Shape::Json,
            "What it needs to be told beside a key, each with the variables that may hold it.",
        ),
        key("base_parameter", Shape::Text, "The parameter that holds another address."),
        key("defaults", Shape::TextMap, "What parameters are when nobody says."),
        key("derived", Shape::Json, "Parameters that follow from others."),
        key("files", Shape::Texts, "Parameters that may be the name of a file that holds them."),
        key("key_base_url", Shape::Text, "Where its API begins for those who show a plain key."),
        key("by_model", Shape::TextMap, "Rows for other models, by the beginning of the model's name."),
        key("query", Shape::TextMap, "The query of every request; `{name}` stands for a parameter."),
        key("key_env", Shape::Texts, "Variables that may hold the key."),
        key("base_env", Shape::Texts, "Variables that may hold another address."),
        key(
            "auth",
            Shape::Choice(&[
                "bearer",
                "x-api-key",
                "api-key",
                "x-goog-api-key",
                "aws-sigv4",
                "azure",
                "google",
                "both",
                "none",
            ]),
            "How the key is shown.",
        ),
        key("key_optional", Shape::Bool, "Whether it works without a key."),
        key("organization_header", Shape::Text, "The header that names who pays."),
        key("hosts", Shape::Texts, "Hosts of its API, a leading dot for all below."),
        key(
            "paths",
            Shape::TextMap,
            "Paths that users write for another of its APIs, and the path that is meant.",
        ),
        key(
            "variants",
            Shape::TextMap,
            "Ends of an address that mean another API of the same servers, and the vendor that speaks it.",
        ),
        key("docs", Shape::Text, "The page that this row follows."),
        key("checked", Shape::Text, "When that page was read last."),
        key("price_prefix", Shape::Text, "Its prefix in the price table."),
        key("quirks", Shape::Json, "Named wire behaviours."),
        key("own_quirks", Shape::Json, "More of them, of the vendor's own `hosts` alone."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};
