//! How single groups are routed, and what is tried again how often.

use super::settings::PHASES;
use super::{Key, Section, Shape, key};

pub(crate) static RETRY_POLICY: Section = Section {
    name: "retry_policy",
    about: "Attempts after the first, by what went wrong. What it leaves open is as `num_retries` says.",
    keys: &[&[
        key("BadRequestErrorRetries", Shape::Whole, "After requests that the vendor refused as they are."),
        key("AuthenticationErrorRetries", Shape::Whole, "After a credential was refused."),
        key("TimeoutErrorRetries", Shape::Whole, "After a deadline passed."),
        key("RateLimitErrorRetries", Shape::Whole, "After too many requests, or no quota left."),
        key("ContentPolicyViolationErrorRetries", Shape::Whole, "After a content policy refused."),
        key("InternalServerErrorRetries", Shape::Whole, "After the vendor failed or could not be reached."),
        key("ServiceUnavailableErrorRetries", Shape::Whole, "After the vendor had too much to do."),
        key("NotFoundErrorRetries", Shape::Whole, "After the vendor did not know the model."),
        key("DefaultRetries", Shape::Whole, "After everything that is not named."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static RETRY_BUDGET: Section = Section {
    name: "retry_budget",
    about: "How much of the traffic may be retries, so that an outage is not multiplied. Fallbacks are not counted.",
    keys: &[&[
        key("share", Shape::Number, "Retries for each request of the last seconds. Default 0.2."),
        key("per_second", Shape::Number, "Retries a second that are always allowed. Default 10."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

static HEDGE: Section = Section {
    name: "hedge",
    about: "A second attempt at another deployment when a stream is slow to begin; the first content wins.",
    keys: &[&[
        key(
            "after",
            Shape::Text,
            "How long the first attempt may take: seconds, or `p95` for as long as 95 % of the group's streams took. \
             Default p95.",
        ),
        key("budget", Shape::Number, "The share of requests that may have a second attempt. Default 0.02."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(super) const MID_STREAM: Key = key(
    "mid_stream",
    Shape::Choice(&["error", "restart", "continue"]),
    "What becomes of a stream that breaks after its first content: it ends with an `error` (default), it is held back \
     and begun again elsewhere (`restart`), or another deployment goes on (`continue`).",
);

pub(crate) static GROUP: Section = Section {
    name: "groups",
    about: "What a group says for itself, by its `model_name`. What it leaves open is as the router says.",
    keys: &[
        &[
            key("strategy", Shape::Text, "As `routing_strategy` of the router."),
            key("num_retries", Shape::Whole, "Attempts after the first."),
            key("retry_policy", Shape::Section(&RETRY_POLICY), "The same, by what went wrong."),
            key("hedge", Shape::Section(&HEDGE), "A second attempt beside a slow one. Default: never."),
            MID_STREAM,
        ],
        PHASES,
    ],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static ROUTING_GROUP: Section = Section {
    name: "routing_groups",
    about: "LiteLLM's way to give some groups a strategy of their own. `groups` wins.",
    keys: &[&[
        key("group_name", Shape::Text, "A name for people."),
        key("models", Shape::Texts, "The `model_name`s that it is about."),
        key("routing_strategy", Shape::Text, "As `routing_strategy` of the router."),
    ]],
    later: &[],
    moot: &[("routing_strategy_args", "strategies measure by themselves")],
    notes: false,
};
