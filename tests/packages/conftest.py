"""Makes packages once, from programs that are built already (LLM_PROGRAMS, else target/debug), for all tests of this folder.
With LLM_PACKAGES, the packages of a release that lie in that folder are looked at, and their programs are run.

Linters that are not there skip their tests; with LLM_PACKAGES_REQUIRED set they fail."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "config" / "packaging"
OUT = ROOT / "target" / "dist-test"
# The folder of a release.
RELEASE = pathlib.Path(os.environ["LLM_PACKAGES"]).resolve() if "LLM_PACKAGES" in os.environ else None


def programs() -> pathlib.Path:
    """The folder of the programs that are run: those that packages are made of, or those in the archive of a release."""
    if RELEASE is None:
        return pathlib.Path(os.environ.get("LLM_PROGRAMS", str(ROOT / "target" / "debug"))).resolve()
    (archive,) = RELEASE.glob("*.tar.gz")
    folder = ROOT / "target" / "dist-release"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True, timeout=60)
    (programs,) = folder.glob("*/bin")
    return programs


PROGRAMS = programs()


def need(program: str) -> str:
    """The path of a linter."""
    found = shutil.which(program)
    if found is None:
        missing = f"`{program}` is not installed"
        if os.environ.get("LLM_PACKAGES_REQUIRED"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def run(*words, **options) -> str:
    """What a program says; it must end well."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def packages() -> pathlib.Path:
    """A folder with every package."""
    if RELEASE is not None:
        return RELEASE
    shutil.rmtree(OUT, ignore_errors=True)
    run("cargo", "xtask", "dist", "--quick", "--programs", PROGRAMS, "--out", OUT, cwd=ROOT)
    return OUT


@pytest.fixture(scope="session")
def only(packages):
    """The one package whose name ends so."""
    def find(ending: str) -> pathlib.Path:
        found = [path for path in packages.iterdir() if path.name.endswith(ending)]
        assert len(found) == 1, found
        return found[0]
    return find
