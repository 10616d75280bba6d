"""Services of a page's own, from the distribution's packages: `<!-- with: Redis, PostgreSQL -->`."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
from conftest import free_port

PASSWORD = "test-password"


class Service:
    """A process in a folder of its own, and the variables that say where it is."""

    def __init__(self, command: list, folder: str, variables: dict, ready: list, user=None):
        self.folder, self.variables = folder, variables
        self.process = subprocess.Popen(
            command, cwd=folder, user=user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(600):
            if not subprocess.run(ready, capture_output=True).returncode:
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{command[0]} does not answer")

    def stop(self):
        self.process.kill()
        self.process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


def start(name: str) -> Service:
    return {"Redis": redis, "PostgreSQL": postgresql, "LiteLLM": litellm}[name]()


def missing(name: str, variable: str):
    if os.environ.get(variable):
        pytest.fail(f"{name} is not installed, and {variable} is set")
    pytest.skip(f"{name} is not installed")


def redis() -> Service:
    program = shutil.which("redis-server") or missing("Redis", "LLM_REDIS_REQUIRED")
    port, folder = free_port(), tempfile.mkdtemp(prefix="llm-redis-")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    ready = ["redis-cli", "-p", str(port), "ping"]
    return Service(command, folder, {"REDIS_URL": f"redis://127.0.0.1:{port}"}, ready)


def postgresql() -> Service:
    packaged = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = (packaged[-1] if packaged else None) or shutil.which("initdb")
    if not initdb:
        missing("PostgreSQL", "LLM_POSTGRES_REQUIRED")
    programs, port, folder = pathlib.Path(initdb).parent, free_port(), tempfile.mkdtemp(prefix="llm-postgres-")
    # It refuses to run as root: then it runs as the account of its package.
    user = "postgres" if os.getuid() == 0 else None
    secret = pathlib.Path(folder) / "password"
    secret.write_text(PASSWORD)
    if user:
        for path in (folder, secret):
            shutil.chown(path, user)
    subprocess.run(
        [initdb, "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "-U", "gateway",
         f"--pwfile={secret}", "-D", f"{folder}/data"], check=True, capture_output=True, cwd=folder, user=user,
    )
    command = [str(programs / "postgres"), "-D", f"{folder}/data", "-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off",
               "-c", "unix_socket_directories="]
    ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    url = f"postgres://gateway:{PASSWORD}@127.0.0.1:{port}/postgres"
    return Service(command, folder, {"DATABASE_URL": url}, ready, user)


def litellm() -> Service:
    """A database of LiteLLM's with one key in it, as far as an import must find it."""
    service = postgresql()
    url = service.variables.pop("DATABASE_URL")
    service.variables["LITELLM_DATABASE_URL"] = url
    token = hashlib.sha256(b"sk-a-key-that-litellm-made").hexdigest()
    table = (
        'CREATE TABLE "LiteLLM_VerificationToken" (token TEXT PRIMARY KEY, key_name TEXT, key_alias TEXT, '
        "spend DOUBLE PRECISION, models TEXT[]); "
        f"INSERT INTO \"LiteLLM_VerificationToken\" VALUES ('{token}', 'sk-...made', 'grace', 1.5, '{{smart}}')"
    )
    subprocess.run(["psql", url, "--quiet", "--command", table], check=True, capture_output=True)
    return service
