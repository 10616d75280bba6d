//! A gateway's store, its management API, and people who ask it things.

use std::sync::Arc;

use llm_core::Secret;
use llm_governance::entity::{Member, MemberRole, Team, User};
use llm_governance::{
    Changed, Governance, GovernanceParts, KeyHash, MemoryStore, Records, Role, Store, Terms, Timestamp,
};
use llm_management::{Changes, Management, ManagementParts, Method, Reply, Request, Settings};
use llm_store::{Database, DatabaseSettings, Entities};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::books::{Backwards, Books};

pub(crate) const MASTER: &str = "sk-master";

/// Everything that a test asks and looks at.
pub(crate) struct World {
    pub store: Arc<dyn Store>,
    pub heard: Arc<Heard>,
    pub books: Arc<Books>,
    governance: Arc<Governance>,
    management: Management,
}

/// Where a test keeps its entities: in a database, or in this process, as `LLM_MANAGEMENT_STORE=memory` says. What holds
/// for one must hold for the other.
async fn store() -> Arc<dyn Store> {
    if std::env::var_os("LLM_MANAGEMENT_STORE").is_some_and(|store| store == "memory") {
        return Arc::<MemoryStore>::default();
    }
    let settings = DatabaseSettings::new(Secret::new("sqlite::memory:".to_owned()));
    Arc::new(Entities::new(Database::open(&settings).await.expect("a database")))
}

/// What was told of changes, and who remembers callers.
pub(crate) struct Heard(Mutex<Vec<Changed>>, Arc<Governance>);

impl Changes for Heard {
    fn changed(&self, what: Changed) {
        self.1.forget(&what);
        self.0.lock().push(what);
    }
}

impl Heard {
    pub(crate) fn take(&self) -> Vec<Changed> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::over(store().await, settings)
    }

    fn over(store: Arc<dyn Store>, settings: Settings) -> Self {
        let governance = Arc::new(Governance::new(GovernanceParts {
            master_key: Some(Secret::new(MASTER.to_owned())),
            directory: store.clone(),
            ..GovernanceParts::default()
        }));
        let heard = Arc::new(Heard(Mutex::default(), Arc::clone(&governance)));
        let books = Arc::<Books>::default();
        let management = Management::new(ManagementParts {
            store: store.clone(),
            changes: heard.clone(),
            settings,
            reports: Some(books.clone()),
            sealing: Some(Arc::new(Backwards)),
            serving: None,
            alarms: None,
        });
        Self { store, heard, books, governance, management }
    }

    /// Asks, and takes whatever the answer is.
    pub(crate) async fn reply(&self, key: &str, method: Method, target: &str, body: &[u8]) -> Reply {
        let caller = self.governance.identify(Some(key.as_bytes()), None).await.expect("a key that is good");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request { method, path, query, body, changed_by: None };
        self.management.answer(&caller, request).await
    }

    pub(crate) async fn post(&self, key: &str, target: &str, body: Value) -> Reply {
        self.reply(key, Method::Post, target, body.to_string().as_bytes()).await
    }

    pub(crate) async fn get(&self, key: &str, target: &str) -> Reply {
        self.reply(key, Method::Get, target, b"").await
    }

    /// The rows that an answer has in the place of a body, as they are written.
    pub(crate) async fn exported(&self, reply: Reply) -> String {
        let rows = reply.rows.expect("rows");
        let mut export = self.management.export(rows).expect("a ledger");
        let mut text = String::new();
        while let Some(piece) = export.next().await.expect("a piece") {
            text.push_str(std::str::from_utf8(&piece).expect("text"));
        }
        text
    }

    /// Asks something that must be done.
    pub(crate) async fn done(&self, key: &str, target: &str, body: Value) -> Value {
        let reply = self.post(key, target, body).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.body);
        reply.body
    }

    /// Asks something that must be shown.
    pub(crate) async fn shown(&self, key: &str, target: &str) -> Value {
        let reply = self.get(key, target).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.body);
        reply.body
    }

    /// Asks something that must be refused, and returns the status and the message.
    pub(crate) async fn refused(&self, key: &str, target: &str, body: Value) -> (u16, String) {
        let reply = self.post(key, target, body).await;
        assert!(reply.status >= 400, "{target}: {}", reply.body);
        (reply.status, message(&reply.body))
    }

    /// A new key with these fields.
    pub(crate) async fn key(&self, fields: Value) -> String {
        text(&self.done(MASTER, "/key/generate", fields).await, "key")
    }

    /// A user with a role, put into the store, and a key of its own.
    pub(crate) async fn user(&self, id: &str, role: Role) -> String {
        let now = Timestamp::now();
        let user = User {
            id: id.to_owned(),
            email: Some(format!("{id}@example.com")),
            alias: None,
            role,
            sso_user_id: None,
            teams: Vec::new(),
            organizations: Vec::new(),
            terms: Terms::default(),
            created_at: now,
            updated_at: now,
        };
        self.store.insert(&[user], &[]).await.expect("a new user");
        self.governance.forget(&Changed::Everything);
        self.key(json!({"user_id": id, "key": format!("sk-of-{id}")})).await
    }

    /// A team of these users, put into the store.
    pub(crate) async fn team(&self, id: &str, members: &[(&str, MemberRole)], terms: Terms) {
        let now = Timestamp::now();
        let member = |(user, role): &(&str, MemberRole)| Member {
            user_id: (*user).to_owned(),
            user_email: None,
            role: *role,
            terms: None,
        };
        let team = Team {
            id: id.to_owned(),
            alias: Some(format!("team {id}")),
            organization_id: None,
            members: members.iter().map(member).collect(),
            member_terms: Terms::default(),
            terms,
            created_at: now,
            updated_at: now,
        };
        self.store.insert(&[team], &[]).await.expect("a new team");
        for (user, _) in members {
            let joined = Records::<User>::update(&*self.store, user, Box::new(|user| Ok(joined(user, id))));
            joined.await.expect("a user");
        }
        self.governance.forget(&Changed::Everything);
    }
}

fn joined(mut user: User, team: &str) -> (User, llm_governance::entity::AuditEntry) {
    user.teams.push(team.to_owned());
    let entry = llm_governance::entity::AuditEntry {
        id: format!("{}-{team}", user.id),
        at: Timestamp::now(),
        changed_by: "test".to_owned(),
        changed_by_key: "test".to_owned(),
        action: "updated".to_owned(),
        table: "users".to_owned(),
        object_id: user.id.clone(),
        before: None,
        after: None,
    };
    (user, entry)
}

/// What a refusal says, in whichever form.
pub(crate) fn message(body: &Value) -> String {
    let places = ["/error/message", "/detail/error", "/detail/0/msg", "/detail"];
    let found = places.iter().find_map(|place| body.pointer(place)?.as_str());
    found.unwrap_or_else(|| panic!("no message in {body}")).to_owned()
}

/// A text of an answer.
pub(crate) fn text(body: &Value, name: &str) -> String {
    body.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

/// The hash of a key, as answers have it.
pub(crate) fn hash(key: &str) -> String {
    KeyHash::of(key.as_bytes()).hex()
}

/// An answer with a word in place of each time, for snapshots.
pub(crate) fn still(body: Value) -> Value {
    match body {
        Value::String(text) if text.len() == 24 && Timestamp::parse(&text).is_some() => json!("[time]"),
        Value::Array(items) => items.into_iter().map(still).collect(),
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(name, value)| (name, still(value))).collect())
        }
        other => other,
    }
}
