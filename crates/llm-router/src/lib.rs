#![doc = include_str!("../README.md")]

pub mod affinity;
pub mod ask;
pub mod clock;
pub mod deployment;
pub mod fallback;
pub mod fit;
pub mod group;
pub mod health;
pub mod hedge;
pub mod in_flight;
pub mod needs;
pub mod pace;
pub mod pattern;
pub mod plan;
pub mod price;
pub mod quota;
pub mod retry;
pub mod router;
pub mod rule;
pub mod run;
pub mod settings;
pub mod shared;
pub mod started;
pub mod strategy;
pub mod trail;
pub mod wait;

pub use affinity::Affinity;
pub use ask::Ask;
pub use deployment::{CheckSpec, Deployment, DeploymentSpec, Limits};
pub use fallback::{FallbackList, Fallbacks};
pub use fit::TagFiltering;
pub use group::Group;
pub use health::{AllowedFails, Bench, Cooldown, Credential, HealthSettings, Scope, Standing, Stands, Watch};
pub use hedge::{HedgeAfter, HedgeSettings};
pub use in_flight::{Finished, InFlight, Patience};
pub use needs::{Facts, Needs};
pub use pattern::Pattern;
pub use plan::{Plan, PlannedDeployment, PlannedGroup};
pub use price::Price;
pub use quota::{Budget, QuotaSpec};
pub use retry::{ErrorClass, RetryBudgetSettings, RetryPolicy};
pub use router::{Alias, Router, RouterSettings};
pub use rule::{Rule, unavailable};
pub use run::{
    Affords, Asked, Attempt, Earlier, MayUse, Outrun, Route, RouteOptions, Routed, Unanswered, UnderWay,
};
pub use settings::{GroupSettings, MidStream};
pub use shared::{BenchElsewhere, Lease, Link, Shared, Verdict, Want};
pub use started::Started;
pub use strategy::{BuiltIn, Candidates, Chosen, Strategy};
pub use trail::{Skipped, Step, Stopped, Trail, Waited};
pub use wait::QueueSettings;
