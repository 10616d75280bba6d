-- Calls, one row each. What lists are chosen and sorted by is in columns; the rest of a row is its document. What a call
-- has not is NULL, and in no index.
CREATE TABLE llm_ledger (
    id TEXT PRIMARY KEY,
    vendor_id TEXT,
    started BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    key TEXT,
    team_id TEXT,
    user_id TEXT,
    organization_id TEXT,
    customer TEXT,
    session_id TEXT,
    model TEXT,
    model_group TEXT,
    deployment TEXT,
    provider TEXT,
    call_type TEXT,
    ending TEXT NOT NULL,
    failed BIGINT NOT NULL,
    error TEXT,
    cache_hit BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    took_micros BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX llm_ledger_started ON llm_ledger (started, id);
CREATE INDEX llm_ledger_vendor_id ON llm_ledger (vendor_id) WHERE vendor_id IS NOT NULL;
CREATE INDEX llm_ledger_key ON llm_ledger (key, started, id) WHERE key IS NOT NULL;
CREATE INDEX llm_ledger_team ON llm_ledger (team_id, started, id) WHERE team_id IS NOT NULL;
CREATE INDEX llm_ledger_user ON llm_ledger (user_id, started, id) WHERE user_id IS NOT NULL;
CREATE INDEX llm_ledger_customer ON llm_ledger (customer, started, id) WHERE customer IS NOT NULL;
CREATE INDEX llm_ledger_session ON llm_ledger (session_id, started, id) WHERE session_id IS NOT NULL;
CREATE INDEX llm_ledger_model_group ON llm_ledger (model_group, started, id) WHERE model_group IS NOT NULL;
CREATE INDEX llm_ledger_failed ON llm_ledger (started, id) WHERE failed = 1;

-- Tags of calls.
CREATE TABLE llm_ledger_tags (
    id TEXT NOT NULL,
    tag TEXT NOT NULL,
    started BIGINT NOT NULL,
    PRIMARY KEY (id, tag)
);
CREATE INDEX llm_ledger_tags_tag ON llm_ledger_tags (tag, started, id);

-- Sums of calls by day (days since 1970, UTC), kept as rows are written. They outlive the rows.
CREATE TABLE llm_daily (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    day BIGINT NOT NULL,
    key TEXT NOT NULL,
    model_group TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    requests BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    took_micros BIGINT NOT NULL,
    first_content_micros BIGINT NOT NULL,
    first_contents BIGINT NOT NULL,
    PRIMARY KEY (scope, subject, day, key, model_group, model, provider)
);
CREATE INDEX llm_daily_day ON llm_daily (scope, day);
