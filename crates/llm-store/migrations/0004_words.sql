-- What was asked and answered, where the operator has it kept: JSON, a row for a call. It goes when the call's row goes.
CREATE TABLE llm_ledger_words (
    id TEXT PRIMARY KEY,
    started BIGINT NOT NULL,
    request TEXT,
    response TEXT
);
CREATE INDEX llm_ledger_words_started ON llm_ledger_words (started);
