#![doc = include_str!("../README.md")]

mod bounds;
mod caller;
mod change;
mod changes;
mod days;
mod declared;
mod dollars;
mod fields;
mod given;
mod kept;
mod known;
pub mod logging;
mod management;
mod membership;
mod paging;
mod periods;
mod refused;
mod request;
mod route;
mod routes;
mod sealing;
mod secret;
mod serving;
mod settings;
mod show;
mod spend;
mod sums;
mod terms;
mod whose;

pub use changes::{Changes, Unheard};
pub use declared::{Declared, Field, Gives, Kind};
pub use known::TERMS;
pub use management::{Management, ManagementParts};
pub use refused::Refused;
pub use request::{Method, Reply, Request, Rows};
pub use route::{Access, Deed, Route, looks};
pub use routes::routes;
pub use sealing::Sealing;
pub use serving::{
    ALERT_ADDRESSES, Alarms, CallsTold, OpenCallback, OpenGuardrail, OpenModel, STORED_ALERTS,
    STORED_CALLBACK, STORED_GUARDRAIL, STORED_PROMPT, STORED_ROUTER, Served, Serving, StoredAlerts,
    StoredCallback, StoredGuardrail, StoredPrompt, StoredVersion, callback_kind, callback_kinds,
    shown_alert_setting,
};
pub use settings::{KeyGeneration, NewKeys, NewTeams, NewUsers, Settings, UpperBounds};
