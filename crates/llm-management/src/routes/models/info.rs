//! What is served, of files and of the store, for those who may ask for it.

use llm_governance::authorise::AccessGroups;
use serde_json::{Value, json};

use super::show::plain_address;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::serving::Served;

/// The deployments that the caller may use, or the one that `litellm_model_id` names.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let query = call.query();
    let wanted = query.text("litellm_model_id");
    let mut served = for_caller(call)?;
    served.retain(|one| wanted.is_none_or(|wanted| one.id == wanted));
    if let (Some(wanted), true) = (wanted, served.is_empty()) {
        return Err(Refused::bad(format!("Model id = {wanted} not found on litellm proxy")).detail());
    }
    let data: Vec<Value> = served.into_iter().map(shown).collect();
    Ok(Reply::ok(json!({"data": data})))
}

/// The deployments that the caller may use.
///
/// # Errors
/// When nobody says what is served.
pub(super) fn for_caller(call: &Call<'_>) -> Result<Vec<Served>, Refused> {
    let missing = "this gateway does not tell the management API what it serves: ask `/v1/models`";
    let serving = call.management.serving();
    let serving = serving.ok_or_else(|| Refused::error(501, "not_supported_error", missing))?;
    let mut served = serving.served();
    served.retain(|one| may_see(call, one));
    Ok(served)
}

/// Which groups one deployment is in.
struct Groups<'a>(&'a [String]);

impl AccessGroups for Groups<'_> {
    fn groups(&self, _: &str) -> &[String] {
        self.0
    }
}

fn may_see(call: &Call<'_>, one: &Served) -> bool {
    let groups = Groups(&one.access_groups);
    match &one.team {
        _ if call.sees_all() => true,
        Some(team) => {
            call.caller.team_id() == Some(team) && call.caller.may_use_of_its_team(&one.name, &groups).is_ok()
        }
        None => call.caller.may_use(&one.name, &groups).is_ok(),
    }
}

fn shown(one: Served) -> Value {
    let mut params = json!({"model": one.model, "custom_llm_provider": one.vendor});
    if let Some(base) = one.api_base {
        params["api_base"] = plain_address(&base);
    }
    let mut info = one.info;
    info.insert("id".to_owned(), json!(one.id));
    info.insert("db_model".to_owned(), json!(one.stored));
    if let Some(team) = one.team {
        info.insert("team_id".to_owned(), json!(team));
        info.insert("team_public_model_name".to_owned(), json!(one.name));
    }
    if !one.access_groups.is_empty() {
        info.insert("access_groups".to_owned(), json!(one.access_groups));
    }
    json!({"model_name": one.name, "litellm_params": params, "model_info": info})
}
