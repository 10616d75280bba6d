#![doc = include_str!("../README.md")]

mod admit;
mod answer;
mod answering;
mod asker;
mod begun;
mod bill;
mod books;
mod cache;
mod calculate;
mod call_id;
mod call_log;
mod caller;
mod calls;
mod catalogue;
mod checks;
mod counting;
mod delivered;
mod drain;
mod estimate;
mod explain;
pub mod gateway;
mod guards;
mod headers;
mod health;
pub mod hooks;
mod introduction;
mod load;
mod mid_stream;
mod models;
mod options;
mod own;
mod parts;
mod paths;
mod placing;
mod prompts;
mod realtime;
mod recent;
mod relay;
mod routed;
mod routing;
mod running;
mod settlement;
mod status;
mod stream;
mod team_models;

pub use answer::{Answer, AnswerBody, Incoming};
pub use books::AccountSpec;
pub use cache::{AnswerCache, CacheScope, CacheSettings, MemoryAnswers, SemanticSettings};
pub use call_id::new_call_id;
pub use call_log::{CallContent, CallLog, LogCounts, LoggedCall, LoggedError};
pub use calls::{CallSettings, DrainLimits, OnDisconnect, UserHeader, UserKind};
pub use explain::Explanation;
pub use gateway::Gateway;
pub use guards::{
    GuardrailHit, GuardrailInfo, GuardrailParameters, GuardrailSpec, GuardrailTally, ModelJudge, Modes,
    OnError, OnlyAsks, Unseen,
};
pub use health::Outages;
pub use hooks::{Answers, Hook, HookedAnswer, HookedCall, HookedRequest, Wants};
pub use parts::GatewayParts;
pub use prompts::{Instruction, Position, PromptTemplate, Prompts, Template};
pub use realtime::{Conversation, RealtimeRequest};
pub use recent::{Moment, Recently};
pub use relay::{
    RelayAnswer, RelayAnswerBody, RelayEndpoint, RelayIncoming, RelayRoute, RelayStream, RelayTarget,
};
pub use status::{BudgetStatus, DeploymentStatus, Health, LimitsStatus, Status};
pub use stream::AnswerStream;
pub use team_models::TeamModels;
