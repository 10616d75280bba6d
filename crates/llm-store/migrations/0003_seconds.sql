-- In which seconds (since 1970) there were calls of somebody. Lists of their calls are read from there, second by second,
-- out of the index by time: one entry for all calls of a second, in place of an entry for each call in six indexes.
CREATE TABLE llm_ledger_seconds (
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    second BIGINT NOT NULL,
    PRIMARY KEY (field, value, second)
);
INSERT INTO llm_ledger_seconds (field, value, second)
    SELECT DISTINCT 'key', key, started / 1000000 FROM llm_ledger WHERE key IS NOT NULL;
INSERT INTO llm_ledger_seconds (field, value, second)
    SELECT DISTINCT 'team_id', team_id, started / 1000000 FROM llm_ledger WHERE team_id IS NOT NULL;
INSERT INTO llm_ledger_seconds (field, value, second)
    SELECT DISTINCT 'user_id', user_id, started / 1000000 FROM llm_ledger WHERE user_id IS NOT NULL;
INSERT INTO llm_ledger_seconds (field, value, second)
    SELECT DISTINCT 'customer', customer, started / 1000000 FROM llm_ledger WHERE customer IS NOT NULL;
INSERT INTO llm_ledger_seconds (field, value, second)
    SELECT DISTINCT 'session_id', session_id, started / 1000000 FROM llm_ledger WHERE session_id IS NOT NULL;
INSERT INTO llm_ledger_seconds (field, value, second)
    SELECT DISTINCT 'model_group', model_group, started / 1000000 FROM llm_ledger WHERE model_group IS NOT NULL;
DROP INDEX llm_ledger_key;
DROP INDEX llm_ledger_team;
DROP INDEX llm_ledger_user;
DROP INDEX llm_ledger_customer;
DROP INDEX llm_ledger_session;
DROP INDEX llm_ledger_model_group;
