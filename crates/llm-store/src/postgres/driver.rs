//! The thread that drives connections: it reads and writes them, and ends when nobody needs it any more.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::database::DatabaseError;

/// The stack of the thread.
const STACK: usize = 512 * 1024;

/// How long a thread that looked up a name stays for the next one.
const KEEP_RESOLVER: Duration = Duration::from_secs(1);

/// A handle on the thread. The last one that goes ends it, with the connections that are left.
#[derive(Clone)]
pub(super) struct Driver {
    runtime: Handle,
    /// Nothing is ever sent: the thread waits for it to be dropped.
    _alive: Arc<oneshot::Sender<()>>,
}

impl Driver {
    pub(super) fn start() -> Result<Self, DatabaseError> {
        let refused = |error| DatabaseError::busy(format!("no thread for the database: {error}"));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .thread_keep_alive(KEEP_RESOLVER)
            .thread_stack_size(STACK)
            .build()
            .map_err(refused)?;
        let handle = runtime.handle().clone();
        let (alive, gone) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("llm-postgres".to_owned()).stack_size(STACK);
        thread
            .spawn(move || {
                let _ = runtime.block_on(gone);
            })
            .map_err(refused)?;
        Ok(Self { runtime: handle, _alive: Arc::new(alive) })
    }

    /// Runs something on the thread. Dropping the handle does not stop it.
    pub(super) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.runtime.spawn(work)
    }
}
