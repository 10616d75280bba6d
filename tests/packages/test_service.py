"""The unit of the service: what systemd says of it, and how open it leaves the program to whatever goes wrong."""

import json
import re

from conftest import PACKAGING, need, run

UNIT = PACKAGING / "systemd" / "llm-gateway.service"


def test_the_unit_is_one_that_systemd_takes(tmp_path, packages):
    # The programs that it names must be there: here they are stand-ins.
    text = UNIT.read_text().replace("/usr/bin/llm-server", "/bin/true").replace("man:llm-server(1)", "https://example.org")
    unit = tmp_path / UNIT.name
    unit.write_text(text)
    assert run(need("systemd-analyze"), "verify", "--man=no", unit) == ""


def test_the_unit_leaves_little_open():
    told = run(need("systemd-analyze"), "security", "--offline=true", "--no-pager", "--threshold=20", UNIT)
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)[1])
    assert exposure <= 1.5, told


def test_the_unit_runs_what_the_package_brings(only):
    listed = run("dpkg-deb", "--contents", only(".deb"))
    text = UNIT.read_text()
    for program in re.findall(r"^Exec\w+=(/usr/bin/\S+)", text, re.MULTILINE):
        assert f".{program}" in listed
    for file in re.findall(r"(/etc/llm-gateway/\S+)", text):
        assert f".{file}" in listed


def test_users_of_the_archive_are_made_by_systemd(tmp_path):
    (tmp_path / "etc").mkdir()
    run(need("systemd-sysusers"), f"--root={tmp_path}", PACKAGING / "systemd" / "llm-gateway.sysusers")
    assert "llm-gateway:" in (tmp_path / "etc/passwd").read_text()
