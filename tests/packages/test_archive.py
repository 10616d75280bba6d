"""The archive, what is said to be in it, and the checksums over everything."""

import json
import subprocess
import tarfile

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from conftest import ROOT, run


def test_an_archive_has_programs_that_run_and_all_that_helps(only, tmp_path):
    archive = only(".tar.gz")
    run("tar", "--extract", "--file", archive, "--directory", tmp_path)
    (folder,) = tmp_path.iterdir()
    for name in [
        "bin/llm-server", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt", "config/full.yaml",
        "config/schema.json", "docs/packaging.md", "grafana/overview.json", "prometheus/alerts.yaml",
        "compose/compose.yaml", "compose/.env.example", "systemd/llm-gateway.service",
        "share/man/man1/llm-server.1.gz", "share/bash-completion/completions/llm-server",
        "share/fish/vendor_completions.d/llm-server.fish", "share/zsh/vendor-completions/_llm-server",
    ]:
        assert (folder / name).is_file(), name
    assert run(folder / "bin" / "llm-server", "--version").startswith("llm-server ")
    assert "1 deployment, 0 warnings" in run(folder / "bin/llm-server", "check", "--config", folder / "config/minimal.yaml")
    run("bash", "-n", folder / "share/bash-completion/completions/llm-server")
    licences = (folder / "THIRD-PARTY.txt").read_text()
    assert "tokio 1." in licences and "Permission is hereby granted" in licences


def test_the_same_sources_make_the_same_archive(only):
    with tarfile.open(only(".tar.gz")) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert len({member.mtime for member in members}) == 1
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}


def test_what_is_in_the_programs_is_listed_in_a_valid_document(only):
    text = only(".cdx.json").read_text()
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert wrong is None, wrong
    document = json.loads(text)
    names = {component["name"] for component in document["components"]}
    assert {"llm-server", "llm-core", "tokio", "aws-lc-sys"} <= names
    # What is only there for tests or for building is not in the programs.
    assert not names & {"proptest", "insta", "cc", "llm-testkit"}
    hashed = [component for component in document["components"] if "hashes" in component]
    assert len(hashed) > 100
    known = {component["bom-ref"] for component in document["components"]}
    for dependency in document["dependencies"]:
        assert set(dependency["dependsOn"]) <= known


def test_checksums_are_right(packages):
    sums = run("sha256sum", "--check", "SHA256SUMS", cwd=packages)
    assert sums.count(": OK") == 4, sums


def test_programs_that_are_missing_are_named(tmp_path):
    done = subprocess.run(
        ["cargo", "xtask", "dist", "--programs", str(tmp_path), "--out", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=300, cwd=ROOT,
    )
    assert done.returncode == 1 and "no `llm-server` in" in done.stderr, done.stderr
