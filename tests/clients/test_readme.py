"""The README's examples as they stand there, against a gateway without a configuration."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT, Server, clean_environment

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
EXAMPLES = [text for kind, text in BLOCKS if kind == "python" or (kind == "sh" and text.startswith("curl "))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("readme"), "")
    yield server
    server.stop()


def test_the_readme_has_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0][:40])
def test_an_example_runs_as_it_stands(plain, example):
    assert "127.0.0.1:4000" in example
    here = example.replace("127.0.0.1:4000", f"127.0.0.1:{plain.port}")
    command = ["sh", "-c", here] if here.startswith("curl ") else [sys.executable, "-c", here]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean_environment())
    assert run.returncode == 0, run.stderr
    assert "Hello!" in run.stdout, run.stdout + run.stderr


def test_a_key_is_made_as_the_readme_says(tmp_path):
    example = next(text for kind, text in BLOCKS if kind == "bash")
    master = re.search(r"Bearer (\S+)'", example).group(1)
    server = Server(tmp_path, f"general_settings: {{master_key: {master}}}\n")
    try:
        here = example.replace("127.0.0.1:4000", f"127.0.0.1:{server.port}")
        run = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=60, env=clean_environment())
        assert run.returncode == 0 and '"key":"sk-' in run.stdout, run.stdout + run.stderr
    finally:
        server.stop()
