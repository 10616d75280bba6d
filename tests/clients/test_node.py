"""Clients from npm (`openai`, the AI SDK), run by node's own test runner against the same gateway."""

import os
import pathlib
import re
import subprocess

import pytest

from conftest import DIALECTS, KEY, ROOT

PACKAGES = pathlib.Path(os.environ.get("CLIENT_PACKAGES", str(ROOT / "target" / "clients-node")))


@pytest.mark.skipif(
    not (PACKAGES / "node_modules" / "ai").is_dir() and not os.environ.get("CI"),
    reason="the npm packages are not installed: see .ci/run",
)
def test_clients_from_npm(gateway):
    script = PACKAGES / "clients.test.mjs"
    script.write_text((pathlib.Path(__file__).parent / "node" / "clients.test.mjs").read_text())
    environment = {
        **os.environ, "GATEWAY_URL": gateway.url, "GATEWAY_KEY": KEY, "DIALECTS": ",".join(DIALECTS),
        "AI_SDK_LOG_WARNINGS": "false",
    }
    run = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(script)],
        cwd=PACKAGES, env=environment, capture_output=True, text=True, timeout=300,
    )
    counts = dict(re.findall(r"^# (tests|pass|fail) (\d+)$", run.stdout, re.MULTILINE))
    print(f"npm clients: {counts}")
    failed = [line for line in run.stdout.splitlines() if line.lstrip().startswith("not ok")]
    assert run.returncode == 0 and not failed, run.stdout[-8000:] + run.stderr[-2000:]
    assert int(counts["pass"]) >= 30, counts
