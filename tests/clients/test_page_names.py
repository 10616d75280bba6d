"""What pages name exists: keys of the configuration, headers, metrics, variables, flags of the program, and paths."""

import http.client
import re
import subprocess

import pages
import pytest
from conftest import PROGRAM

PAGES = pages.every_page()
BY_NAME = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
NAMES = re.compile(r"x-(?:litellm|llm)-[a-z-]*[a-z]\b|\b(?:litellm|llm)_[a-z_]*[a-z]\b|\b(?:LLM|LITELLM)_[A-Z_]*[A-Z]\b")
SECTIONS = "server|governance|database|ledger|media|recordings|general_settings|router_settings|litellm_settings"
KEYS = re.compile(rf"^({SECTIONS})\.(\w+)")
# What is answered where nobody serves a path.
NO_ROUTE = "no route for"


def spans(page) -> set:
    """What stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", page.prose))


@pytest.fixture(scope="module")
def sources() -> str:
    kinds = (".rs", ".py", ".toml", ".sql", ".tsv", ".js", ".ts", ".html", ".yaml", ".yml", ".json")
    places = (
        "crates/*/src/**/*",
        "crates/*/migrations/*",
        "crates/*/tests/**/*.rs",
        "fuzz/src/*",
        "tests/**/*",
        "xtask/src/**/*",
    )
    files = (path for place in places for path in pages.ROOT.glob(place))
    return "\n".join(path.read_text(errors="ignore") for path in files if path.suffix in kinds and path.is_file())


@BY_NAME
def test_names_are_in_the_sources(page, sources):
    names = {name for span in spans(page) for name in NAMES.findall(span)}
    missing = [name for name in sorted(names) if name not in sources and name.removesuffix("_total") not in sources]
    assert not missing, missing


@BY_NAME
def test_keys_of_the_configuration_are_in_its_reference(page):
    reference = (pages.ROOT / "docs" / "configuration.md").read_text()
    parts = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^### |\Z)", reference, re.MULTILINE | re.DOTALL))
    found = (KEYS.match(span) for span in spans(page))
    keys = {match.groups() for match in found if match}
    missing = [f"{part}.{key}" for part, key in sorted(keys) if f"| `{key}` |" not in parts[part]]
    assert not missing, missing


@BY_NAME
def test_flags_are_flags_of_the_program(page):
    spoken = [span for span in spans(page) if span.startswith("llm-server ")]
    flags = {flag for span in spoken for flag in re.findall(r"(?<!\S)(--[a-z][a-z-]*)", span)}
    missing = sorted(flags - known_flags())
    assert not missing, missing


def known_flags(known=set()) -> set:
    if not known:
        for command in ([], ["check"], ["explain"], ["import", "litellm"], ["mock"]):
            said = subprocess.run([PROGRAM, *command, "--help"], capture_output=True, text=True, check=True).stdout
            known.update(re.findall(r"--[a-z][a-z-]*", said))
    return known


@BY_NAME
def test_paths_are_served(page, vendor):
    calls = {match.groups() for span in spans(page) if (match := re.match(r"^(GET|POST|PATCH|DELETE) (/[\w/{}:.-]*\w)$", span))}
    missing = []
    for method, path in sorted(calls):
        connection = http.client.HTTPConnection("127.0.0.1", vendor.port, timeout=20)
        headers = {"authorization": "Bearer sk-vendor", "content-type": "application/json"}
        connection.request(method, re.sub(r"[{}]", "", path), None if method == "GET" else "{}", headers)
        answer = connection.getresponse()
        if answer.status == 405 or NO_ROUTE in answer.read(4096).decode(errors="ignore"):
            missing.append(f"{method} {path}")
        connection.close()
    assert not missing, missing
