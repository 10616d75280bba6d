"""The document of the API: a public validator takes it, and requests made of it by chance find no answer of the kind 5xx,
and none that it does not describe."""

import json
import os
import random
import time
import urllib.request

import pytest
import schemathesis
from conftest import KEY, Server
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis.core.failures import FailureGroup
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

CONFIG = f"""
model_list:
  - model_name: mock/*
    litellm_params: {{model: mock/*}}
litellm_settings:
  cache: true
  cache_params: {{type: local}}
guardrails:
  - guardrail_name: personal-data
    litellm_params: {{guardrail: pii, mode: pre_call}}
general_settings:
  master_key: {KEY}
  database_url: sqlite://fuzzed.db
"""

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
# How long it asks, and how often each operation.
SECONDS = float(os.environ.get("LLM_FUZZ_SECONDS", "60"))
TIMES = int(os.environ.get("LLM_FUZZ_TIMES", "4"))


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("fuzzed"), CONFIG)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def document(fuzzed):
    with urllib.request.urlopen(fuzzed.url + "/openapi.json", timeout=30) as answer:
        return json.load(answer)


def test_the_document_is_valid(document):
    validate(document)
    assert sum(len(item) for item in document["paths"].values()) > 280


def is_asked(path: str) -> bool:
    """A WebSocket is not asked so, vendors' own APIs are theirs to describe, and there is no Redis here."""
    return not ("realtime" in path or "{path}" in path or path.startswith("/cache/redis"))


def failures_of(operation, url: str) -> list:
    found = []

    @settings(
        max_examples=TIMES, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=20)
        try:
            case.validate_response(answer, checks=CHECKS)
        except (AssertionError, FailureGroup) as failed:
            found.append(f"{operation.label}: {answer.status_code} {answer.text[:300]} {failed}"[:2000])

    ask()
    return found


def test_no_answer_is_the_gateways_fault(fuzzed, document):
    """The order is by chance, so that runs of a bounded time see all operations together."""
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    operations = [operation for operation in operations if is_asked(operation.path)]
    random.shuffle(operations)
    end, asked, failures = time.monotonic() + SECONDS, 0, []
    for operation in operations:
        if time.monotonic() > end:
            break
        failures += failures_of(operation, fuzzed.url)
        asked += 1
    print(f"{asked} of {len(operations)} operations were asked")
    assert not failures, "\n".join(failures)
    assert asked > 20
    assert "panicked" not in fuzzed.text()
