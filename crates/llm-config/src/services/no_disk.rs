//! A program that was built without a database.

use super::{Kept, Unopened};
use crate::settings::StorageSettings;

/// Everything is kept in memory.
///
/// # Errors
/// When a database was named.
pub(super) async fn open(storage: &StorageSettings) -> Result<Kept, Unopened> {
    match storage.database {
        Some(_) => Err(Unopened {
            what: "this program was built without a database".to_owned(),
            help: "leave `database.url` out, or build with the feature `sqlite` or `postgres`".to_owned(),
        }),
        None => Ok(Kept::in_memory()),
    }
}

/// Nothing is sealed: nothing outlasts the process.
///
/// # Errors
/// Never.
pub(super) fn sealing(
    _: &crate::config::Config,
) -> Result<Option<std::sync::Arc<dyn llm_management::Sealing>>, Unopened> {
    Ok(None)
}
