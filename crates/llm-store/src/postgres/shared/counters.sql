-- Limits and budgets that gateways share through PostgreSQL alone. All times are the server's, in milliseconds since 1970.
--
-- Nothing here is written ahead: after a crash of the server the tables are empty, and begin with what the ledger has
-- and what gateways had heard. What is done to a counter is done under its lock (llm_shared_lock).
--
-- llm_shared_counters:
-- - Requests and tokens: amounts by when they were taken, in steps of a sixtieth of the window; `held` is their sum. A
--   step's amounts leave when all of it is a window old: room comes back up to a step later, and never too early.
-- - Slots and money: `held` is the sum of the holds.
-- - Money: `since` is what was spent since `life` began, `base` what was spent before that as far as anybody knows: the
--   ledger, and each gateway, which gives what it had heard of the last life once; the most counts.
-- - `over`: when nobody needs it any more, unless something is held.

CREATE UNLOGGED TABLE IF NOT EXISTS llm_shared_counters (
    key TEXT COLLATE "C" PRIMARY KEY,
    life TEXT,
    base BIGINT NOT NULL DEFAULT 0,
    since BIGINT NOT NULL DEFAULT 0,
    held BIGINT NOT NULL DEFAULT 0,
    whens BIGINT[] NOT NULL DEFAULT '{}',
    amounts BIGINT[] NOT NULL DEFAULT '{}',
    over BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE IF NOT EXISTS llm_shared_holds (
    lease TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (lease, key)
);

CREATE INDEX IF NOT EXISTS llm_shared_holds_ends ON llm_shared_holds (ends);

-- The number of what each gateway settled last: what is sent again is not booked again.
CREATE UNLOGGED TABLE IF NOT EXISTS llm_shared_gateways (
    gateway TEXT COLLATE "C" PRIMARY KEY,
    settled BIGINT NOT NULL,
    seen BIGINT NOT NULL
) WITH (fillfactor = 50);

-- Locks counters, always in one order, until the transaction ends. Gives the time.
CREATE OR REPLACE FUNCTION llm_shared_lock_1(keys TEXT[]) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(sorted.hash) FROM (
        SELECT DISTINCT hashtextextended(one.key, 7308324466020549999) AS hash FROM unnest(keys) AS one(key) ORDER BY 1
    ) AS sorted;
    RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT;
END $$;

-- Gives back a slot or money.
CREATE OR REPLACE FUNCTION llm_shared_release_1(of_key TEXT, of_lease TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    gone BIGINT;
BEGIN
    DELETE FROM llm_shared_holds AS hold WHERE hold.lease = of_lease AND hold.key = of_key RETURNING hold.amount INTO gone;
    IF FOUND THEN
        UPDATE llm_shared_counters AS one SET held = one.held - gone WHERE one.key = of_key;
    END IF;
END $$;

-- Holds a slot or money, for as long as this.
CREATE OR REPLACE FUNCTION llm_shared_hold_1(of_key TEXT, of_lease TEXT, of_amount BIGINT, until BIGINT)
RETURNS VOID LANGUAGE sql AS $$
    INSERT INTO llm_shared_holds AS hold (lease, key, amount, ends) VALUES (of_lease, of_key, of_amount, until)
    ON CONFLICT (lease, key) DO UPDATE SET amount = excluded.amount, ends = excluded.ends;
$$;

-- Adds to what was taken in a step of a window, where it is not over.
CREATE OR REPLACE FUNCTION llm_shared_add_1(of_key TEXT, of_when BIGINT, of_amount BIGINT)
RETURNS VOID LANGUAGE sql AS $$
    UPDATE llm_shared_counters AS one SET
        held = one.held + of_amount,
        amounts[array_position(one.whens, of_when)] = one.amounts[array_position(one.whens, of_when)] + of_amount
    WHERE one.key = of_key AND of_amount <> 0 AND of_when = ANY (one.whens);
$$;

-- A day after its period nobody settles in it any more; one without an end is begun again after a month without a call.
CREATE OR REPLACE FUNCTION llm_shared_over_1(ends TEXT, at_time BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN ends = '' THEN at_time + 2592000000 ELSE greatest(ends::BIGINT, at_time) + 86400000 END;
$$;

CREATE OR REPLACE FUNCTION llm_shared_spent_1(place TEXT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    words TEXT[] := string_to_array(place, chr(31));
BEGIN
    RETURN coalesce((
        SELECT spent.amount FROM llm_spent AS spent
        WHERE spent.scope = words[1] AND spent.subject = words[2] AND spent.model = words[3]
            AND spent.period_start = words[4]::BIGINT AND spent.period_end = words[5]::BIGINT
    ), 0);
END $$;

-- A gateway says its name. Argument: the number of what it settled last. Says 1 to one that is not known.
CREATE OR REPLACE FUNCTION llm_shared_meet_1(of_gateway TEXT, keys TEXT[], places TEXT[], arguments TEXT[])
RETURNS TEXT[] LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO llm_shared_gateways (gateway, settled, seen)
    VALUES (of_gateway, arguments[1]::BIGINT, llm_shared_lock_1('{}')) ON CONFLICT DO NOTHING;
    IF FOUND THEN RETURN '{1}'; END IF;
    RETURN '{}';
END $$;

-- Takes all that a call wants, or nothing. Keys: of each want, of each thing that is given back. Places: of each want.
-- Arguments: lease, milliseconds that slots and holds last, the number of wants; seven of each want, three of each thing
-- that is given back.
CREATE OR REPLACE FUNCTION llm_shared_reserve_1(of_gateway TEXT, keys TEXT[], places TEXT[], arguments TEXT[])
RETURNS TEXT[] LANGUAGE plpgsql AS $$
DECLARE
    of_lease CONSTANT TEXT := arguments[1];
    slots CONSTANT BIGINT := arguments[2];
    holds CONSTANT BIGINT := arguments[3];
    wants CONSTANT INT := arguments[4];
    now_at CONSTANT BIGINT := llm_shared_lock_1(keys);
    second CONSTANT BIGINT := now_at / 1000;
    said TEXT[] := '{1}';
    counter llm_shared_counters;
    at INT;
    most BIGINT;
    amount BIGINT;
    own BIGINT;
    others BIGINT;
    rest BIGINT;
    freed BIGINT;
    -- Of requests and tokens.
    width BIGINT;
    step BIGINT;
    bucket BIGINT;
    place INT;
    cut INT;
    -- What is written when all of it was looked at.
    cuts INT[];
    lefts BIGINT[];
    takes BIGINT[];
    changes BIGINT[];
    buckets BIGINT[];
    bases BIGINT[];
BEGIN
    FOR want IN 1..wants LOOP
        at := 7 * want - 2;
        most := arguments[at + 1];
        amount := arguments[at + 2];
        SELECT * INTO counter FROM llm_shared_counters AS one WHERE one.key = keys[want];
        IF arguments[at] = 'f' THEN
            width := arguments[at + 3];
            step := arguments[at + 4];
            rest := coalesce(counter.held, 0);
            cut := 0;
            WHILE counter.whens[cut + 1] + width + step <= second LOOP
                cut := cut + 1;
                rest := rest - counter.amounts[cut];
            END LOOP;
            bucket := second - second % step;
            own := 0;
            IF arguments[at + 5] <> '' THEN
                place := array_position(counter.whens, arguments[at + 5]::BIGINT);
                IF place > cut THEN
                    bucket := arguments[at + 5];
                    own := arguments[at + 6];
                END IF;
            END IF;
            lefts[want] := rest;
            others := rest - own;
            amount := greatest(amount, own);
            rest := greatest(most - others, 0);
            IF amount > rest THEN
                freed := 0;
                FOR step_at IN cut + 1 .. coalesce(cardinality(counter.whens), 0) LOOP
                    freed := freed + counter.amounts[step_at];
                    IF freed >= others + amount - most THEN
                        bucket := (counter.whens[step_at] + width + step) * 1000 - now_at;
                        RETURN ARRAY['0', (want - 1)::TEXT, rest::TEXT, bucket::TEXT];
                    END IF;
                END LOOP;
                RETURN ARRAY['0', (want - 1)::TEXT, rest::TEXT, '-1'];
            END IF;
            cuts[want] := cut;
            buckets[want] := bucket;
            said := said || ARRAY[(rest - amount)::TEXT, bucket::TEXT, '0'];
        ELSE
            own := coalesce((
                SELECT hold.amount FROM llm_shared_holds AS hold
                WHERE hold.lease = of_lease AND hold.key = keys[want]
            ), 0);
            others := coalesce(counter.held, 0) - own;
            amount := greatest(amount, own);
            rest := most - others;
            IF arguments[at] = 'm' THEN
                bases[want] := coalesce(counter.base, 0);
                freed := coalesce(counter.since, 0);
                IF counter.life IS NULL OR counter.life <> arguments[at + 5] THEN
                    bases[want] := greatest(bases[want], arguments[at + 6]::BIGINT, arguments[at + 4]::BIGINT - freed);
                    IF counter.life IS NULL THEN
                        bases[want] := greatest(bases[want], llm_shared_spent_1(places[want]) - freed);
                    END IF;
                ELSE
                    -- A replica took over that lacks what was heard.
                    bases[want] := greatest(bases[want], arguments[at + 6]::BIGINT - freed);
                END IF;
                rest := rest - bases[want] - freed;
                said := said || ARRAY[
                    greatest(rest - amount, 0)::TEXT, coalesce(counter.life, of_lease), (bases[want] + freed)::TEXT
                ];
            ELSE
                said := said || ARRAY[(rest - amount)::TEXT, '', '0'];
            END IF;
            -- Below zero: there is no cap.
            IF most >= 0 AND amount > greatest(rest, 0) THEN
                RETURN ARRAY['0', (want - 1)::TEXT, greatest(rest, 0)::TEXT, '-1'];
            END IF;
        END IF;
        takes[want] := amount;
        changes[want] := amount - own;
    END LOOP;
    FOR want IN 1..wants LOOP
        at := 7 * want - 2;
        amount := takes[want];
        IF arguments[at] = 'f' THEN
            freed := changes[want];
            bucket := buckets[want];
            cut := cuts[want] + 1;
            width := now_at + (arguments[at + 3]::BIGINT + 2 * arguments[at + 4]::BIGINT + 60) * 1000;
            UPDATE llm_shared_counters AS one SET
                held = lefts[want] + freed,
                whens = CASE WHEN bucket = ANY (one.whens) THEN one.whens[cut:] ELSE one.whens[cut:] || bucket END,
                amounts = CASE WHEN bucket = ANY (one.whens) THEN one.amounts[cut:array_position(one.whens, bucket) - 1]
                    || (one.amounts[array_position(one.whens, bucket)] + freed)
                    || one.amounts[array_position(one.whens, bucket) + 1:]
                    ELSE one.amounts[cut:] || freed END,
                over = width
            WHERE one.key = keys[want];
            IF NOT FOUND THEN
                INSERT INTO llm_shared_counters (key, held, whens, amounts, over)
                VALUES (keys[want], freed, ARRAY[bucket], ARRAY[freed], width);
            END IF;
        ELSIF arguments[at] = 's' THEN
            PERFORM llm_shared_hold_1(keys[want], of_lease, 1, now_at + slots);
            INSERT INTO llm_shared_counters AS one (key, held, over) VALUES (keys[want], 1, now_at + 86400000)
            ON CONFLICT (key) DO UPDATE SET held = one.held + changes[want], over = excluded.over;
        ELSE
            IF amount > 0 THEN
                PERFORM llm_shared_hold_1(keys[want], of_lease, amount, now_at + holds);
            END IF;
            INSERT INTO llm_shared_counters AS one (key, life, base, held, over)
            VALUES (keys[want], of_lease, bases[want], amount, llm_shared_over_1(arguments[at + 3], now_at))
            ON CONFLICT (key) DO UPDATE SET
                life = coalesce(one.life, excluded.life),
                base = excluded.base,
                held = one.held + changes[want],
                over = excluded.over;
        END IF;
    END LOOP;
    FOR back IN wants + 1 .. cardinality(keys) LOOP
        at := 3 * (back - wants) + 7 * wants + 2;
        IF arguments[at] <> 'f' THEN
            PERFORM llm_shared_release_1(keys[back], of_lease);
        ELSIF arguments[at + 1] <> '' THEN
            PERFORM llm_shared_add_1(keys[back], arguments[at + 1]::BIGINT, -(arguments[at + 2]::BIGINT));
        END IF;
    END LOOP;
    RETURN said;
END $$;

-- Books what a call has used, in the order of the numbers. Arguments: the settlement's number, lease; five of each thing:
-- what it is, tokens beyond what was taken or nano-dollars, and when they were taken, or when the period is over, the
-- life that was known, and what was heard of the last one. Gives life and all that was spent of each budget.
CREATE OR REPLACE FUNCTION llm_shared_settle_1(of_gateway TEXT, keys TEXT[], places TEXT[], arguments TEXT[])
RETURNS TEXT[] LANGUAGE plpgsql AS $$
DECLARE
    number CONSTANT BIGINT := arguments[1];
    said TEXT[] := '{}';
    counter llm_shared_counters;
    now_at BIGINT;
    at INT;
BEGIN
    UPDATE llm_shared_gateways AS one SET settled = number
    WHERE one.gateway = of_gateway AND one.settled = number - 1;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM llm_shared_gateways AS one WHERE one.gateway = of_gateway AND one.settled >= number) THEN
            RETURN said;
        END IF;
        RAISE EXCEPTION 'a settlement is missing';
    END IF;
    now_at := llm_shared_lock_1(keys);
    FOR thing IN 1 .. cardinality(keys) LOOP
        at := 5 * thing - 2;
        IF arguments[at] = 'f' THEN
            PERFORM llm_shared_add_1(keys[thing], arguments[at + 2]::BIGINT, arguments[at + 1]::BIGINT);
            CONTINUE;
        END IF;
        PERFORM llm_shared_release_1(keys[thing], arguments[2]);
        IF arguments[at] = 'm' AND arguments[at + 1] <> '0' THEN
            -- A life begins with who asks, and then the ledger is asked, which may know of this already.
            INSERT INTO llm_shared_counters AS one (key, base, since, over) VALUES (
                keys[thing], arguments[at + 4]::BIGINT, arguments[at + 1]::BIGINT,
                llm_shared_over_1(arguments[at + 2], now_at)
            ) ON CONFLICT (key) DO UPDATE SET
                base = CASE WHEN one.life = arguments[at + 3] THEN one.base ELSE greatest(one.base, excluded.base) END,
                since = one.since + excluded.since,
                over = excluded.over
            RETURNING one.* INTO counter;
            IF counter.life IS NOT NULL THEN
                said := said || ARRAY[keys[thing], counter.life, (counter.base + counter.since)::TEXT];
            END IF;
        END IF;
    END LOOP;
    RETURN said;
END $$;

-- Signs of life. Arguments: milliseconds that slots and holds last; four of each thing: what it is, lease, nano-dollars,
-- when the period is over. What the server has lost since is held again.
CREATE OR REPLACE FUNCTION llm_shared_renew_1(of_gateway TEXT, keys TEXT[], places TEXT[], arguments TEXT[])
RETURNS TEXT[] LANGUAGE plpgsql AS $$
DECLARE
    now_at BIGINT;
    at INT;
    until BIGINT;
    over_at BIGINT;
    held_now BIGINT;
BEGIN
    UPDATE llm_shared_gateways AS one SET seen = floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT
    WHERE one.gateway = of_gateway;
    now_at := llm_shared_lock_1(keys);
    FOR thing IN 1 .. cardinality(keys) LOOP
        at := 4 * thing - 1;
        until := now_at + (CASE WHEN arguments[at] = 's' THEN arguments[1] ELSE arguments[2] END)::BIGINT;
        UPDATE llm_shared_holds AS hold SET ends = until
        WHERE hold.lease = arguments[at + 1] AND hold.key = keys[thing];
        IF NOT FOUND THEN
            held_now := CASE WHEN arguments[at] = 's' THEN 1 ELSE arguments[at + 2]::BIGINT END;
            over_at := llm_shared_over_1(CASE WHEN arguments[at] = 's' THEN '0' ELSE arguments[at + 3] END, now_at);
            PERFORM llm_shared_hold_1(keys[thing], arguments[at + 1], held_now, until);
            INSERT INTO llm_shared_counters AS one (key, held, over) VALUES (keys[thing], held_now, over_at)
            ON CONFLICT (key) DO UPDATE SET held = one.held + held_now, over = greatest(one.over, over_at);
        END IF;
    END LOOP;
    RETURN '{}';
END $$;

-- Argument: the life that was known. What is held stays.
CREATE OR REPLACE FUNCTION llm_shared_forget_1(of_gateway TEXT, keys TEXT[], places TEXT[], arguments TEXT[])
RETURNS TEXT[] LANGUAGE plpgsql AS $$
BEGIN
    PERFORM llm_shared_lock_1(keys);
    UPDATE llm_shared_counters AS one SET life = NULL, base = 0, since = 0
    WHERE one.key = keys[1] AND coalesce(one.life, '') = arguments[1];
    RETURN '{}';
END $$;

-- Forgets what nobody needs any more, or gives back what calls of gateways that are gone have. One gateway at a time
-- does it, and few counters are locked at once.
CREATE OR REPLACE FUNCTION llm_shared_sweep_1(forgets BOOLEAN) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    now_at BIGINT := floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT;
    gone TEXT[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(7308324466020549998) THEN RETURN; END IF;
    IF forgets THEN
        DELETE FROM llm_shared_gateways AS one WHERE one.seen < now_at - 86400000;
        gone := ARRAY(
            SELECT one.key FROM llm_shared_counters AS one
            WHERE one.over < now_at AND (one.held = 0 OR one.whens <> '{}') LIMIT 500
        );
        IF cardinality(gone) > 0 THEN
            PERFORM llm_shared_lock_1(gone);
            DELETE FROM llm_shared_counters AS one
            WHERE one.key = ANY (gone) AND one.over < now_at AND (one.held = 0 OR one.whens <> '{}');
        END IF;
        RETURN;
    END IF;
    gone := ARRAY(SELECT DISTINCT first.key FROM (
        SELECT hold.key FROM llm_shared_holds AS hold WHERE hold.ends <= now_at LIMIT 500
    ) AS first);
    IF cardinality(gone) > 0 THEN
        PERFORM llm_shared_lock_1(gone);
        WITH ended AS (
            DELETE FROM llm_shared_holds AS hold WHERE hold.ends <= now_at AND hold.key = ANY (gone)
            RETURNING hold.key, hold.amount
        ), sums AS (SELECT ended.key, sum(ended.amount)::BIGINT AS amount FROM ended GROUP BY ended.key)
        UPDATE llm_shared_counters AS one SET held = one.held - sums.amount FROM sums WHERE sums.key = one.key;
    END IF;
END $$;
