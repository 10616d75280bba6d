"""The Debian package: its linter, and a root of its own that it is installed into, changed and purged from."""

import os
import pathlib
import stat
import subprocess

import pytest

from conftest import PACKAGING, RELEASE, need, run

# What the linter says of the program itself where it was not built for release.
OF_TEST_BUILDS = {"hardening-no-fortify-functions", "hardening-no-pie", "hardening-no-bindnow", "hardening-no-relro"}


def test_the_linter_finds_nothing(only):
    told = subprocess.run(
        [need("lintian"), "--info", "--tag-display-limit", "0", "--fail-on", "none", "--display-info", str(only(".deb"))],
        capture_output=True, text=True, timeout=300,
    )
    found = [line for line in told.stdout.splitlines() if line[:3] in ("E: ", "W: ")]
    if RELEASE is None:
        found = [line for line in found if line.split()[2] not in OF_TEST_BUILDS]
    assert told.returncode == 0 and not found, told.stdout + told.stderr


def test_a_package_says_what_it_is(only):
    deb = only(".deb")
    fields = run("dpkg-deb", "--field", deb)
    for expected in ["Package: llm-gateway", "Section: net", "adduser"]:
        assert expected in fields
    listed = run("dpkg-deb", "--contents", deb)
    assert "-rwxr-xr-x root/root" in listed and "./usr/bin/llm-server" in listed
    assert "-rw-r-----" in next(line for line in listed.splitlines() if line.endswith("etc/llm-gateway/environment"))


def shell(root: pathlib.Path, script: str) -> str:
    return run("chroot", root, "/bin/sh", "-ec", script)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root that shares the programs of this machine and has users, configuration and a dpkg of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can make another root")
    root = tmp_path_factory.mktemp("root")
    for folder in ["etc", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "tmp", "dev", "proc", "lib/systemd/system"]:
        (root / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/available").touch()
    (root / "var/lib/dpkg/status").touch()
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    return root


def dpkg(root: pathlib.Path, *words) -> str:
    """Installs as dpkg does. Maintainer scripts run here with the programs of this machine, told of the other root by
    stand-ins for those that would change this machine's users and services."""
    tools = root / "stand-ins"
    tools.mkdir(exist_ok=True)
    for name, script in {
        "getent": f'grep -q "^$2:" {root}/etc/passwd',
        "adduser": f'echo "llm-gateway:x:990:990:gateway:/var/lib/llm-gateway:/usr/sbin/nologin" >> {root}/etc/passwd',
        "chown": f'echo "chown $*" >> {root}/calls',
        "chmod": f'echo "chmod $*" >> {root}/calls',
        "deb-systemd-helper": f'echo "deb-systemd-helper $*" >> {root}/calls; exit 0',
        "deb-systemd-invoke": f'echo "deb-systemd-invoke $*" >> {root}/calls',
        "systemctl": f'echo "systemctl $*" >> {root}/calls',
        "dpkg-statoverride": "exit 1",
        "rm": f'echo "rm $*" >> {root}/calls; for last; do :; done; case "$last" in /var/lib/llm-gateway) exec /bin/rm -rf {root}$last;; *) exec /bin/rm "$@";; esac',
    }.items():
        tool = tools / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "DEBIAN_FRONTEND": "noninteractive"}
    # Without a chroot: the root has no shell.
    return run(
        "dpkg", f"--root={root}", "--force-depends", "--force-script-chrootless", "--force-not-root", *words,
        env=environment,
    )


def test_a_package_is_installed_kept_and_purged(only, root):
    deb = only(".deb")
    dpkg(root, "--install", deb)
    assert "llm-gateway:x:990" in (root / "etc/passwd").read_text()
    assert run(root / "usr/bin/llm-server", "--version").startswith("llm-server ")
    config = root / "etc/llm-gateway/config.yaml"
    checked = run(root / "usr/bin/llm-server", "check", "--config", config, env={"PATH": os.environ["PATH"]}, cwd=root)
    assert "mock" in checked, checked
    state = root / "var/lib/llm-gateway"
    assert stat.S_IMODE(state.stat().st_mode) == 0o750
    calls = (root / "calls").read_text()
    assert "chown root:llm-gateway /etc/llm-gateway/environment" in calls
    assert "deb-systemd-helper enable llm-gateway.service" in calls

    # What an administrator wrote stays, whatever becomes of the package.
    config.write_text("# mine\n")
    (state / "llm-server.db").write_text("keys")
    dpkg(root, "--force-confold", "--install", deb)
    assert config.read_text() == "# mine\n"
    dpkg(root, "--remove", "llm-gateway")
    assert config.is_file() and (state / "llm-server.db").is_file()
    assert not (root / "usr/bin/llm-server").exists()
    dpkg(root, "--purge", "llm-gateway")
    assert not config.exists() and not state.exists()


def test_maintainer_scripts_are_plain_shell():
    for script in ["postinst", "postrm", "prerm"]:
        run("dash", "-n", PACKAGING / "debian" / script)
