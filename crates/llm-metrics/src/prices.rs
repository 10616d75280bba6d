//! The price book: what each model costs, how large its window is and what it can do.
//!
//! The embedded table is text, sorted by name, packed in blocks of some 32 KiB. It is never parsed as a whole: a lookup
//! unpacks the one block that a name can be in, once, and reads one line of it. So it costs no start-up time, no memory
//! but the few blocks that are asked for, and a fifth of its size in the program.

mod book;
mod capabilities;
mod cost;
mod dearest;
mod entry;
mod fields;
pub mod litellm;
mod names;
mod packed;
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
