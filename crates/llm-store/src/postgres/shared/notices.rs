//! The channel of PostgreSQL in which gateways tell each other what was changed.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{FutureExt, LocalBoxFuture, try_join_all};
use llm_core::Result;

use super::{Line, NAME, Way};
use crate::database::DatabaseError;
use crate::settings::DatabaseSettings;
use crate::shared::notices::{Ear, Hear, NoticeLine, NoticeServer, Notices};
use crate::shared::talk::Lost;

/// A channel carries no longer words: <https://www.postgresql.org/docs/current/sql-notify.html>.
const LONGEST: usize = 7_900;

/// Each schema has a channel of its own, as it has tables of its own.
const LISTEN: &str = "DO $$ BEGIN EXECUTE format('LISTEN %I', 'llm_changed_' || current_schema()); END $$";

const SAY: &str = "SELECT pg_notify('llm_changed_' || current_schema(), $1)";

impl Notices {
    /// Through PostgreSQL. `hear` is told [`llm_governance::Changed::Everything`] with each connection.
    ///
    /// # Errors
    /// When the address is none or is that of a pooler, which passes no notices on, or the system gives no thread.
    pub fn through_postgres(settings: &DatabaseSettings, hear: Hear) -> Result<Self> {
        let way = Way::new(settings)?;
        if !way.prepares {
            let message = "a pooler that shares sessions (`pgbouncer=true`) passes no notices on: give the gateways \
                           the address of the database itself, or a redis";
            return Err(DatabaseError::settings(message).into());
        }
        Self::start(hear, |ear| {
            let ear = Arc::clone(ear);
            let connect = move |lost| open(way.clone(), Arc::clone(&ear), lost).boxed_local();
            Ok(NoticeServer { name: NAME, connect: Box::new(connect) })
        })
    }
}

struct PostgresNotices {
    line: Rc<Line>,
    ear: Arc<Ear>,
}

async fn open(way: Way, ear: Arc<Ear>, lost: Lost) -> Result<Rc<dyn NoticeLine>, String> {
    let listener = Arc::clone(&ear);
    let line = way.open(lost, move |said| listener.listen(said)).await?;
    line.tell(LISTEN).await?;
    Ok(Rc::new(PostgresNotices { line: Rc::new(line), ear }))
}

impl NoticeLine for PostgresNotices {
    fn publish(&self, all: Vec<String>) -> LocalBoxFuture<'static, bool> {
        let (line, ear) = (Rc::clone(&self.line), Arc::clone(&self.ear));
        let fits = |said: &String| said.len() <= LONGEST && !said.contains('\0');
        async move {
            let asked = async {
                if all.is_empty() {
                    return line.client.batch_execute("SELECT 1").await;
                }
                let said = all.into_iter().map(|said| if fits(&said) { said } else { ear.anything() });
                let said: Vec<String> = said.collect();
                let text = tokio_postgres::types::Type::TEXT;
                let told = said.iter().map(|one| async {
                    line.client.query_typed(SAY, &[(one, text.clone())]).await.map(|_| ())
                });
                try_join_all(told).await.map(|_| ())
            };
            Rc::clone(&line).wait(asked).await.is_some()
        }
        .boxed_local()
    }
}
