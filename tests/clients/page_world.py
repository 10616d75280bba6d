"""Where a page is done as it says: a folder of its own, the built programs, and ports that nobody else uses."""

import os
import pathlib
import re
import subprocess
import sys

import page_services
from conftest import PROGRAM, Server, clean_environment, free_port
from pages import ROOT, Block

# What a page may call a master key.
MASTER_KEY = "sk-a-master-key-of-yours"
# What a variable holds that a configuration reads and the page does not set, by the end of its name.
DUMMIES = [
    ("MASTER_KEY$", MASTER_KEY),
    ("REDIS_URL$", "redis://127.0.0.1:6379"),
    ("DATABASE_URL$", "postgres://gateway:password@127.0.0.1:5432/gateway"),
    ("CREDENTIALS$", '{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}'),
    ("(URL|BASE|HOST|ENDPOINT)$", "https://example.com"),
    ("", "sk-dummy-0123456789abcdef"),
]
# The vendors that answer a page's requests: the mock, at the addresses that a configuration takes from these variables.
ADDRESSES = {
    "OPENAI_API_BASE": "/v1", "ANTHROPIC_API_BASE": "/v1", "GEMINI_API_BASE": "/v1beta", "COHERE_API_BASE": "",
    "DEEPSEEK_API_BASE": "/v1", "MISTRAL_API_BASE": "/v1", "GROQ_API_BASE": "/v1", "OPENROUTER_API_BASE": "/v1",
}
# What a page is told to that starts no gateway, what it finds as `config.yaml`, and what its parts of configurations are
# completed with: whatever model is asked for echoes.
NAMES = ("*", "smart", "cheap", "local", "vectors")
MODELS = "model_list:\n  - {model_name: mock/*, litellm_params: {model: mock/*}}\n" + "".join(
    f"  - {{model_name: '{name}', litellm_params: {{model: mock/echo}}}}\n" for name in NAMES
)
# Commands that serve: they are started, waited for, and left running until the page ends or starts another in their place.
SERVING = re.compile(r"^((?:\w+=\S* +)*)llm-server(?! +(?:check|explain|import|schema|help|--help|--version)\b)([^|&]*)(&?)$")
FOREIGN = re.compile(r"(127\.0\.0\.1|localhost):(\d{4,5})\b")
CURL = """#!/bin/sh
# An answer that is an error is a failure.
exec {curl} --fail-with-body --silent --show-error --max-time 60 "$@"
"""
# What a test does not do to the machine that it runs on: such blocks are marked as not run.
FORBIDDEN = (
    "apt apt-get brew cargo dnf docker docker-compose dpkg git helm kubectl launchctl npm npx pip pip3 podman reboot rpm "
    "rustup service shutdown su sudo systemctl useradd yum"
).split()
OUTSIDE = re.compile(r"(?<![\w.:/}])/(?:bin|boot|etc|home|lib|opt|root|run|sbin|srv|usr|var)/")
REFUSED = """#!/bin/sh
echo "$(basename "$0") is not run by tests: mark the block with <!-- not run: why -->" >&2; exit 1
"""
READY = """#!/bin/sh
# Waits for the server at a port.
for _ in $(seq 400); do
  {curl} --silent --fail --output /dev/null "http://127.0.0.1:$1/health/liveliness" && exit 0
  sleep 0.05
done
echo "nothing listens at port $1:" >&2; cat "server-$1.log" >&2; exit 1
"""
END = """#!/bin/sh
# Ends the server at a port, where there is one.
[ -f "server-$1.pid" ] || exit 0
pid=$(cat "server-$1.pid"); rm "server-$1.pid"
for signal in TERM TERM KILL; do
  kill -s $signal "$pid" 2>/dev/null || exit 0
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || exit 0; sleep 0.02; done
done
"""


class World:
    def __init__(self, folder: pathlib.Path, page, vendor_url: str):
        self.folder, self.page, self.vendor_url = folder, page, vendor_url
        self.ports, self.server, self.started, self.services = {}, None, set(), {}
        self.environment = {
            **clean_environment(), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": f"{folder / 'bin'}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self._programs()
        (folder / "config.yaml").write_text(self._gateway())

    def _gateway(self) -> str:
        key = self.page.gateway_key
        return MODELS + (f"general_settings: {{master_key: {key}}}\n" if key else "")

    def _programs(self):
        folder = self.folder / "bin"
        folder.mkdir()
        curl = next(path for path in ("/usr/bin/curl", "/bin/curl", "/usr/local/bin/curl") if os.path.exists(path))
        for name, text in (("curl", CURL), ("until-ready", READY), ("end-server", END)):
            (folder / name).write_text(text.format(curl=curl))
            (folder / name).chmod(0o755)
        for name in FORBIDDEN:
            (folder / name).write_text(REFUSED)
            (folder / name).chmod(0o755)
        (folder / "llm-server").symlink_to(PROGRAM)
        command = pathlib.Path(PROGRAM).with_name("llm")
        if command.exists():
            (folder / "llm").symlink_to(command)

    def close(self):
        if self.server:
            self.server.stop()
        for port in self.started:
            self.run([str(self.folder / "bin" / "end-server"), str(port)])
        for service in self.services.values():
            service.stop()

    # Ports: those of the page are exchanged for free ones.

    def port(self, written: str) -> int:
        if written not in self.ports:
            self.ports[written] = free_port()
        return self.ports[written]

    def placed(self, text: str) -> str:
        """The text with the ports of this run, and a gateway behind 4000, where the page has not started one."""
        for _, written in FOREIGN.findall(text):
            port = self.port(written)
            if written == "4000" and port not in self.started and not self.server:
                self._default_gateway(port)
        return FOREIGN.sub(lambda found: f"{found.group(1)}:{self.ports[found.group(2)]}", text)

    def _default_gateway(self, port: int):
        folder = self.folder / "gateway"
        folder.mkdir()
        self.server = Server(folder, self._gateway(), port)

    # Configurations

    def variables_for(self, config: str, more: str = "") -> dict:
        """Every variable that a configuration reads and nobody has set, and more of them."""
        names = set(re.findall(r"os\.environ/(\w+)", config)) | set(re.findall(r"\$\{(\w+)\}", config))
        names |= set(re.findall(r"\w+", more))
        values = {name: self.vendor_url + path for name, path in ADDRESSES.items()}
        for name in names - set(self.environment):
            values.setdefault(name, next(value for ending, value in DUMMIES if re.search(ending, name)))
        return {name: value for name, value in values.items() if name not in self.environment}

    def check(self, config: str, more: str = "") -> subprocess.CompletedProcess:
        (self.folder / "checked.yaml").write_text(config)
        return self.run([PROGRAM, "check", "--config", "checked.yaml"], self.variables_for(config, more))

    def run(self, command: list, extra: dict = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=180, cwd=self.folder, stdin=subprocess.DEVNULL,
            env={**self.environment, **(extra or {})},
        )

    # Scripts

    def script(self, block: Block) -> subprocess.CompletedProcess:
        """Runs a block of commands; what it sets is there for the next one."""
        if OUTSIDE.search(re.sub(r"(^|\s)#.*", "", block.text, flags=re.MULTILINE)):
            why = "names a folder of the system: mark the block with `<!-- not run: why -->`"
            return subprocess.CompletedProcess([], 1, "", why)
        places = self._serve(block.marks.get("with", ""))
        lines = re.sub(r"\\\n\s*", " ", block.text).splitlines()
        told = [self._line(line) for line in lines]
        text = "set -aeuo pipefail\ntrap 'env -0 > .environment' EXIT\n" + "\n".join(told) + "\n"
        given = {**self._of_files(text), **places}
        run = self.run(["bash", "-c", text], given)
        saved = self.folder / ".environment"
        if saved.exists():
            pairs = (one.split("=", 1) for one in saved.read_text().split("\0") if "=" in one)
            kept = {name: value for name, value in pairs if name not in ("_", "PWD", "SHLVL", "OLDPWD")}
            lent = {name for name, value in given.items() if not re.search(rf"\b{name}=", text)}
            self.environment = {name: value for name, value in kept.items() if name not in lent}
            saved.unlink()
        return run

    def _of_files(self, text: str) -> dict:
        files = re.findall(r"(?:--config|-c)[ =](\S+)", text)
        found = [self.folder / name for name in files if (self.folder / name).is_file()]
        return self.variables_for("\n".join(file.read_text() for file in found)) if found else {}

    def _serve(self, names: str) -> dict:
        """Starts services, and says where they are: in this block alone."""
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        for name in wanted:
            if name not in self.services:
                self.services[name] = page_services.start(name)
        return {key: value for name in wanted for key, value in self.services[name].variables.items()}

    def _line(self, line: str) -> str:
        line = re.sub(r"\bcargo run --release --package llm-server(?: --)?(?= |$)", "llm-server", line)
        serving = SERVING.match(re.sub(r"\s+#.*$", "", line).rstrip())
        if not serving:
            return self.placed(line)
        variables, words, _ = serving.groups()
        is_mock = words.split()[:1] == ["mock"]
        written = re.search(r"(?:--port|-p)[ =](\d+)", words)
        named = written.group(1) if written else "4010" if is_mock else "4000"
        port = self.port(named)
        words = re.sub(r"(?:--port|-p)[ =]\d+", "", words) + f" --port {port}"
        if self.server and named == "4000":
            self.server.stop()
            self.server = None
        self.started.add(port)
        file = f"server-{port}"
        return (f"end-server {port}; {self.placed(variables)}llm-server{self.placed(words)} >{file}.log 2>&1 &\n"
                f"echo $! >{file}.pid; until-ready {port}")

    def python(self, block: Block) -> subprocess.CompletedProcess:
        return self.run([sys.executable, "-c", self.placed(block.text)])


def said(run: subprocess.CompletedProcess) -> str:
    return f"exit code {run.returncode}\n{run.stdout[-3000:]}{run.stderr[-3000:]}"
