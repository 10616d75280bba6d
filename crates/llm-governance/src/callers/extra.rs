//! Customers and tags that requests name: those who have terms, and those who have none.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use llm_core::Result;

use super::behind::{Behind, Name};
use super::cache::Kept;
use super::generations::Freshness;
use super::{unreachable, with_row};
use crate::account::Account;
use crate::governance::Governance;
use crate::store::StoreError;
use crate::subject::{Scope, Subject};
use crate::terms::Terms;
use crate::time::Timestamp;

/// A customer or a tag.
pub(crate) struct Extra {
    subject: Subject,
    /// `None`: nobody gave it terms.
    account: Option<Arc<Account>>,
    freshness: Freshness,
}

impl Kept for Extra {
    type Key = Subject;

    fn is(&self, key: &Subject) -> bool {
        self.subject == *key
    }

    fn freshness(&self) -> &Freshness {
        &self.freshness
    }
}

impl Governance {
    /// The customer of this name, when somebody gave it terms.
    ///
    /// # Errors
    /// [`llm_core::ErrorKind::Overloaded`] when the directory has to be asked and cannot be.
    pub async fn customer(&self, id: &str) -> Result<Option<Arc<Account>>> {
        self.extra(Subject::new(Scope::Customer, id)).await
    }

    /// The tag of this name, when somebody gave it terms.
    ///
    /// # Errors
    /// [`llm_core::ErrorKind::Overloaded`] when the directory has to be asked and cannot be.
    pub async fn tag(&self, name: &str) -> Result<Option<Arc<Account>>> {
        self.extra(Subject::new(Scope::Tag, name)).await
    }

    async fn extra(&self, subject: Subject) -> Result<Option<Arc<Account>>> {
        let callers = &self.callers;
        let load = |_| -> BoxFuture<'_, _> { Box::pin(self.load_extra(&subject)) };
        let found = callers.extras.find(&subject, &callers.generations, load).await?;
        Ok(found.and_then(|extra| extra.account.clone()))
    }

    async fn load_extra(&self, subject: &Subject) -> Result<Option<Arc<Extra>>> {
        let before = self.callers.generations.before();
        let found = self.read_extra(subject).await.map_err(|error| unreachable(&error))?;
        let (one, row) = found.unzip();
        let row = row.flatten();
        let names =
            [Name::Of(subject.scope, subject.id.name().unwrap_or_default()), Name::Of(Scope::Global, "")]
                .into_iter();
        let names = names.chain(row.as_deref().map(Name::Budget));
        let freshness = self.callers.generations.read(before, names);
        let account = match one {
            Some(one) => {
                let opened = self.callers.open(one, &self.accounts, &*self.directory, None).await;
                Some(opened.map_err(|error| unreachable(&error))?)
            }
            None => None,
        };
        Ok(Some(Arc::new(Extra { subject: subject.clone(), account, freshness })))
    }

    /// A customer or a tag, and the id of its budget row.
    async fn read_extra(&self, subject: &Subject) -> Result<Option<(Behind, Option<String>)>, StoreError> {
        let directory = &self.directory;
        let id = subject.id.name().unwrap_or_default();
        let rules = self.rules();
        // Nobody made it: the operator's own terms, where there are some, hold from the beginning of time.
        let nobodys = |terms: &Terms| {
            (Behind { subject: subject.clone(), alias: None, terms: terms.clone(), made: Timestamp(0) }, None)
        };
        Ok(match subject.scope {
            Scope::Tag => match directory.tag(id).await? {
                Some((tag, row)) => {
                    let terms = with_row(tag.terms, row.as_ref());
                    let one = Behind { subject: subject.clone(), alias: None, terms, made: tag.created_at };
                    Some((one, row.map(|row| row.id)))
                }
                None => rules.tags.get(id).map(nobodys),
            },
            _ => match directory.customer(id).await? {
                Some((customer, row)) => {
                    let mut terms = with_row(customer.terms, row.as_ref());
                    if terms.budget_limits.is_empty() {
                        terms.max_budget =
                            terms.max_budget.or(rules.customers.as_ref().and_then(|usual| usual.max_budget));
                    }
                    let made = customer.created_at;
                    let one = Behind { subject: subject.clone(), alias: customer.alias, terms, made };
                    Some((one, row.map(|row| row.id)))
                }
                None => rules.customers.as_ref().map(nobodys),
            },
        })
    }
}
