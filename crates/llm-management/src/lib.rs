//! The management API, in LiteLLM's shapes: keys, teams, users, organisations, customers, budgets, tags and models made,
//! shown, changed and deleted; the audit log; what calls used and cost.
//!
//! It knows no HTTP server and no database. [`Management::answer`] is given who asks and what, and answers with a
//! status and JSON; entities are kept in a [`llm_governance::Store`]. [`routes()`] is the one table of what there is
//! and who may ask for it: a server mounts all of it.
//!
//! How a request goes: the table finds the route and asks whether the caller's role may use it (`route`); the
//! handler (`routes/`) reads the body by name (`fields`), asks whether the caller may touch this entity
//! (`caller`) and give what it gives (`bounds`), and changes the store together with an audit entry (`change`).

mod bounds;
mod caller;
mod change;
mod changes;
mod days;
mod declared;
mod dollars;
mod fields;
mod given;
mod known;
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
pub use serving::{OpenModel, STORED_PROMPT, Served, Serving, StoredPrompt, StoredVersion};
pub use settings::{KeyGeneration, NewKeys, NewTeams, NewUsers, Settings, UpperBounds};
