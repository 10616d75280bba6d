#![doc = include_str!("../README.md")]

pub mod account;
pub mod admission;
mod admit;
pub mod authorise;
pub mod budget;
pub mod callers;
pub mod changed;
pub mod duration;
pub mod entity;
pub mod events;
pub mod export;
pub mod governance;
pub mod hash;
pub mod headers;
pub mod ledger;
pub mod limit;
mod means;
pub mod memory;
mod meter;
pub mod principal;
pub mod refusal;
pub mod reports;
pub mod shared;
pub mod store;
pub mod subject;
mod taking;
pub mod terms;
pub mod time;
pub mod token;

pub use account::{Account, Accounts};
pub use admission::{Admission, BudgetMode, Unpriced, Want};
pub use budget::{Budget, BudgetStanding};
pub use callers::CallerSettings;
pub use changed::Changed;
pub use duration::{BudgetDuration, Period};
pub use events::{BudgetEvent, Events, NoEvents, Threshold};
pub use export::{Export, ExportFormat, LineFormat, ParquetFile};
pub use governance::{Governance, GovernanceParts, Rules};
pub use hash::KeyHash;
pub use headers::{LimitStanding, LimitUnit, rate_headers};
pub use ledger::{Amounts, Charge, ChargeRef, Durable, Ending, IdRef, Ledger, LedgerRow, NoLedger, RowRef};
pub use limit::{Limit, Windows};
pub use memory::MemoryStore;
pub use principal::{Principal, Role};
pub use refusal::{Lacking, Refusal, Refused};
pub use reports::{
    Activity, ActivityQuery, Counted, Day, Dimension, Reports, RowCursor, RowField, RowPage, RowQuery,
    RowSort, Sums,
};
pub use shared::{SharedCounters, SharedLease, SharedLimit, SharedVerdict, SharedWant, WithoutShared};
pub use store::{
    Audited, Change, Directory, Filter, Holder, ListQuery, NoDirectory, Page, Records, SPEND, Spent, Store,
    StoreError, WithBudget,
};
pub use subject::{Scope, Subject, SubjectId};
pub use terms::{BudgetLimit, Terms};
pub use time::Timestamp;
