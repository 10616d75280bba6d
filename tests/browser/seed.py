"""Fills the database of a gateway that is not running with calls of days past, for looks and for measurements.

    python3 seed.py data/llm-server.db 100000 --days 30
    python3 seed.py data/llm-server.db 1000000 --days 90 --copies 10    # ten million, in minutes

Calls are like those that the database has (`people.py` makes some), as many as are asked for, spread over days and hours as people work, and
written in the order of time, as a gateway would have written them.
"""

import argparse
import array
import hashlib
import itertools
import json
import math
import random
import sqlite3
import time
import uuid

DAY = 86_400_000_000
DAILY = ("scope subject day key model_group model provider requests failures prompt_tokens completion_tokens "
         "cache_read_tokens cache_write_tokens reasoning_tokens cost took_micros first_content_micros first_contents").split()
COLUMNS = ("id vendor_id started ended key team_id user_id organization_id customer session_id model model_group deployment "
           "provider call_type ending failed error cache_hit cost prompt_tokens completion_tokens total_tokens took_micros "
           "document").split()


# Fields whose seconds are kept, as llm-store's `ledger/seconds.rs` has them.
SECONDS = "session_id customer key user_id team_id model_group".split()


def time_id(at, dice):
    """An id that sorts by time, as those of the gateway do."""
    return str(uuid.UUID(int=(at // 1_000 << 80) | (7 << 76) | (2 << 62) | (dice.getrandbits(74) & ~(3 << 62))))


def subjects(row):
    yield "global", ""
    for scope, name in [("organization", "organization_id"), ("team", "team_id"), ("user", "user_id"), ("key", "key"), ("customer", "customer")]:
        if row[name]:
            yield scope, row[name]


def moment(days, now, dice):
    """Some moment of the days: more on working days and by day, and more lately."""
    while True:
        ago = dice.random() ** 1.25 * days
        at = now - int(ago * DAY)
        hour = at // 3_600_000_000 % 24
        weekday = (at // DAY + 4) % 7
        busy = 0.25 + 0.75 * math.exp(-((hour - 14) ** 2) / 26)
        if dice.random() < busy * (0.35 if weekday in (0, 6) else 1):
            return at


def call(template, at, dice):
    row = dict(template)
    # What a call has besides its columns stands in a document only where an earlier program wrote it.
    document = json.loads(row["document"] or "{}")
    document.setdefault("dialect", "openai.chat")
    document.setdefault("upstream_model", f"{row['provider']}/{row['model_group']}")
    prompt, answer = int(dice.lognormvariate(6.2, 1)), int(dice.lognormvariate(5.1, 0.8))
    failed = dice.random() < (0.012 if not template["failed"] else 0.6)
    first = int(dice.lognormvariate(12.6, 0.45))
    took = first + int(answer * dice.lognormvariate(9.3, 0.3))
    price = {"gpt-4o": (2.5, 10), "claude-sonnet-4-5": (3, 15), "gpt-4o-mini": (0.15, 0.6), "gemini-2.5-flash": (0.3, 2.5)}.get(row["model_group"], (0.6, 0.8))
    cost = 0 if failed else int(1_000 * (prompt * price[0] + answer * price[1]))
    if failed:
        answer, took = 0, first
    row.update(id=time_id(at, dice), vendor_id=None, started=at, ended=at + took, failed=int(failed), cost=cost,
               ending="failed" if failed else "complete", error="rate_limited" if failed else None, prompt_tokens=prompt,
               completion_tokens=answer, total_tokens=prompt + answer, took_micros=took)
    document.update(usage={"input": prompt, "output": answer}, stream=not failed)
    document["first_content_micros"] = None if failed else first
    document = {name: value for name, value in document.items() if value is not None}
    document["status"] = 429 if failed else 200
    row["document"] = json.dumps(document, separators=(",", ":"))
    return row, None if failed else first, document.get("upstream_model", "")


def write(database, *many):
    for text, values in many:
        database.executemany(text, values)
    database.commit()


def multiply(database, copies):
    """Puts so many calls in the place of each, a moment apart, and makes the sums what they then are."""
    columns = [name for name in COLUMNS if name not in ("id", "vendor_id", "started", "ended")]
    database.execute("CREATE TEMP TABLE copy AS WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c WHERE k < ?) SELECT k FROM c", [copies - 1])
    last = database.execute("SELECT max(rowid) FROM llm_ledger").fetchone()[0]
    at = "(started + k * 700000)"
    database.execute(f"""INSERT INTO llm_ledger (id, vendor_id, started, ended, {', '.join(columns)})
        SELECT printf('%08x-%04x-7%03x-%s', {at} / 1000 >> 16, {at} / 1000 & 65535, k, substr(id, 20)), NULL, {at}, ended + k * 700000,
        {', '.join(columns)} FROM llm_ledger CROSS JOIN copy WHERE llm_ledger.rowid <= ? AND packed IS NULL ORDER BY llm_ledger.rowid, k""", [last])
    database.commit()
    for name in SECONDS:
        database.execute(f"""INSERT OR IGNORE INTO llm_ledger_seconds (field, value, second) SELECT DISTINCT '{name}', {name}, started / 1000000
            FROM llm_ledger WHERE {name} IS NOT NULL ORDER BY 2, 3""")
        database.commit()
    database.execute(f"UPDATE llm_daily SET {', '.join(f'{name} = {name} * {copies}' for name in DAILY[7:])}")
    database.execute(f"UPDATE llm_spent SET amount = amount * {copies}")
    database.commit()


def add_up(database):
    """The sums of subjects as a whole, of those by key and model: what llm-store's migration 6 does."""
    names, sums = ", ".join(DAILY[7:]), ", ".join(f"sum({name})" for name in DAILY[7:])
    database.execute("DELETE FROM llm_daily_subjects")
    for span in (1, 8):
        database.execute(f"""INSERT INTO llm_daily_subjects (scope, subject, span, day, {names}) SELECT scope, subject, {span}, day / {span} * {span},
            {sums} FROM llm_daily WHERE scope <> 'global' GROUP BY scope, day / {span}, subject""")
    database.commit()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("database")
    arguments.add_argument("calls", type=int)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--spent", action="store_true", help="add the cost to what was ever spent, too")
    arguments.add_argument("--copies", type=int, default=1, help="of each call: quicker than as many more calls")
    asked = arguments.parse_args()
    dice = random.Random(7)
    database = sqlite3.connect(asked.database)
    database.row_factory = sqlite3.Row
    templates = [dict(row) for row in database.execute(f"SELECT {', '.join(COLUMNS)} FROM llm_ledger")]
    if not templates:
        raise SystemExit("the database has no call yet: make some first")
    now = int(time.time() * 1e6)
    weights = [1 + 9 * (int(hashlib.sha256(str((one["key"], one["model_group"])).encode()).hexdigest(), 16) % 97) / 97 for one in templates]
    moments = array.array("q", (moment(asked.days, now, dice) for _ in range(asked.calls)))
    moments = array.array("q", sorted(moments))
    weights = list(itertools.accumulate(weights))
    sums, spent, rows, seconds = {}, {}, [], set()
    insert = f"INSERT INTO llm_ledger ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    noted = "INSERT OR IGNORE INTO llm_ledger_seconds (field, value, second) VALUES (?, ?, ?)"
    # Nobody else has it open, and what breaks off in its middle is thrown away: without a journal there is no second copy
    # of all of it on the disk.
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -1000000")
    for at in moments:
        row, first, model = call(dice.choices(templates, cum_weights=weights)[0], at, dice)
        rows.append([row[name] for name in COLUMNS])
        counts = [1, row["failed"], row["prompt_tokens"], row["completion_tokens"], 0, 0, 0, row["cost"], row["took_micros"], first or 0, int(first is not None)]
        for scope, subject in subjects(row):
            of = (scope, subject, row["started"] // DAY, "" if scope == "global" else row["key"] or "", row["model_group"] or "", model, row["provider"] or "")
            sums[of] = [one + more for one, more in zip(sums.get(of, [0] * 11), counts)]
            spent[scope, subject] = spent.get((scope, subject), 0) + row["cost"]
        seconds.update((name, row[name], at // 1_000_000) for name in SECONDS if row[name])
        if len(rows) >= 200_000:
            write(database, (insert, rows), (noted, sorted(seconds)))
            rows.clear()
            seconds.clear()
    write(database, (insert, rows), (noted, sorted(seconds)))
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in DAILY[7:])
    database.executemany(f"INSERT INTO llm_daily ({', '.join(DAILY)}) VALUES ({', '.join('?' * len(DAILY))}) ON CONFLICT DO UPDATE SET {added}",
                         [[*of, *counts] for of, counts in sums.items()])
    if asked.spent:
        for (scope, subject), amount in spent.items():
            database.execute("UPDATE llm_spent SET amount = amount + ? WHERE scope = ? AND subject = ?", (amount, scope, subject))
    database.commit()
    if asked.copies > 1:
        multiply(database, asked.copies)
    add_up(database)
    database.execute("PRAGMA journal_mode = WAL")
    print(f"{asked.calls * asked.copies} calls, {len(sums)} sums of days")


if __name__ == "__main__":
    main()
