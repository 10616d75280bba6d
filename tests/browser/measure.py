"""Asks a gateway what the pages of its dashboard ask, and says how long each answer takes.

    LLM_KEY=sk-… python3 measure.py http://127.0.0.1:4000 [milliseconds that are too many] [the gateway's process id]

Each question is asked several times; the median and the longest are told. It fails where a median is too long. With the
process id it goes by the time that the gateway worked for an answer, which is the same on a machine that others use.
"""

import datetime
import functools
import json
import os
import statistics
import sys
import time
import urllib.parse
import urllib.request

TIMES = 5


class Gateway:
    def __init__(self, url, key):
        self.url, self.headers = url.rstrip("/"), {"authorization": f"Bearer {key}"}

    def get(self, path, **query):
        query = {name: value for name, value in query.items() if value not in (None, "")}
        request = urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(query)}", headers=self.headers)
        began = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        return json.loads(body), (time.perf_counter() - began) * 1_000


def day(ago):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=ago)).strftime("%Y-%m-%d")


def questions(gateway):
    """Each page's questions, with what they are about taken from the gateway itself."""
    def first(path, pick, **query):
        return pick(gateway.get(path, **query)[0])

    one = first("/spend/logs/v2", lambda page: page["data"][0], page=1, page_size=1)
    key = first("/key/list", lambda page: page["keys"][0]["token"], return_full_object="true", sort_by="spend", sort_order="desc")
    team = first("/v2/team/list", lambda page: page["teams"][0]["team_id"], sort_by="spend", sort_order="desc")
    user = first("/user/list", lambda page: page["users"][0]["user_id"])
    organization = first("/organization/list", lambda page: page[0]["organization_id"])
    customer = one["end_user"]
    model = one["model_group"]
    usage, month = "/usage", {"from": day(29), "to": day(0)}
    yield "overview: days", usage, {"group_by": "day", **month}
    yield "overview: days of the quarter", usage, {"group_by": "day", "from": day(89), "to": day(0)}
    for days, name in ((1, "today"), (7, "week"), (30, "month"), (90, "quarter")):
        when = {"from": day(days - 1), "to": day(0)}
        for by in ("model", "provider", "team", "key"):
            yield f"overview: {name} by {by}", usage, {"group_by": by, "limit": 6, **when}
        yield f"overview: {name}, dearest keys", "/global/spend/keys", {"start_date": day(days - 1), "end_date": day(0), "limit": 6}
        yield f"overview: {name}, days of a model", usage, {"group_by": "day", "model": model, **when}
    yield "overview: all ever spent", "/global/spend", {}
    yield "overview: last hours", "/v1/activity/recent", {}
    for days in (1, 7, 30, None):
        when = {} if days is None else {"start_date": f"{day(days - 1)} 00:00:00", "end_date": f"{day(0)} 23:59:59"}
        name = "ever" if days is None else f"{days} days"
        for what, chosen in {"": {}, "failed": {"status_filter": "failure"}, "answered": {"status_filter": "success"}, "model": {"model_group": model}, "team": {"team_id": team}, "key": {"api_key": key}, "customer": {"end_user": customer}, "failed of a key": {"api_key": key, "status_filter": "failure"}, "failed of a model": {"model_group": model, "status_filter": "failure"}, "a model of a team": {"team_id": team, "model_group": model}}.items():
            yield f"logs: {name} {what}".rstrip(), "/spend/logs/v2", {"page": 1, "page_size": 50, **when, **chosen}
    yield "logs: page 20", "/spend/logs/v2", {"page": 20, "page_size": 50}
    yield "logs: one call", "/spend/logs", {"request_id": one["litellm_call_id"]}
    yield "keys", "/key/list", {"return_full_object": "true", "include_team_keys": "true", "page": 1, "size": 25, "sort_by": "spend", "sort_order": "desc"}
    yield "key", "/key/info", {"key": key}
    yield "key: days", usage, {"group_by": "day", "key": key, **month}
    yield "budgets: nearest keys", "/key/list", {"return_full_object": "true", "size": 100, "sort_by": "spend", "sort_order": "desc", "min_spend": 0.000001}
    yield "budgets: nearest teams", "/v2/team/list", {"page_size": 100, "sort_by": "spend", "sort_order": "desc", "min_spend": 0.000001}
    yield "key: calls", "/spend/logs/v2", {"api_key": key, "page": 1, "page_size": 10}
    yield "teams", "/v2/team/list", {"page": 1, "page_size": 25, "sort_by": "spend", "sort_order": "desc"}
    yield "team", "/team/info", {"team_id": team}
    yield "users", "/user/list", {"page": 1, "page_size": 25}
    yield "user", "/user/info", {"user_id": user}
    yield "organisation", "/organization/info", {"organization_id": organization}
    for known in gateway.get("/customer/list", page=1, page_size=1)[0][:1]:
        yield "customer", "/customer/info", {"end_user_id": known["user_id"]}
    yield "customers", "/customer/list", {"page": 1, "page_size": 25}
    for path, name, of in (("team", "team_ids", team), ("user", "user_id", user), ("organization", "organization_ids", organization), ("customer", "end_user_ids", customer)):
        yield f"{path}: days", f"/{path}/daily/activity/aggregated", {"start_date": day(29), "end_date": day(0), "breakdown": "none", name: of}
        yield f"{path}: days with all parts", f"/{path}/daily/activity/aggregated", {"start_date": day(29), "end_date": day(0), name: of}
    yield "models: used", usage, {"group_by": "model", "limit": 1_000, **month}
    yield "model: days", usage, {"group_by": "day", "model": model, **month}
    yield "model: calls", "/spend/logs/v2", {"model_group": model, "page": 1, "page_size": 10}
    for path in ("/v1/models", "/model/info", "/v1/providers/status", "/router/settings", "/v2/guardrails/list", "/budget/list", "/get/config/callbacks", "/guardrails/hits", "/alerting/settings", "/health/readiness"):
        yield path, path, {}
    yield "audit", "/audit", {"page": 1, "page_size": 25}


def work_of(process):
    """Milliseconds that a process has worked."""
    with open(f"/proc/{process}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1_000 / os.sysconf("SC_CLK_TCK")


def main():
    most = float(sys.argv[2]) if len(sys.argv) > 2 else 100.0
    gateway, slow = Gateway(sys.argv[1], os.environ["LLM_KEY"]), []
    worked = functools.partial(work_of, sys.argv[3]) if len(sys.argv) > 3 else None
    for name, path, query in questions(gateway):
        before = worked() if worked else 0.0
        took = [gateway.get(path, **query)[1] for _ in range(TIMES)]
        median = statistics.median(took)
        work = (worked() - before) / TIMES if worked else median
        slow += [name] if work > most else []
        print(f"{median:9.1f} ms, at most {max(took):9.1f} ms, work {work:9.1f} ms  {name}", flush=True)
    if slow:
        raise SystemExit(f"more than {most:.0f} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
