//! Tables as LiteLLM's Prisma schema makes them, as far as an import reads them; an older version lacks some columns.
//! Written after the column names of LiteLLM's public `schema.prisma`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm_core::Secret;
use llm_store::{Database, DatabaseSettings, Entities};
use llm_testkit::postgres::PostgresServer;

/// The tables, one statement each.
const TABLES: [&str; 6] = [
    r#"CREATE TABLE "LiteLLM_BudgetTable" (budget_id TEXT PRIMARY KEY, max_budget DOUBLE PRECISION,
        soft_budget DOUBLE PRECISION, tpm_limit BIGINT, rpm_limit BIGINT, max_parallel_requests INTEGER,
        model_max_budget JSONB, budget_duration TEXT, budget_reset_at TIMESTAMP(3),
        created_at TIMESTAMP(3) DEFAULT '2026-01-01', created_by TEXT, updated_at TIMESTAMP(3) DEFAULT '2026-01-01')"#,
    r#"CREATE TABLE "LiteLLM_OrganizationTable" (organization_id TEXT PRIMARY KEY, organization_alias TEXT,
        budget_id TEXT, metadata JSONB DEFAULT '{}', models TEXT[], spend DOUBLE PRECISION DEFAULT 0,
        created_at TIMESTAMP(3) DEFAULT '2026-01-01')"#,
    r#"CREATE TABLE "LiteLLM_TeamTable" (team_id TEXT PRIMARY KEY, team_alias TEXT, organization_id TEXT,
        admins TEXT[], members TEXT[], members_with_roles JSONB DEFAULT '{}', metadata JSONB DEFAULT '{}',
        max_budget DOUBLE PRECISION, spend DOUBLE PRECISION DEFAULT 0, models TEXT[], tpm_limit BIGINT,
        rpm_limit BIGINT, budget_duration TEXT, budget_reset_at TIMESTAMP(3), blocked BOOLEAN DEFAULT false,
        created_at TIMESTAMP(3) DEFAULT '2026-01-01', model_max_budget JSONB DEFAULT '{}')"#,
    r#"CREATE TABLE "LiteLLM_TeamMembership" (user_id TEXT, team_id TEXT, spend DOUBLE PRECISION DEFAULT 0,
        budget_id TEXT, PRIMARY KEY (user_id, team_id))"#,
    r#"CREATE TABLE "LiteLLM_UserTable" (user_id TEXT PRIMARY KEY, user_alias TEXT, user_email TEXT, password TEXT,
        user_role TEXT, teams TEXT[], max_budget DOUBLE PRECISION, spend DOUBLE PRECISION DEFAULT 0, models TEXT[],
        metadata JSONB DEFAULT '{}', budget_duration TEXT, budget_reset_at TIMESTAMP(3),
        created_at TIMESTAMP(3) DEFAULT '2026-01-01')"#,
    r#"CREATE TABLE "LiteLLM_VerificationToken" (token TEXT PRIMARY KEY, key_name TEXT, key_alias TEXT,
        spend DOUBLE PRECISION DEFAULT 0, expires TIMESTAMP(3), models TEXT[], aliases JSONB DEFAULT '{}',
        config JSONB DEFAULT '{}', user_id TEXT, team_id TEXT, permissions JSONB DEFAULT '{}',
        metadata JSONB DEFAULT '{}', blocked BOOLEAN, max_budget DOUBLE PRECISION, budget_duration TEXT,
        budget_reset_at TIMESTAMP(3), allowed_routes TEXT[] DEFAULT ARRAY[]::TEXT[], rpm_limit BIGINT,
        model_max_budget JSONB DEFAULT '{}', budget_id TEXT, created_at TIMESTAMP(3) DEFAULT '2026-01-01')"#,
];

/// A table that the oldest versions lack.
const CUSTOMERS: &str = r#"CREATE TABLE "LiteLLM_EndUserTable" (user_id TEXT PRIMARY KEY, alias TEXT,
    spend DOUBLE PRECISION DEFAULT 0, budget_id TEXT, blocked BOOLEAN DEFAULT false)"#;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// LiteLLM's database, and ours beside it.
pub(crate) struct Move {
    pub(crate) theirs: Database,
    pub(crate) ours: Entities,
    pub(crate) database: Database,
    _server: Arc<PostgresServer>,
}

impl Move {
    /// `None` where there is no PostgreSQL.
    pub(crate) async fn begin(test: &str) -> Option<Self> {
        let server = PostgresServer::shared(test)?;
        let settings = |url: &str| DatabaseSettings::new(Secret::new(url.to_owned()));
        let admin = Database::connect(&settings(&server.url())).expect("an address");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("litellm_{number}");
        admin.execute(&format!("CREATE DATABASE {name}"), &[]).await.expect("a database");
        let theirs = Database::connect(&settings(&server.url_of(&name))).expect("an address");
        let database = Database::open(&settings("sqlite::memory:")).await.expect("a database");
        Some(Self { theirs, ours: Entities::new(database.clone()), database, _server: server })
    }

    /// The tables that a version of today has.
    pub(crate) async fn with_tables(test: &str) -> Option<Self> {
        let this = Self::begin(test).await?;
        for table in TABLES.into_iter().chain([CUSTOMERS]) {
            this.run(table).await;
        }
        Some(this)
    }

    /// Does something with LiteLLM's database.
    pub(crate) async fn run(&self, statement: &str) {
        self.theirs.execute(statement, &[]).await.expect("a statement");
    }
}
