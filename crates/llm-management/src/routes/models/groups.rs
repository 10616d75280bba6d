//! Public models, each with what its deployments have in common.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::info::for_caller;
use crate::management::{Answered, Call};
use crate::request::Reply;
use crate::serving::Served;

/// The public models that the caller may use, or the one that `model_group` names.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let query = call.query();
    let wanted = query.text("model_group");
    let mut groups: BTreeMap<String, Vec<Served>> = BTreeMap::new();
    for one in for_caller(call)?.into_iter().filter(|one| wanted.is_none_or(|wanted| one.name == wanted)) {
        groups.entry(one.name.clone()).or_default().push(one);
    }
    let data: Vec<Value> = groups.into_iter().map(|(name, of)| shown(&name, &of)).collect();
    Ok(Reply::ok(json!({"data": data})))
}

fn shown(name: &str, of: &[Served]) -> Value {
    let mut providers: Vec<&str> = of.iter().map(|one| one.vendor.as_str()).collect();
    providers.sort_unstable();
    providers.dedup();
    let mut shown = Map::new();
    for (key, value) in of.iter().flat_map(|one| &one.info).filter(|(key, _)| is_of_groups(key)) {
        let place = shown.entry(key.clone()).or_insert(Value::Null);
        if is_more(place, value) {
            place.clone_from(value);
        }
    }
    shown.insert("model_group".to_owned(), name.into());
    shown.insert("providers".to_owned(), json!(providers));
    Value::Object(shown)
}

/// Whether clients are told this of a public model; what else stands in `model_info` is the operator's.
fn is_of_groups(key: &str) -> bool {
    key == "mode" || key.starts_with("supports_") || key.starts_with("max_") || key.contains("_cost_per_")
}

/// The dearest price, the longest prompt, and whatever one of them can do: as LiteLLM has it.
fn is_more(known: &Value, new: &Value) -> bool {
    match (known.as_f64(), new.as_f64()) {
        (Some(known), Some(new)) => new > known,
        _ => known.is_null() || (*known == json!(false) && *new == json!(true)),
    }
}
