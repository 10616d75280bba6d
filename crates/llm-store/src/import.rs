//! What another gateway's database holds, taken over into ours.

mod keep;
mod litellm;
mod merge;
mod report;
mod spending;

pub use litellm::litellm;
pub use report::{ImportReport, KindReport};
