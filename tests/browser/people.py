"""Makes organisations, teams, users and keys in a gateway, and lets each key ask: what `seed.py` then multiplies.

    LLM_KEY=sk-… python3 people.py http://127.0.0.1:4000 [--keys 2000] [--teams 40] [--users 200] [--customers 400]

Each key asks some of the models that the gateway serves, once; which ones, and as which customer, is the same each time.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import random
import threading
import urllib.parse


class Gateway:
    """One connection for each thread."""

    def __init__(self, url, key):
        self.host, self.key, self.of_thread = urllib.parse.urlsplit(url).netloc, key, threading.local()

    def ask(self, method, path, body=None, key=None):
        if not hasattr(self.of_thread, "connection"):
            self.of_thread.connection = http.client.HTTPConnection(self.host, timeout=60)
        headers = {"authorization": f"Bearer {key or self.key}", "content-type": "application/json"}
        self.of_thread.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.of_thread.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text)

    def post(self, path, body, key=None):
        return self.ask("POST", path, body, key)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    for name, count in {"keys": 2000, "teams": 40, "users": 200, "organizations": 10, "customers": 400, "models": 5}.items():
        arguments.add_argument(f"--{name}", type=int, default=count)
    asked = arguments.parse_args()
    gateway = Gateway(asked.url, os.environ["LLM_KEY"])
    models = sorted(model["id"] for model in gateway.ask("GET", "/v1/models")["data"])
    organizations = [gateway.post("/organization/new", {"organization_alias": f"Organisation {number}"})["organization_id"] for number in range(asked.organizations)]
    teams = [gateway.post("/team/new", {"team_alias": f"Team {number:02}", "organization_id": organizations[number % len(organizations)],
                                        "max_budget": 1_000_000})["team_id"] for number in range(asked.teams)]
    users = [gateway.post("/user/new", {"user_id": f"user-{number:03}", "user_email": f"user-{number:03}@example.com",
                                        "auto_create_key": False})["user_id"] for number in range(asked.users)]
    for number in range(min(asked.customers, 50)):
        gateway.post("/customer/new", {"user_id": f"customer-{number:03}", "alias": f"Customer {number:03}", "max_budget": 1_000_000})

    def key(number):
        dice = random.Random(number)
        user, team = users[number % len(users)], teams[number % len(teams)]
        made = gateway.post("/key/generate", {"key_alias": f"bot-{number:04}", "team_id": team, "user_id": user})["key"]
        for model in dice.sample(models, min(asked.models, len(models))):
            body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "user": f"customer-{dice.randrange(asked.customers):03}"}
            gateway.post("/v1/chat/completions", body, made)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(key, range(asked.keys)))
    print(f"{asked.keys} keys of {len(teams)} teams and {len(users)} users asked {asked.keys * min(asked.models, len(models))} times")


if __name__ == "__main__":
    main()
