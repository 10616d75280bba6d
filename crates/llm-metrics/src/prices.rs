//! The price book: what each model costs, how large its window is and what it can do.
//!
//! The embedded table is text, sorted by name, and is never parsed as a whole: a lookup is a binary search over
//! the text and reads one line. So it costs no start-up time and no memory but the few pages that are touched.

mod book;
mod capabilities;
mod cost;
mod dearest;
mod entry;
mod fields;
pub mod litellm;
mod names;
mod price;
mod rates;
mod table;

pub use book::{Listing, PriceBook};
pub use capabilities::{Capabilities, Capability};
pub use cost::Cost;
pub use dearest::{Dearest, Prospect};
pub use entry::{Mode, ModelEntry};
pub use fields::is_long_prompt_price;
pub use price::Price;
