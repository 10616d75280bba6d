//! A row in a frame, in a buffer that each thread keeps.

use std::cell::RefCell;

use llm_governance::{RowRef, StoreError};

use super::frame::{HEAD, LONGEST_ROW, seal};

/// A buffer that has grown beyond this is given back.
const KEPT: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends the frame of a row. A row that is too long goes without the messages and the answer.
pub(super) fn with_frame<T>(
    row: &RowRef<'_>,
    write: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    BUFFER.with_borrow_mut(|buffer| {
        encode(row, buffer);
        if buffer.len() - HEAD > LONGEST_ROW {
            encode(&RowRef { request: None, response: None, ..row.clone() }, buffer);
            tracing::warn!(id = %row.id, "a row of the ledger is too long: it goes without request and response");
        }
        if buffer.len() - HEAD > LONGEST_ROW {
            return Err(StoreError::Failed("a row of the ledger is longer than 64 MiB".to_owned()));
        }
        seal(buffer);
        let outcome = write(buffer);
        if buffer.capacity() > KEPT {
            *buffer = Vec::new();
        }
        outcome
    })
}

fn encode(row: &RowRef<'_>, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEAD, 0);
    row.pack(buffer);
}
