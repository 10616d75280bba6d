"""Starts two gateways from the built program: `vendor` serves the built-in mock models in every dialect, and `gateway`
stands in front of it as a client would use it, with one deployment for each dialect that a vendor may speak."""

import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LLM_SERVER", str(ROOT / "target" / "debug" / "llm-server"))
KEY = "sk-client-tests"
# How a deployment's vendor is spoken to; each test that takes `model` runs for all of them.
DIALECTS = ["chat", "responses", "messages", "gemini", "bedrock", "cohere", "ollama", "azure"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment() -> dict:
    """No key or proxy of this machine reaches the programs under test."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


class Server:
    def __init__(self, folder, config: str, port: int = 0):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        file = folder / "config.yaml"
        file.write_text(config)
        self.log = open(folder / "log.txt", "w+")
        self.process = subprocess.Popen(
            [PROGRAM, "--config", str(file), "--port", str(self.port), "--host", "127.0.0.1"],
            stdout=self.log, stderr=subprocess.STDOUT, cwd=folder,
            env={**clean_environment(), "LLM_DATA_DIRECTORY": str(folder / f"data-{self.port}")},
        )
        self.wait_until_ready()

    def wait_until_ready(self):
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url + "/health/readiness", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError("the server did not start:\n" + self.text())

    def text(self) -> str:
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


MOCK_MODELS = [
    "echo", "tools", "reasoning", "json", "error-429", "error-500", "cut-3", "refusal", "long-1000",
    "echo-delay-20ms",
]


# How a deployment names a vendor of each dialect, and what it needs beside the model.
VENDORS = {
    "chat": ("openai/", "api_base: {url}/v1, api_key: sk-vendor"),
    "responses": ("openai/responses/", "api_base: {url}/v1, api_key: sk-vendor"),
    "messages": ("anthropic/", "api_base: {url}, api_key: sk-vendor"),
    "gemini": ("gemini/", "api_base: {url}/v1beta, api_key: sk-vendor"),
    "bedrock": ("bedrock/converse/", "aws_bedrock_runtime_endpoint: {url}, aws_access_key_id: sk-vendor, "
                                     "aws_secret_access_key: any, aws_region_name: eu-west-1"),
    "cohere": ("cohere_chat/", "api_base: {url}, api_key: sk-vendor"),
    "ollama": ("ollama_chat/", "api_base: {url}, api_key: sk-vendor"),
    "azure": ("azure/", "api_base: {url}, api_key: sk-vendor, api_version: 2024-10-21"),
}


def front_config(vendor_url: str) -> str:
    """Each mock model once for each dialect in which it is spoken to."""
    lines = ["model_list:"]
    for model in MOCK_MODELS:
        for dialect, (prefix, settings) in VENDORS.items():
            settings = settings.format(url=vendor_url)
            lines += [
                f"  - model_name: {dialect}-{model}",
                f"    litellm_params: {{model: {prefix}mock/{model}, {settings}}}",
            ]
    lines += [
        "router_settings:",
        "  num_retries: 0",
        "  fallbacks:",
        "    - chat-error-500: [messages-echo]",
        "general_settings:",
        f"  master_key: {KEY}",
    ]
    return "\n".join(lines) + "\n"


VENDOR_CONFIG = """
model_list:
  - model_name: mock/*
    litellm_params:
      model: mock/*
general_settings:
  master_key: sk-vendor
"""


@pytest.fixture(scope="session")
def vendor(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("vendor"), VENDOR_CONFIG)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gateway(vendor, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("gateway"), front_config(vendor.url))
    yield server
    server.stop()


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
