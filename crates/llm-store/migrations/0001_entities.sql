-- What administrators make. Each row is a document (JSON), with a column for each field that lists are filtered or
-- sorted by. Times are microseconds since 1970, switches are 0 and 1.

CREATE TABLE llm_virtual_keys (
    id TEXT PRIMARY KEY, -- the SHA-256 of the key in hexadecimal: the key itself is kept nowhere
    document TEXT NOT NULL,
    alias TEXT,
    name TEXT NOT NULL,
    user_id TEXT,
    team_id TEXT,
    organization_id TEXT,
    blocked BIGINT NOT NULL,
    expires BIGINT,
    replaced_hash TEXT,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX llm_virtual_keys_alias ON llm_virtual_keys (alias) WHERE alias IS NOT NULL;
CREATE INDEX llm_virtual_keys_user_id ON llm_virtual_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX llm_virtual_keys_team_id ON llm_virtual_keys (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX llm_virtual_keys_organization_id ON llm_virtual_keys (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX llm_virtual_keys_replaced_hash ON llm_virtual_keys (replaced_hash) WHERE replaced_hash IS NOT NULL;
CREATE INDEX llm_virtual_keys_expires ON llm_virtual_keys (expires) WHERE expires IS NOT NULL;
-- With the id, so that far pages of a million keys are counted off in the index alone.
CREATE INDEX llm_virtual_keys_created_at ON llm_virtual_keys (created_at, id);

CREATE TABLE llm_teams (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    alias TEXT,
    organization_id TEXT,
    blocked BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX llm_teams_alias ON llm_teams (alias) WHERE alias IS NOT NULL;
CREATE INDEX llm_teams_organization_id ON llm_teams (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX llm_teams_created_at ON llm_teams (created_at);

CREATE TABLE llm_users (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    alias TEXT,
    email TEXT,
    role TEXT NOT NULL,
    sso_user_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX llm_users_sso_user_id ON llm_users (sso_user_id) WHERE sso_user_id IS NOT NULL;
CREATE INDEX llm_users_email ON llm_users (email) WHERE email IS NOT NULL;
CREATE INDEX llm_users_created_at ON llm_users (created_at);

CREATE TABLE llm_organizations (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    alias TEXT,
    blocked BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX llm_organizations_created_at ON llm_organizations (created_at);

CREATE TABLE llm_customers (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    alias TEXT,
    blocked BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX llm_customers_created_at ON llm_customers (created_at);

CREATE TABLE llm_budgets (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX llm_budgets_created_at ON llm_budgets (created_at);

CREATE TABLE llm_tags (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX llm_tags_created_at ON llm_tags (created_at);

CREATE TABLE llm_models (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    model_name TEXT NOT NULL,
    team_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX llm_models_model_name ON llm_models (model_name);
CREATE INDEX llm_models_updated_at ON llm_models (updated_at);

CREATE TABLE llm_settings (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Every change of the above, written with it.
CREATE TABLE llm_audit_log (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_by_key TEXT NOT NULL,
    action TEXT NOT NULL,
    table_name TEXT NOT NULL,
    object_id TEXT NOT NULL
);
CREATE INDEX llm_audit_log_at ON llm_audit_log (at);
CREATE INDEX llm_audit_log_object_id ON llm_audit_log (object_id, at);
CREATE INDEX llm_audit_log_changed_by ON llm_audit_log (changed_by, at);

-- What was spent, in nano-dollars, by whom and in which period of a budget. A period that never ends goes from 0 to 0;
-- an empty model means all of them.
CREATE TABLE llm_spent (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    model TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (scope, subject, model, period_start, period_end)
);
