//! A configuration that is read again: what did not change stays as it is, with all that is known of it.

use std::sync::Arc;

use llm_config::Builder;
use llm_gateway::GatewayParts;
use llm_router::Deployment;

use super::loaded;

const FIRST: &str = "
model_list:
  - {model_name: a, litellm_params: {model: mock/echo, rpm: 1}, model_info: {id: one}}
  - {model_name: b, litellm_params: {model: mock/echo, rpm: 1}}
litellm_settings: {num_retries: 1}
";

/// `b` changes, `c` is new, everything stands elsewhere.
const SECOND: &str = "

litellm_settings: {num_retries: 1}
model_list:
  - {model_name: c, litellm_params: {model: mock/echo}}
  - {model_name: b, litellm_params: {model: mock/echo, rpm: 2}}
  - {model_name: a, litellm_params: {model: mock/echo, rpm: 1}, model_info: {id: one}}
";

fn built(builder: &mut Builder, name: &str, text: &str) -> GatewayParts {
    let loaded = loaded(name, &[("config.yaml", text)], &[]).expect("it loads");
    builder.build(&loaded).expect("it builds")
}

fn deployment(parts: &GatewayParts, name: &str) -> Arc<Deployment> {
    let (group, _) = parts.router.resolve(name).expect("it is served");
    Arc::clone(&group.deployments()[0])
}

#[test]
fn what_did_not_change_is_the_same_deployment() {
    let mut builder = Builder::default();
    let (first, second) = (built(&mut builder, "reload-0", FIRST), built(&mut builder, "reload-0", SECOND));
    let same = |name: &str| Arc::ptr_eq(&deployment(&first, name), &deployment(&second, name));
    assert_eq!((same("a"), same("b")), (true, false));
    assert_eq!(deployment(&second, "b").quota().spec().rpm, Some(2));
    assert_eq!(second.accounts.len(), 3);
}

#[test]
fn a_change_around_the_deployments_makes_all_of_them_anew() {
    let mut builder = Builder::default();
    let first = built(&mut builder, "reload-1", FIRST);
    let second = built(&mut builder, "reload-1", &FIRST.replace("num_retries: 1", "num_retries: 2"));
    assert!(!Arc::ptr_eq(&deployment(&first, "a"), &deployment(&second, "a")));
}

#[test]
fn a_configuration_that_cannot_be_built_changes_nothing() {
    let mut builder = Builder::default();
    let first = built(&mut builder, "reload-2", FIRST);
    let wrong = format!("{FIRST}vendors: {{other: {{dialect: openai, base_url: 'not an address'}}}}\n");
    let wrong = wrong
        .replace("model: mock/echo, rpm: 1}}\n  - {model_name: b", "model: other/x}}\n  - {model_name: b");
    if let Ok(loaded) = loaded("reload-wrong", &[("config.yaml", &wrong)], &[]) {
        assert!(builder.build(&loaded).is_err(), "an address that is none");
    }
    let again = built(&mut builder, "reload-2", FIRST);
    assert!(Arc::ptr_eq(&deployment(&first, "a"), &deployment(&again, "a")));
}
