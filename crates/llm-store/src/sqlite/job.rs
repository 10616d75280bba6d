//! What a thread is asked to do with its connection.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::connection::{Connection, Opening};
use crate::database::{DatabaseError, Outcome, Statement, Values};

pub(super) type Reply<T> = oneshot::Sender<Result<T, DatabaseError>>;

/// One piece of work.
pub(super) enum Job {
    /// A statement of its own.
    Run(Statement, Reply<Outcome>),
    /// A transaction: what comes through the channel, until it is closed.
    Begin(Reply<mpsc::Sender<SessionJob>>),
}

/// One piece of work within a transaction.
pub(super) enum SessionJob {
    Run(Statement, Reply<Outcome>),
    /// The same statement for each so many of these values.
    Each(String, usize, Arc<Values>, Range<usize>, Reply<u64>),
    Script(String, Reply<()>),
    Commit(Reply<()>),
}

impl Job {
    /// Does it, unless nobody waits for it any more; opens the connection where there is none.
    pub(super) fn run(self, connection: &mut Option<Connection>, opening: &Opening) {
        if self.is_forgotten() {
            return;
        }
        let connection = match connection {
            Some(connection) => connection,
            None => match Connection::open(opening) {
                Ok(opened) => connection.insert(opened),
                Err(error) => return self.refuse(error),
            },
        };
        // Whoever no longer waits does not hear of it.
        match self {
            Self::Run(statement, reply) => {
                let _ = reply.send(connection.run(&statement));
            }
            Self::Begin(reply) => transact(connection, reply),
        }
    }

    fn is_forgotten(&self) -> bool {
        match self {
            Self::Run(_, reply) => reply.is_closed(),
            Self::Begin(reply) => reply.is_closed(),
        }
    }

    fn refuse(self, error: DatabaseError) {
        match self {
            Self::Run(_, reply) => {
                let _ = reply.send(Err(error));
            }
            Self::Begin(reply) => {
                let _ = reply.send(Err(error));
            }
        }
    }
}

fn transact(connection: &Connection, reply: Reply<mpsc::Sender<SessionJob>>) {
    if let Err(error) = connection.script("BEGIN IMMEDIATE") {
        let _ = reply.send(Err(error));
        return;
    }
    let (sender, mut jobs) = mpsc::channel(1);
    if reply.send(Ok(sender)).is_ok() {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                SessionJob::Run(statement, reply) => {
                    let _ = reply.send(connection.run(&statement));
                }
                SessionJob::Each(text, width, values, places, reply) => {
                    let _ = reply.send(connection.run_each(&text, width, &values, places));
                }
                SessionJob::Script(text, reply) => {
                    let _ = reply.send(connection.script(&text));
                }
                SessionJob::Commit(reply) => {
                    let _ = reply.send(connection.script("COMMIT"));
                    break;
                }
            }
        }
    }
    connection.roll_back();
}
