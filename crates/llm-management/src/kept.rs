//! Settings of the store: what several families of routes keep there under names of their own.

use llm_governance::entity::Setting;
use llm_governance::{ListQuery, Records};

use crate::management::Call;
use crate::refused::Refused;

/// How many settings are read at a time.
const PAGE: u64 = 500;

impl Call<'_> {
    /// Settings whose names begin so.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn settings_under(&self, beginning: &str) -> Result<Vec<Setting>, Refused> {
        let (mut all, mut offset) = (Vec::new(), 0);
        loop {
            let query = ListQuery { offset, limit: PAGE, ..ListQuery::default() };
            let page = Records::<Setting>::list(self.management.store(), &query).await?;
            offset += page.items.len() as u64;
            let is_last = page.items.is_empty() || offset >= page.total;
            all.extend(page.items.into_iter().filter(|setting| setting.name.starts_with(beginning)));
            if is_last {
                return Ok(all);
            }
        }
    }

    /// # Errors
    /// When the operator wants nothing of this kind in the store; `what` is not kept there, and `instead` says where it is.
    pub(crate) fn may_store(&self, what: &str, instead: &str) -> Result<(), Refused> {
        if !self.settings.no_models {
            return Ok(());
        }
        let message = format!(
            "{what} not kept in the store: `general_settings.store_model_in_db` is false. Set it to true, or {instead}"
        );
        Err(Refused::bad(message).detail())
    }
}
