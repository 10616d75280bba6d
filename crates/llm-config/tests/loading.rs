//! Configurations of every shape, whole and broken: what would be served, and what is said about it.

#[path = "loading/alerts.rs"]
mod alerts;
#[path = "loading/anything.rs"]
mod anything;
#[path = "loading/aws.rs"]
mod aws;
#[path = "loading/cache.rs"]
mod cache;
#[path = "loading/dotenv.rs"]
mod dotenv;
#[path = "loading/extending.rs"]
mod extending;
#[path = "loading/guardrails.rs"]
mod guardrails;
#[path = "loading/limits.rs"]
mod limits;
#[path = "loading/prices.rs"]
mod prices;
#[path = "loading/redis.rs"]
mod redis;
#[path = "loading/relays.rs"]
mod relays;
#[path = "loading/reload.rs"]
mod reload;
#[path = "loading/routing.rs"]
mod routing;
#[path = "loading/tokens.rs"]
mod tokens;
#[path = "loading/without_vendors.rs"]
mod without_vendors;

use std::fs;
use std::path::{Path, PathBuf};

use llm_config::{Flags, Loaded, Options, Report, build, describe, load};

/// A folder with these files, of its own for each test.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("loading").join(test);
    let _ = fs::remove_dir_all(&folder);
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
    }
    fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Loads the file `config.yaml` of a folder made of `files`.
fn loaded(test: &str, files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Loaded, Report> {
    let config =
        files.iter().find(|(name, _)| name.starts_with("config.")).map(|(name, _)| PathBuf::from(name));
    let directory = folder(test, files);
    load(&Options { config, directory, variables: variables(environment), ..Options::default() })
}

/// What would be served, or what is wrong.
fn told(test: &str, files: &[(&str, &str)], environment: &[(&str, &str)]) -> String {
    match loaded(test, files, environment) {
        Ok(loaded) => {
            let built = build(&loaded).map(|parts| parts.router.groups().count());
            assert!(built.as_ref().is_ok_and(|groups| *groups > 0) || loaded.config.deployments.is_empty());
            describe(&loaded)
        }
        Err(report) => report.to_string(),
    }
}

fn yaml(test: &str, text: &str) -> String {
    told(test, &[("config.yaml", text)], &[("OPENAI_API_KEY", "sk-1"), ("ANTHROPIC_API_KEY", "sk-2")])
}

/// A file of the project's `config` folder.
fn example(name: &str, environment: &[(&str, &str)]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let options = Options {
        config: Some(PathBuf::from(name)),
        directory: root,
        variables: variables(environment),
        ..Options::default()
    };
    match load(&options) {
        Ok(loaded) => {
            build(&loaded).map(|_| ()).unwrap_or_else(|report| panic!("{report}"));
            describe(&loaded)
        }
        Err(report) => panic!("{report}"),
    }
}

const KEYS: [(&str, &str); 7] = [
    ("ANTHROPIC_API_KEY", "sk-ant-0001"),
    ("DEEPSEEK_API_KEY", "sk-deep-0001"),
    ("LITELLM_MASTER_KEY", "0123456789abcdef0123"),
    ("OPENAI_API_BASE", "https://api.openai.com/v1"),
    ("OPENAI_API_KEY", "sk-0001"),
    ("OPENAI_API_KEY2", "sk-0002"),
    ("QWEN_API_KEY", "12345"),
];

#[test]
fn the_minimal_file_serves_the_mock() {
    insta::assert_snapshot!(example("minimal.yaml", &[]));
}

#[test]
fn the_full_file_loads_and_has_every_key() {
    insta::assert_snapshot!(example("full.yaml", &[]));
}

#[test]
fn the_litellm_example_loads() {
    insta::assert_snapshot!(example("examples/litellm.yaml", &KEYS));
}

#[test]
fn the_short_litellm_example_loads() {
    insta::assert_snapshot!(example("examples/litellm-short.yaml", &KEYS));
}

#[test]
fn the_providers_example_loads() {
    insta::assert_snapshot!(example("examples/providers.yaml", &KEYS));
}

#[test]
fn the_models_example_loads() {
    insta::assert_snapshot!(example("examples/models.json", &KEYS));
}

#[test]
fn the_defaults_example_finds_vendors_in_the_environment() {
    insta::assert_snapshot!(example("examples/default.yaml", &[("DEEPSEEK_API_KEY", "sk-1")]));
}

#[test]
fn the_example_of_an_own_vendor_loads() {
    insta::assert_snapshot!(example("examples/own-vendor.yaml", &[("ACME_API_KEY", "1")]));
}

#[test]
fn nothing_at_all_serves_the_mock() {
    insta::assert_snapshot!(told("nothing", &[], &[]));
}

#[test]
fn keys_alone_serve_wildcards_and_bare_names() {
    let environment = [("OPENAI_API_KEY", "sk-1"), ("ANTHROPIC_API_KEY", "sk-2"), ("GEMINI_API_KEY", "3")];
    insta::assert_snapshot!(told("keys", &[], &environment));
    let loaded = loaded("keys", &[], &environment).expect("it loads");
    for name in ["gpt-4o", "claude-3-5-haiku-latest", "openai/anything", "anthropic/claude-x"] {
        let parts = build(&loaded).expect("it builds");
        assert!(parts.router.resolve(name).is_ok(), "{name}");
    }
}

#[test]
fn a_dotenv_file_alone_serves_what_it_names() {
    let dotenv = "OPENAI_API_KEYS=\"key1,key2,key3\"  # several\n\
                  OPENAI_API_BASES=\"https://one.example/v1,https://two.example/v1\"\nOPENAI_MODEL=\"my-model\"\n\
                  QWEN_API_KEYS=\"1,2\"\nQWEN_API_BASES=https://dashscope.aliyuncs.com,https://dashscope-intl.aliyuncs.com\n\
                  QWEN_MODEL=qwen-turbo\nDEEPSEEK_API_KEY=4\n\
                  DEEPSEEK_API_URL=https://api.deepseek.com/v1/chat/completions\nSILICONFLOW_API_KEY=5\n\
                  SILICONFLOW_API_URL=https://api.siliconflow.com/v1/chat/completions\nALIYUN_API_KEY=6\n\
                  ALIYUN_API_URL=https://dashscope.aliyuncs.com/compatible-mode/v1\nVLLM_BASE_URL=http://localhost:8000\n\
                  NEW_PROVIDER_API_KEY=7\nNEW_PROVIDER_API_URL=https://api.newprovider.example/v1\n\
                  NEW_PROVIDER_MODEL=new-model\nOTHER_API_KEY=8\nUNRELATED_BASE_URL=http://x\n";
    insta::assert_snapshot!(told("dotenv", &[(".env", dotenv)], &[]));
}

#[test]
fn azure_named_openai_is_azure() {
    let dotenv = "OPENAI_API_KEYS=a,b\nOPENAI_API_BASES=https://one.openai.azure.com,https://two.openai.azure.com\n\
                  OPENAI_MODEL=gpt-4o\nOPENAI_API_VERSION=2024-02-15-preview\nDEEPSEEK_API_KEY=1\n";
    insta::assert_snapshot!(told("azure", &[(".env", dotenv)], &[]));
}

#[test]
fn azure_is_found_in_the_environment_by_a_key_or_by_a_client() {
    let keyed = "AZURE_API_KEY=1\nAZURE_API_BASE=https://acme.openai.azure.com/\nAZURE_API_VERSION=2024-10-21\n\
                 AZURE_MODELS=gpt-4o\n";
    insta::assert_snapshot!("azure_key", told("azure_key", &[(".env", keyed)], &[]));
    let client = "AZURE_API_BASE=https://acme.openai.azure.com/openai/v1\nAZURE_TENANT_ID=t\nAZURE_CLIENT_ID=c\n\
                  AZURE_CLIENT_SECRET=s\n";
    insta::assert_snapshot!("azure_client", told("azure_client", &[(".env", client)], &[]));
}

#[test]
fn a_key_without_the_address_that_it_needs_is_a_warning() {
    let keys = "AZURE_API_KEY=1\nCLOUDFLARE_API_KEY=2\nDATABRICKS_TOKEN=3\nDEEPSEEK_API_KEY=4\n";
    insta::assert_snapshot!(told("no_address", &[(".env", keys)], &[]));
    let named = "model_list: [{model_name: x, litellm_params: {model: cloudflare/m, api_key: k}}]";
    insta::assert_snapshot!("no_address_named", told("no_address_named", &[("config.yaml", named)], &[]));
}

#[test]
fn azure_deployments_of_every_shape_load() {
    let file = "model_list:\n\
        - {model_name: a, litellm_params: {model: azure/my-gpt, api_base: \"https://acme.openai.azure.com\", api_key: k, api_version: 2024-10-21}, model_info: {base_model: azure/gpt-4o}}\n\
        - {model_name: b, litellm_params: {model: azure/responses/my-gpt, api_base: \"https://acme.openai.azure.com\", api_key: k}}\n\
        - {model_name: c, litellm_params: {model: azure_ai/grok-4, api_base: \"https://acme.services.ai.azure.com/models\", api_key: k}}\n\
        - {model_name: d, litellm_params: {model: azure/o_series/my-o4, api_base: \"https://acme.openai.azure.com\", tenant_id: t, client_id: c, client_secret: s}}\n\
        - {model_name: e, litellm_params: {model: azure/none, api_base: \"https://acme.openai.azure.com\"}}\n\
        - {model_name: f, litellm_params: {model: azure_text/davinci, api_base: \"https://acme.openai.azure.com\", api_key: k}}\n";
    insta::assert_snapshot!(yaml("azure_shapes", file));
}

#[test]
fn the_environment_wins_over_dotenv_and_both_over_the_file() {
    let file = "environment_variables: {A: file, B: file, C: file}\nserver: {port: 1}\n\
                model_list: [{model_name: x, litellm_params: {model: openai/gpt-4o, api_key: \"${A}-${B}-${C}\"}}]";
    let files = [("config.yaml", file), (".env", "A=dotenv\nB=dotenv\nLLM_PORT=2\n")];
    let loaded = loaded("layers", &files, &[("A", "process")]).expect("it loads");
    let key = loaded
        .config
        .deployments
        .first()
        .and_then(|one| one.api_key.as_ref())
        .map(|key| key.expose().clone());
    assert_eq!(key.as_deref(), Some("process-dotenv-file"));
    assert_eq!(loaded.config.server.port, 2);
}

#[test]
fn flags_win_over_all() {
    let directory = folder("flags", &[("config.yaml", "server: {port: 1, host: a}")]);
    let flags = Flags { port: Some(9), host: Some("::".to_owned()), debug: true, ..Flags::default() };
    let config = Some(PathBuf::from("config.yaml"));
    let options = Options { config, directory, flags, ..Options::default() };
    let server = load(&options).expect("it loads").config.server;
    assert_eq!((server.port, server.host.as_deref(), server.verbose), (9, Some("::"), true));
}

#[test]
fn unknown_keys_name_their_place_and_the_nearest_key() {
    insta::assert_snapshot!(yaml(
        "unknown-keys",
        "model_lst: []\nmodel_list:\n  - model_name: a\n    litelm_params:\n      model: openai/gpt-4o\n  \
         - model_name: b\n    litellm_params:\n      model: openai/gpt-4o\n      api_kye: sk-secret\n      zzz: 1\n    \
         model_info: {base_modl: gpt-4o, my_note: yes}\nrouter_settings:\n  num_retires: 3\n"
    ));
}

#[test]
fn wrong_types_name_their_place_and_never_the_value() {
    insta::assert_snapshot!(yaml(
        "wrong-types",
        "model_list:\n  - model_name: [a]\n    litellm_params:\n      model: openai/gpt-4o\n      api_key: {a: sk-secret}\n      \
         rpm: ten\n      timeout: soon\n      input_cost_per_token: cheap\n      drop_params: maybe\n      \
         on_loss: panic\n      extra_headers: [x]\n  - just text\nrouter_settings: [1]\nserver:\n  port: 4000.5\n\
         litellm_settings:\n  fallbacks: gpt-4o\nmodels: [a]\n"
    ));
}

#[test]
fn missing_variables_are_named_all_at_once() {
    insta::assert_snapshot!(yaml(
        "missing-variables",
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/gpt-4o\n      \
         api_key: os.environ/NOT_SET\n      api_base: \"${NOR_THIS}\"\n      organization: \"${BROKEN\"\n\
         general_settings:\n  master_key: os.environ/NO_MASTER_KEY\n  database_url: os.environ/NOT_NEEDED\n"
    ));
}

#[test]
fn references_to_nothing_are_errors() {
    insta::assert_snapshot!(yaml(
        "references",
        "model_list:\n  - {model_name: smart, litellm_params: {model: openai/gpt-4o}}\n  \
         - {model_name: mock/*, litellm_params: {model: mock/*}}\nrouter_settings:\n  routing_strategy: round_robbin\n  \
         fallbacks:\n    - smart: [smrt, mock/echo]\n    - unknown: [smart]\n    - nobody\n  \
         model_group_alias:\n    one: smart\n    two: smartt\n    three: {hidden: true}\n    smart: mock/echo\n\
         default_model: on\n"
    ));
}

#[test]
fn duplicate_ids_are_errors_and_made_ids_make_room() {
    insta::assert_snapshot!(yaml(
        "duplicate-ids",
        "model_list:\n  - {model_name: a, litellm_params: {model: openai/gpt-4o}, model_info: {id: one}}\n  \
         - {model_name: b, litellm_params: {model: openai/gpt-4o}, model_info: {id: one}}\n"
    ));
    let text = "model_list:\n  - {model_name: a, litellm_params: {model: mock/echo, api_keys: [x, y]}}\n  \
                - {model_name: b, litellm_params: {model: mock/echo}, model_info: {id: mock/echo}}\n";
    let loaded = loaded("made-ids", &[("config.yaml", text)], &[]).expect("it loads");
    let ids: Vec<&str> = loaded.config.deployments.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["mock/echo-2", "mock/echo-3", "mock/echo"]);
}

#[test]
fn includes_merge_and_the_including_file_wins() {
    let files = [
        ("config.yaml", "include: [more/a.yaml, more/b.yaml]\nrouter_settings: {num_retries: 1}\n"),
        (
            "more/a.yaml",
            "include: b.yaml\nmodel_list: [{model_name: a, litellm_params: {model: mock/echo}}]\n",
        ),
        ("more/b.yaml", "router_settings: {num_retries: 9, timeout: 5}\n"),
    ];
    insta::assert_snapshot!(told("includes", &files, &[]));
}

#[test]
fn include_loops_and_missing_files_are_errors_at_the_include() {
    let files = [
        ("config.yaml", "include:\n  - a.yaml\n  - nowhere.yaml\n"),
        ("a.yaml", "include: [./config.yaml]\nmodel_lst: []\n"),
    ];
    insta::assert_snapshot!(told("include-loop", &files, &[]));
}

#[test]
fn a_missing_configuration_is_an_error() {
    let directory = folder("missing", &[]);
    let config = Some(PathBuf::from("nowhere.yaml"));
    let options = Options { config, directory, ..Options::default() };
    let report = load(&options).map(|_| ()).expect_err("it is missing");
    insta::assert_snapshot!(report);
}

#[test]
fn broken_files_are_errors_with_a_remedy() {
    let mut all = String::new();
    for (name, text) in [
        (
            "indented below a value",
            "model_list:\n    - model_name: azure-gpt-3.5\n        model: azure/azure-gpt-3.5 ### name ###\n",
        ),
        (
            "a name without its colon",
            "litellm_settings:\n  guardrails:\n    - hide:\n        on: true\n    - your-custom-guardrail\n        callbacks: [x]\n",
        ),
        ("tabs", "model_list:\n\t- model_name: a\n"),
        ("a star without quotes", "model_list:\n  - model_name: *\n"),
        ("the same key twice", "server: {}\nserver: {}\n"),
        ("two documents", "server: {}\n---\nserver: {}\n"),
        ("a list", "- a\n- b\n"),
        ("a text", "hello"),
        ("binary", "\u{7f}ELF\0\u{1}"),
        ("html", "<!doctype html><html><body class=\"a: b\">"),
        ("an open bracket", "model_list: [\n"),
        ("an open quote", "general_settings:\n  master_key: \"sk-secret\nserver: {}\n"),
    ] {
        let report = told("broken", &[("config.yaml", text)], &[]);
        assert!(!report.contains("sk-secret"), "{report}");
        all.push_str(&format!("--- {name}\n{report}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_comes_later_is_a_warning_and_the_rest_is_served() {
    insta::assert_snapshot!(yaml(
        "later",
        "model_list:\n  - {model_name: gemini, litellm_params: {model: gemini/gemini-2.0-flash, api_key: x}}\n  \
         - {model_name: claude, litellm_params: {model: acme/claude, api_base: https://a.example}}\n  \
         - {model_name: gpt, litellm_params: {model: gpt-4o, tags: [a], cooldown_time: 5}}\n\
         router_settings:\n  routing_strategy: least-busy\n  fallbacks: [{gpt: [gemini, claude]}]\n  allowed_fails: 3\n\
         litellm_settings:\n  success_callback: [helicone]\n  modify_params: true\n  telemetry: false\n\
         general_settings:\n  max_budget: 100\n  database_url: postgres://x\npolicies: []\n\
         vendors: [{name: acme, status: planned}]\n"
    ));
}

#[test]
fn vendors_that_nobody_knows_are_errors() {
    insta::assert_snapshot!(yaml(
        "no-vendor",
        "model_list:\n  - {model_name: a, litellm_params: {model: my-model}}\n  \
         - {model_name: b, litellm_params: {model: antropic/claude}}\n  \
         - {model_name: c, litellm_params: {model: hosted_vllm/x}}\n  \
         - {model_name: d, litellm_params: {model: openai/*}}\n  - {model_name: e}\n  \
         - {litellm_params: {model: openai/gpt-4o}}\n  \
         - {model_name: f, litellm_params: {model: mock/echo, litellm_credential_name: nobodys}}\n\
         providers:\n  - {provider: opneai, model_name: x}\n\
         vendors:\n  - {name: a, dialect: openai.chat, base_url: https://a.example}\n  \
         - {name: b, aliases: a, base_url: https://b.example}\n  - {dialect: x}\n"
    ));
}

#[test]
fn what_cannot_be_built_is_an_error_at_its_place() {
    let text = "model_list:\n  - {model_name: a, litellm_params: {model: openai/gpt-4o, api_base: \"ftp://x\", api_key: k}}\n  \
                - {model_name: b, litellm_params: {model: openai/gpt-4o, api_key: k, extra_headers: {\"a b\": c}}}\n  \
                - {model_name: c, litellm_params: {model: acme/x}}\nvendors: [{name: acme, dialect: nonsense, base_url: https://x.example, key_optional: true}]\n";
    let loaded = loaded("unbuildable", &[("config.yaml", text)], &[]).expect("it loads");
    insta::assert_snapshot!(build(&loaded).map(|_| ()).expect_err("nothing of it can be meant"));
}

#[test]
fn wildcards_and_aliases_find_their_model() {
    let text = "model_list:\n  - {model_name: \"*\", litellm_params: {model: \"*\"}}\n  \
                - {model_name: claude-*, litellm_params: {model: anthropic/claude-*}}\n  \
                - {model_name: openai/*, litellm_params: {model: \"*\"}}\n\
                router_settings: {model_group_alias: {best: claude-opus}}\n";
    let environment = [("OPENAI_API_KEY", "sk-1"), ("ANTHROPIC_API_KEY", "sk-2")];
    let loaded = loaded("wildcards", &[("config.yaml", text)], &environment).expect("it loads");
    let router = build(&loaded).expect("it builds").router;
    for (asked, full) in [
        ("claude-haiku", "anthropic claude-haiku"),
        ("best", "anthropic claude-opus"),
        ("anthropic/claude-x", "anthropic claude-x"),
        ("openai/gpt-4o", "openai gpt-4o"),
        ("gpt-4o", "openai gpt-4o"),
    ] {
        let (group, name) = router.resolve(asked).expect(asked);
        let one = group.deployments().first().expect("a group is never empty");
        assert_eq!(format!("{} {}", one.vendor, one.model_for(name)), full, "{asked}");
    }
}

#[test]
fn shares_come_from_the_strongest_measure_of_the_group() {
    let text = "model_list:\n  - {model_name: a, litellm_params: {model: mock/echo, rpm: 600, weight: 1}}\n  \
                - {model_name: a, litellm_params: {model: mock/echo, rpm: 300}}\n  \
                - {model_name: b, litellm_params: {model: mock/echo, rpm: 6}}\n  \
                - {model_name: b, litellm_params: {model: mock/echo, tpm: 7}}\n";
    let loaded = loaded("shares", &[("config.yaml", text)], &[]).expect("it loads");
    let weights: Vec<u32> = loaded.config.deployments.iter().map(|one| one.weight).collect();
    assert_eq!(weights, [1, 0, 6, 0]);
}

#[test]
fn weak_things_are_warnings() {
    insta::assert_snapshot!(yaml(
        "weak",
        "general_settings: {master_key: sk-1234}\nmodel_list:\n  \
         - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: your-api-key}}\n  \
         - {model_name: b, litellm_params: {model: openai/x, api_key: k, api_base: \"http://api.acme.example\"}}\n  \
         - {model_name: c, litellm_params: {model: groq/llama}}\n"
    ));
}

#[test]
fn no_report_holds_a_secret() {
    let text = "general_settings: {master_key: SECRET-master}\nmodel_list:\n  \
                - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: SECRET-literal, rpm: SECRET-rpm}}\n  \
                - {model_name: b, litellm_params: {model: openai/gpt-4o, api_key: \"${KEY}\", extra_headers: {authorization: SECRET-header}}}\n";
    let environment = [("KEY", "SECRET-environment")];
    let broken = told("secrets", &[("config.yaml", text)], &environment);
    let fine = told("secrets", &[("config.yaml", &text.replace("rpm: SECRET-rpm", "rpm: 1"))], &environment);
    assert!(broken.contains("rpm") && fine.contains("gpt-4o"));
    assert!(!broken.contains("SECRET") && !fine.contains("SECRET"), "{broken}{fine}");
}

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/schema.json");
    let committed = fs::read_to_string(path).expect("config/schema.json is there");
    assert!(
        committed == llm_config::schema(),
        "run `cargo xtask codegen schema` and commit config/schema.json"
    );
}

#[test]
fn the_example_of_variables_has_only_comments_and_known_names() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.env.example"))
        .expect("it is there");
    let filled: String = text
        .lines()
        .map(|line| match line.strip_prefix('#').filter(|rest| rest.starts_with(char::is_uppercase)) {
            Some(rest) if rest.contains("LLM_CONFIG") || !rest.contains('=') => String::new(),
            Some(rest) if rest.ends_with('=') => format!("{rest}0123456789abcdef\n"),
            Some(rest) => format!("{rest}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    insta::assert_snapshot!(told("env-example", &[(".env", &filled)], &[]));
}

#[test]
fn the_reference_in_the_docs_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = fs::read_to_string(path).expect("docs/configuration.md is there");
    let is_current = page.trim_end().ends_with(llm_config::reference().trim_end());
    assert!(is_current, "put what `cargo run -p llm-config --example generate -- keys` prints at its end");
}
