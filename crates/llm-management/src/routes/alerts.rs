//! Who is told when something is wrong: how that is set, and a message to try it.

use serde_json::json;

use crate::declared::{Gives, text};
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::Get;
use crate::request::Reply;
use crate::route::Access::Admin;
use crate::route::Route;

/// Routes of alerts; `/config/update` changes them.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/alerting/settings", Admin, |call| Box::pin(settings(call)))
        .about("Shows how alerts are set, each field with its value and whether the database has it; of addresses their hosts.")
        .gives(Gives::List),
    // It sends a message: who only looks may not.
    Route::change(Get, "/health/services", Admin, |call| Box::pin(try_out(call)))
        .about("Sends a message to the addresses of alerts, to try them.")
        .asks(&[&[text("service", "`slack`, `slack_budget_alerts` or `webhook`").needed()]]),
];

async fn settings(call: &Call<'_>) -> Answered {
    call.may_store("settings are", "read them in the configuration")?;
    let serving =
        call.management.serving().ok_or_else(|| Refused::missing("nothing is served from the store"))?;
    Ok(Reply::ok(serving.alerts()))
}

async fn try_out(call: &Call<'_>) -> Answered {
    let query = call.query();
    let service = query.text("service").ok_or_else(|| Refused::query("service", "Field required"))?;
    let way = match service {
        "slack" | "slack_budget_alerts" => "slack",
        "webhook" => "webhook",
        _ => {
            let message =
                "only `slack` and `webhook` can be tried: `/get/config/callbacks` says how callbacks fare";
            return Err(Refused::query("service", message));
        }
    };
    let nobody = || Refused::bad("nobody is told of alerts by this gateway").detail();
    let alarms = call.management.alarms().ok_or_else(nobody)?;
    let sent = alarms.try_out(way).await.map_err(|why| Refused::bad(why).detail())?;
    Ok(Reply::ok(
        json!({"status": "success", "message": format!("A test alert was taken by {sent} of {sent} addresses")}),
    ))
}
