"""The container file and the compose file."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from compose_spec import PyCompose

from conftest import PACKAGING, PROGRAMS, ROOT, need, run

CONTAINERFILE = PACKAGING / "container" / "Containerfile"
COMPOSE = PACKAGING / "compose"


def test_the_linter_finds_nothing():
    hadolint = os.path.join(os.path.dirname(sys.executable), "hadolint")
    assert run(hadolint, "--no-color", CONTAINERFILE) == ""


def test_the_last_stage_has_the_program_alone():
    text = CONTAINERFILE.read_text()
    last = text[text.rindex("FROM "):]
    assert last.startswith("FROM scratch\n") and "RUN" not in last
    assert re.search(r"^USER [1-9][0-9]*:[1-9][0-9]*$", last, re.MULTILINE)
    assert 'CMD ["/llm-server", "healthcheck"]' in last
    manifest = (ROOT / "Cargo.toml").read_text()
    rust = re.search(r'^rust-version = "(.+)"', manifest, re.MULTILINE)[1]
    assert f"FROM rust:{rust}-alpine" in text, "the compiler is that of the manifest"
    for source in re.findall(r"^COPY (config/\S+)", last, re.MULTILINE):
        assert (ROOT / source).is_file(), source
    # Everything that the build needs is sent to it.
    kept = {line[1:] for line in CONTAINERFILE.with_suffix(".dockerignore").read_text().splitlines() if line.startswith("!")}
    members = re.search(r"^members = \[(.+)\]", manifest, re.MULTILINE)[1]
    assert {member.strip(' "').split("/")[0] for member in members.split(",")} <= kept


def environment(**more) -> dict:
    return {"PATH": os.environ["PATH"], "LLM_DATA_DIRECTORY": ":memory:", **more}


def test_a_container_without_a_master_key_does_not_start():
    config = PACKAGING / "container" / "config.yaml"
    words = [PROGRAMS / "llm-server", "check", "--config", config]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=60)
    assert done.returncode == 1 and "LLM_MASTER_KEY" in done.stderr, done.stderr
    run(*words, env=environment(LLM_MASTER_KEY="sk-1"))


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text())


def test_the_compose_file_is_one_that_compose_takes(tmp_path):
    """The old client in Python knows the format; it is asked where it is installed."""
    client = shutil.which("docker-compose")
    if client is None:
        pytest.skip("`docker-compose` is not installed")
    # It is older than files of variables that may be missing.
    text = (COMPOSE / "compose.yaml").read_text().replace("env_file: [{path: .env, required: false}]", "env_file: [.env]")
    (tmp_path / "compose.yaml").write_text(re.sub(r"^name: .*\n", "", text, flags=re.MULTILINE))
    (tmp_path / ".env").write_text("LLM_MASTER_KEY=sk-1\nPOSTGRES_PASSWORD=secret\n")
    shown = yaml.safe_load(run(client, "-f", tmp_path / "compose.yaml", "config", cwd=tmp_path))
    assert shown["services"]["gateway"]["environment"]["DATABASE_URL"] == "postgresql://llm:secret@postgres:5432/llm"


def test_the_compose_file_keeps_the_specification():
    """Read by a strict reader of the specification's types, with variables as `.env` would have them."""
    variables = {"LLM_MASTER_KEY": "sk-1", "POSTGRES_PASSWORD": "secret"}
    text = (COMPOSE / "compose.yaml").read_text()
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: variables[found[1]], text)
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    assert "${" not in text
    assert set(PyCompose.from_yaml(text).service_names()) == {"gateway", "proxy", "postgres", "redis"}
    with pytest.raises(ValueError):
        PyCompose.from_yaml(text.replace("restart: unless-stopped", "restrat: unless-stopped"))


def test_everything_that_a_service_needs_is_there(compose):
    services = compose["services"]
    assert services["gateway"]["deploy"]["replicas"] == 2
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (COMPOSE / source).is_file(), source
            else:
                assert source in compose["volumes"], source
        for other in service.get("depends_on", {}):
            # The container file says it for the gateway.
            assert other == "gateway" or "healthcheck" in services[other], other
    text = (COMPOSE / "compose.yaml").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    example = (COMPOSE / ".env.example").read_text()
    assert needed and all(f"{name}=" in example for name in needed)


def test_the_gateway_takes_its_configuration():
    shown = run(
        PROGRAMS / "llm-server", "check", "--config", COMPOSE / "gateway.yaml",
        env=environment(LLM_MASTER_KEY="sk-1", DATABASE_URL="postgresql://llm:x@127.0.0.1/llm", OPENAI_API_KEY="sk-2"),
    )
    assert "openai" in shown


def test_the_proxy_takes_its_configuration(tmp_path):
    done = subprocess.run(
        [need("nginx"), "-t", "-q", "-e", str(tmp_path / "log"), "-p", str(tmp_path), "-g", f"pid {tmp_path}/pid;",
         "-c", str(COMPOSE / "nginx.conf")],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
