//! Answers have the fields that LiteLLM's clients look for: `fields.txt` has their names, by the schemas of the OpenAPI
//! document of LiteLLM 1.109.

use llm_governance::Role;
use llm_governance::Terms;
use llm_governance::entity::MemberRole;
use llm_management::Method;
use serde_json::{Value, json};

use crate::world::{MASTER, World};

/// Names that answers leave out: the features do not exist here, and clients take absence for `null`.
const ABSENT: [&str; 24] = [
    "access_group_agent_ids",
    "access_group_mcp_server_ids",
    "access_group_models",
    "access_group_skill_names",
    "admin_mcp_permissions",
    "allowed_passthrough_routes",
    "allowed_vector_store_indexes",
    "caller_membership",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "denied_passthrough_routes",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "end_user_budget_id",
    "key_rotation_at",
    "last_breach_check_at",
    "last_rotation_at",
    "mcp_rpm_limit",
    "model_max_budget_usage",
    "password_reset_required",
    "settings_updated_at",
    "tag_rpm_limit",
    "temp_budget_expiry",
    "temp_budget_increase",
];

#[track_caller]
fn check(schema: &str, answer: &Value) {
    let line = include_str!("fields.txt").lines().find_map(|line| line.strip_prefix(&format!("{schema}: ")));
    let names = line.expect("a schema of fields.txt").split(' ').filter(|name| !ABSENT.contains(name));
    let missing: Vec<&str> = names.filter(|name| answer.get(name).is_none()).collect();
    assert!(missing.is_empty(), "{schema}: {missing:?}");
}

async fn world() -> World {
    let world = World::new().await;
    world.user("mia", Role::InternalUser).await;
    world.team("red", &[("mia", MemberRole::User)], Terms::default()).await;
    world
}

#[tokio::test]
async fn keys_have_litellms_fields() {
    let world = world().await;
    let made = world.done(MASTER, "/key/generate", json!({"team_id": "red", "budget_id": null})).await;
    check("GenerateKeyResponse", &made);
    let hash = made["token"].as_str().expect("a hash");
    let mut info = world.shown(MASTER, &format!("/key/info?key={hash}")).await;
    info["info"]["token"] = json!(hash);
    check("LiteLLM_VerificationToken", &info["info"]);
    let list = world.shown(MASTER, "/key/list?return_full_object=true").await;
    check("KeyListResponseObject", &list);
    check("LiteLLM_VerificationToken", &list["keys"][0]);
    let body = json!({"keys": [{"key": hash, "max_budget": 1}]});
    check("BulkUpdateKeyResponse", &world.done(MASTER, "/key/bulk_update", body).await);
    check("GenerateKeyResponse", &world.done(MASTER, &format!("/key/{hash}/regenerate"), json!({})).await);
}

#[tokio::test]
async fn teams_have_litellms_fields() {
    let world = world().await;
    let made = world.done(MASTER, "/team/new", json!({"team_id": "blue", "team_member_budget": 5})).await;
    check("LiteLLM_TeamTable", &made);
    let body =
        json!({"team_id": "blue", "member": {"user_id": "mia", "role": "user"}, "max_budget_in_team": 2});
    let added = world.done(MASTER, "/team/member_add", body).await;
    check("TeamAddMemberResponse", &added);
    check("LiteLLM_TeamMembership", &added["updated_team_memberships"][0]);
    check("LiteLLM_BudgetTable", &added["updated_team_memberships"][0]["litellm_budget_table"]);
    let body = json!({"team_id": "blue", "user_id": "mia", "role": "admin"});
    check("TeamMemberUpdateResponse", &world.done(MASTER, "/team/member_update", body).await);
    let list = world.shown(MASTER, "/v2/team/list").await;
    check("TeamListResponse", &list);
    check("TeamListItem", &list["teams"][0]);
    check("LiteLLM_TeamTable", &world.shown(MASTER, "/team/list").await[0]);
    let permissions = world.shown(MASTER, "/team/permissions_list?team_id=red").await;
    check("GetTeamMemberPermissionsResponse", &permissions);
    let body = json!({"team_id": "red", "members": [{"user_id": "tom", "role": "user"}]});
    check("BulkTeamMemberAddResponse", &world.done(MASTER, "/team/bulk_member_add", body).await);
    check("TeamMemberInfoResponse", &world.shown("sk-of-mia", "/team/red/members/me").await);
}

#[tokio::test]
async fn users_have_litellms_fields() {
    let world = world().await;
    let made = world.done(MASTER, "/user/new", json!({"user_id": "tom"})).await;
    check("NewUserResponse", &made);
    let list = world.shown(MASTER, "/user/list").await;
    check("UserListResponse", &list);
    check("LiteLLM_UserTableWithKeyCount", &list["users"][0]);
    check("UserInfoResponse", &world.shown(MASTER, "/user/info?user_id=tom").await);
    check("UserInfoV2Response", &world.shown(MASTER, "/v2/user/info?user_id=tom").await);
    let body = json!({"users": [{"user_id": "tom", "max_budget": 3}]});
    let told = world.done(MASTER, "/user/bulk_update", body).await;
    check("BulkUpdateUserResponse", &told);
    check("UserUpdateResult", &told["results"][0]);
}

#[tokio::test]
async fn organizations_have_litellms_fields() {
    let world = world().await;
    let body = json!({"organization_id": "acme", "organization_alias": "Acme", "max_budget": 9});
    let made = world.done(MASTER, "/organization/new", body).await;
    check("NewOrganizationResponse", &made);
    check("LiteLLM_BudgetTable", &made["litellm_budget_table"]);
    let body = json!({"organization_id": "acme", "member": [{"user_id": "mia", "role": "org_admin"}]});
    let added = world.done(MASTER, "/organization/member_add", body).await;
    check("OrganizationAddMemberResponse", &added);
    check("LiteLLM_OrganizationMembershipTable", &added["updated_organization_memberships"][0]);
    let shown = world.shown(MASTER, "/organization/info?organization_id=acme").await;
    check("LiteLLM_OrganizationTableWithMembers", &shown);
    let body = json!({"organization_ids": ["acme"]}).to_string();
    let reply = world.reply(MASTER, Method::Delete, "/organization/delete", body.as_bytes()).await;
    check("LiteLLM_OrganizationTableWithMembers", &reply.body[0]);
}
