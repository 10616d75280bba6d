-- Sums by day of a subject as a whole, and the same of eight days together (`span`, which `day` is the first of): what is
-- asked for all keys or teams at once reads few rows of each, and not one for each day, key, model and provider.
CREATE TABLE llm_daily_subjects (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    span BIGINT NOT NULL,
    day BIGINT NOT NULL,
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
    PRIMARY KEY (scope, subject, span, day)
);
INSERT INTO llm_daily_subjects (scope, subject, span, day, requests, failures, prompt_tokens, completion_tokens,
        cache_read_tokens, cache_write_tokens, reasoning_tokens, cost, took_micros, first_content_micros, first_contents)
    SELECT scope, subject, 1, day, SUM(requests), SUM(failures), SUM(prompt_tokens), SUM(completion_tokens),
        SUM(cache_read_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens), SUM(cost), SUM(took_micros),
        SUM(first_content_micros), SUM(first_contents)
    FROM llm_daily WHERE scope <> 'global' GROUP BY scope, day, subject;
INSERT INTO llm_daily_subjects (scope, subject, span, day, requests, failures, prompt_tokens, completion_tokens,
        cache_read_tokens, cache_write_tokens, reasoning_tokens, cost, took_micros, first_content_micros, first_contents)
    SELECT scope, subject, 8, day / 8 * 8, SUM(requests), SUM(failures), SUM(prompt_tokens), SUM(completion_tokens),
        SUM(cache_read_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens), SUM(cost), SUM(took_micros),
        SUM(first_content_micros), SUM(first_contents)
    FROM llm_daily_subjects GROUP BY scope, day / 8 * 8, subject;
CREATE INDEX llm_daily_subjects_day ON llm_daily_subjects (scope, span, day);
