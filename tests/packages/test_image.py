"""What the container file puts together, run without an engine for containers: a root with the program and what the last
stage copies beside it, its user, its environment, nothing that can be written but the data."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import PACKAGING, PROGRAMS, ROOT, run

KEY = "sk-image"
LAST_STAGE = (PACKAGING / "container" / "Containerfile").read_text().rsplit("FROM scratch\n", 1)[1].replace("\\\n", " ")
USER = re.search(r"^USER (\d+):(\d+)$", LAST_STAGE, re.MULTILINE)


def instructions(name: str) -> list:
    return re.findall(rf"^{name} (.+)$", LAST_STAGE, re.MULTILINE)


def command_of(text: str) -> list:
    """`["/program", "word"]`, also behind the options of a health check."""
    return json.loads(text[text.index("["):])


def libraries(program: pathlib.Path) -> list:
    """What a program needs of the machine; a static one needs nothing."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, timeout=60).stdout
    return [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", told)]


def put(source: str, place: pathlib.Path):
    """What an instruction copies: of the machine that builds, or of this repository."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if source == "/out/data":
        place.mkdir()
    elif source == "/out/llm-server":
        shutil.copy(PROGRAMS / "llm-server", place)
    else:
        shutil.copy(source if source.startswith("/") else ROOT / source, place)


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> pathlib.Path:
    """The root of the image. Programs that are not static get the libraries of this machine."""
    if os.geteuid() != 0:
        pytest.skip("only root can make another root")
    root = tmp_path_factory.mktemp("image")
    root.chmod(0o755)
    for words in map(str.split, instructions("COPY")):
        options, (source, place) = words[:-2], words[-2:]
        put(source, root / place.lstrip("/"))
        for owner in (option.removeprefix("--chown=") for option in options if option.startswith("--chown=")):
            os.chown(root / place.lstrip("/"), *map(int, owner.split(":")))
    for library in libraries(root / "llm-server"):
        put(str(library), root / str(library).lstrip("/"))
    return root


class Container:
    """The image as an engine runs it, in its own view of the file system: only the volume can be written."""

    def __init__(self, image: pathlib.Path, more: dict):
        self.image = image
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        said = dict(word.split("=", 1) for line in instructions("ENV") for word in line.split())
        self.environment = {**said, **more, "LLM_PORT": str(self.port), "LLM_HOST": "127.0.0.1"}
        self.log = (image.parent / "image-log").open("w+")
        self.process = self.start(command_of(*instructions("ENTRYPOINT")), self.log)

    def start(self, words: list, output) -> subprocess.Popen:
        volume = self.image / command_of(*instructions("VOLUME"))[0].lstrip("/")
        script = (f"mount --bind {self.image} {self.image} && mount --bind {volume} {volume} && "
                  f"mount -o remount,bind,ro {self.image} && "
                  f'exec env -i "$@"')
        inside = ["chroot", f"--userspec={USER[1]}:{USER[2]}", str(self.image), *words]
        named = [f"{name}={value}" for name, value in self.environment.items()]
        # Without a path, as an image has none: `chroot` itself is named in full.
        inside[0] = shutil.which("chroot")
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, "sh", *named, *inside],
            stdout=output, stderr=subprocess.STDOUT, cwd="/",
        )

    def healthcheck(self, *words) -> int:
        return self.start([*command_of(*instructions("HEALTHCHECK")), *words], self.log).wait(timeout=30)

    def ask(self, path: str, body=None) -> tuple:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def until_ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            if self.healthcheck("--ready") == 0:
                return
            time.sleep(0.1)
        raise AssertionError(self.said())

    def said(self) -> str:
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def end(self) -> int:
        (stop,) = instructions("STOPSIGNAL")
        self.process.send_signal(getattr(signal, stop))
        return self.process.wait(timeout=60)


@pytest.fixture
def namespaces():
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine gives no views of the file system of one's own")


def test_the_program_serves_with_nothing_else_in_its_root(image, namespaces):
    container = Container(image, {"LLM_MASTER_KEY": KEY})
    try:
        container.until_ready()
        assert container.healthcheck() == 0
        question = {"model": "mock/echo", "messages": [{"role": "user", "content": "Hello, image!"}]}
        status, answer = container.ask("/v1/chat/completions", question)
        assert status == 200 and "Hello, image!" in answer["choices"][0]["message"]["content"], answer
        status, made = container.ask("/key/generate", {"max_budget": 1})
        assert status == 200 and made["key"].startswith("sk-"), made
        (user,) = re.findall(r"^Uid:\s+(\d+)", pathlib.Path(f"/proc/{container.process.pid}/status").read_text(), re.MULTILINE)
        assert user == USER[1]
    finally:
        code = container.end()
    assert code == 0, container.said()
    assert container.healthcheck() != 0, "nobody is there"
    data = image / "data"
    assert any(data.iterdir()) and all(str(path.stat().st_uid) == USER[1] for path in data.iterdir())
    # Nothing was written anywhere else.
    expected = {place.split()[-1].split("/")[1] for place in instructions("COPY")}
    expected |= {str(library).split("/")[1] for library in libraries(image / "llm-server")}
    assert {path.name for path in image.iterdir()} == expected


def test_without_a_master_key_it_says_what_is_missing(image, namespaces):
    container = Container(image, {})
    assert container.process.wait(timeout=30) == 1
    assert "LLM_MASTER_KEY" in container.said()
