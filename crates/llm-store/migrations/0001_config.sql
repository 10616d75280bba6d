-- Settings that are changed while gateways run, by name.
CREATE TABLE llm_config (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
