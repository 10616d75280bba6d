//! Limits and budgets of callers in PostgreSQL: functions that do in one step what one call wants.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{FutureExt, LocalBoxFuture, try_join_all};
use llm_core::Result;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{MissedTickBehavior, interval};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row, Statement};

use super::{Line, NAME, PATIENCE, Way};
use crate::settings::DatabaseSettings;
use crate::shared::counters::{CounterLeases, CounterLine, CounterServer, Said, Script, SharedCallCounters};
use crate::shared::talk::Lost;

/// The tables and the functions. A function that is changed gets another number: gateways of two versions may share a
/// database.
const TABLES: &str = include_str!("counters.sql");

/// Whether they are there: the last one is.
const ARE_THERE: &str = "SELECT to_regprocedure('llm_shared_sweep_1(boolean)') IS NOT NULL";

/// What keeps two gateways apart that make them together: any number, the same for all of them.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7308324466020549996)";

/// What a session of our own is told: nothing of ours waits for the disk, and what nobody waits for any more ends.
const SESSION: &str = "SET synchronous_commit = off; SET default_transaction_isolation = 'read committed'; \
                       SET jit = off; SET statement_timeout = ";

const SWEEP: &str = "SELECT llm_shared_sweep_1($1)";

/// How often what is over is given back.
const SWEPT: Duration = Duration::from_secs(1);

/// In the place of every so many of these what nobody needs is forgotten.
const FORGETS: u32 = 15;

/// How many futures are polled together, and one after the other, by whoever awaits all of them.
const AT_ONCE: usize = 16;

const FUNCTIONS: [(Script, &str); 5] = [
    (Script::Meet, "SELECT llm_shared_meet_1($1, $2, $3, $4)"),
    (Script::Reserve, "SELECT llm_shared_reserve_1($1, $2, $3, $4)"),
    (Script::Settle, "SELECT llm_shared_settle_1($1, $2, $3, $4)"),
    (Script::Renew, "SELECT llm_shared_renew_1($1, $2, $3, $4)"),
    (Script::Forget, "SELECT llm_shared_forget_1($1, $2, $3, $4)"),
];

impl SharedCallCounters {
    /// Through a PostgreSQL whose tables are up to date.
    ///
    /// # Errors
    /// When the address is none, or the system gives no thread.
    pub fn through_postgres(settings: &DatabaseSettings, leases: CounterLeases) -> Result<Self> {
        let way = Way::new(settings)?;
        let connect = move |lost| open(way.clone(), lost).boxed_local();
        let prefix = String::new();
        let server = CounterServer { connect: Box::new(connect), name: NAME, prefix, timeout: PATIENCE };
        Self::start(server, leases)
    }
}

/// A session that knows the functions.
struct PostgresCounters {
    calling: Rc<Calling>,
    sweeping: JoinHandle<()>,
}

struct Calling {
    line: Rc<Line>,
    /// In the order of [`FUNCTIONS`]; none where sessions are not our own.
    prepared: Vec<Statement>,
}

async fn open(way: Way, lost: Lost) -> Result<Rc<dyn CounterLine>, String> {
    let prepares = way.prepares;
    let line = Rc::new(way.open(lost, |_| {}).await?);
    let asked = line.client.query_typed(ARE_THERE, &[]);
    let rows = Rc::clone(&line).wait(asked).await.ok_or("it was lost at once")?;
    if !rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        line.tell(&format!("BEGIN; {LOCK}; {TABLES} COMMIT")).await?;
    }
    let mut prepared = Vec::new();
    if prepares {
        line.tell(&format!("{SESSION}{}", PATIENCE.as_millis())).await?;
        let all = FUNCTIONS.iter().map(|(_, text)| line.client.prepare(text));
        prepared = Rc::clone(&line).wait(try_join_all(all)).await.ok_or("it was lost at once")?;
    }
    let sweeping = spawn_local(sweep(Rc::clone(&line)));
    Ok(Rc::new(PostgresCounters { calling: Rc::new(Calling { line, prepared }), sweeping }))
}

/// Gives back what gateways had that are gone, until the connection is. It also sees whether the server is there.
async fn sweep(line: Rc<Line>) {
    let mut ticks = interval(SWEPT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1_u32.. {
        ticks.tick().await;
        let forgets = number % FORGETS == 0;
        let swept = async { line.client.query_typed(SWEEP, &[(&forgets, Type::BOOL)]).await };
        if Rc::clone(&line).wait(swept).await.is_none() {
            return;
        }
    }
}

impl Calling {
    async fn call(&self, said: &Said) -> Result<Vec<String>, Error> {
        let keys: Vec<&str> = said.keys.iter().map(|key| &**key).collect();
        let places: Vec<&str> = said.places.iter().map(|place| &**place).collect();
        let gateway = &*said.gateway;
        let values: [&(dyn ToSql + Sync); 4] = [&gateway, &keys, &places, &said.arguments];
        let place = FUNCTIONS.iter().position(|(script, _)| *script == said.script).unwrap_or_default();
        let rows: Vec<Row> = match self.prepared.get(place) {
            Some(prepared) => self.line.client.query(prepared, &values).await?,
            None => {
                let types = [Type::TEXT, Type::TEXT_ARRAY, Type::TEXT_ARRAY, Type::TEXT_ARRAY];
                let typed: Vec<_> = values.into_iter().zip(types).collect();
                self.line.client.query_typed(FUNCTIONS[place].1, &typed).await?
            }
        };
        rows.first().map_or_else(|| Ok(Vec::new()), |row| row.try_get(0))
    }
}

impl CounterLine for PostgresCounters {
    fn say(&self, all: Vec<Said>) -> LocalBoxFuture<'static, Option<Vec<Vec<String>>>> {
        let calling = Rc::clone(&self.calling);
        async move {
            // Nobody waits for another's answer. So few are all begun in their order before anything else is done:
            // settlements have to come in theirs.
            let some =
                all.chunks(AT_ONCE).map(|some| try_join_all(some.iter().map(|said| calling.call(said))));
            let said = Rc::clone(&calling.line).wait(try_join_all(some)).await?;
            Some(said.into_iter().flatten().collect())
        }
        .boxed_local()
    }
}

impl Drop for PostgresCounters {
    fn drop(&mut self) {
        self.sweeping.abort();
    }
}
