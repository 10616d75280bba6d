"""The PyPI `openai` package's realtime client, and browsers' subprotocols, against a small strict vendor of this file."""

import json
import threading
import time
import urllib.request

import openai
import pytest
import websockets.sync.client
import websockets.sync.server
from conftest import KEY, Server

USAGE = {
    "total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
    "input_token_details": {"text_tokens": 15, "audio_tokens": 5, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 4, "audio_tokens": 6},
}


class Vendor:
    """Answers `response.create` with one answer; refuses what the real one would."""

    def __init__(self):
        self.seen = []
        self.server = websockets.sync.server.serve(
            self.serve, "127.0.0.1", 0, process_request=self.check,
            select_subprotocol=lambda _, offered: "realtime" if "realtime" in offered else None,
        )
        self.port = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def check(self, connection, request):
        self.seen.append(request)
        if request.headers.get("authorization") != "Bearer sk-vendor":
            return connection.respond(401, '{"error":{"message":"wrong key","type":"invalid_request_error"}}')
        if request.path != "/v1/realtime?model=gpt-realtime":
            return connection.respond(404, '{"error":{"message":"no such path"}}')

    def serve(self, connection):
        connection.send(json.dumps({"type": "session.created", "event_id": "1", "session": {}}))
        for message in connection:
            if json.loads(message)["type"] == "response.create":
                connection.send(json.dumps({"type": "response.output_text.delta", "event_id": "2", "delta": "hi " * 40000,
                                            "response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}))
                connection.send(json.dumps({"type": "response.done", "event_id": "3",
                                            "response": {"id": "r", "status": "completed", "usage": USAGE}}))


@pytest.fixture(scope="module")
def realtime_vendor():
    vendor = Vendor()
    yield vendor
    vendor.server.shutdown()


@pytest.fixture(scope="module")
def front(realtime_vendor, tmp_path_factory):
    config = f"""
model_list:
  - model_name: talk
    litellm_params:
      model: openai/gpt-realtime
      api_base: http://127.0.0.1:{realtime_vendor.port}/v1
      api_key: sk-vendor
      input_cost_per_token: 0.001
  - model_name: text-only
    litellm_params: {{model: mock/echo}}
general_settings: {{master_key: {KEY}}}
"""
    server = Server(tmp_path_factory.mktemp("realtime"), config)
    yield server
    server.stop()


def metric(server, name):
    request = urllib.request.Request(server.url + "/metrics", headers={"authorization": f"Bearer {KEY}"})
    lines = urllib.request.urlopen(request).read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and "talk" in line)


def test_a_conversation_with_the_openai_client(front, realtime_vendor):
    client = openai.OpenAI(api_key=KEY, base_url=front.url + "/v1", max_retries=0)
    with client.realtime.connect(model="talk") as connection:
        assert connection.recv().type == "session.created"
        for _ in range(2):
            connection.response.create()
            assert connection.recv().type == "response.output_text.delta"
            done = connection.recv()
            assert done.type == "response.done" and done.response.usage.total_tokens == 30
    # Both answers were metered: 2 x 20 tokens of input, 2 x 10 of output.
    for _ in range(100):
        if metric(front, "litellm_input_tokens_metric_total") == 40:
            break
        time.sleep(0.05)
    assert metric(front, "litellm_input_tokens_metric_total") == 40
    assert metric(front, "litellm_output_tokens_metric_total") == 20
    sent = realtime_vendor.seen[-1].headers
    assert KEY not in str(sent) and "sec-websocket-extensions" not in sent


def test_browsers_send_the_key_among_the_subprotocols(front, realtime_vendor):
    address = front.url.replace("http", "ws") + "/v1/realtime?model=talk"
    protocols = ["realtime", f"openai-insecure-api-key.{KEY}", "openai-beta.realtime-v1"]
    with websockets.sync.client.connect(address, subprotocols=protocols) as connection:
        assert connection.subprotocol == "realtime"
        assert json.loads(connection.recv())["type"] == "session.created"
    offered = realtime_vendor.seen[-1].headers["sec-websocket-protocol"]
    assert offered == "realtime, openai-beta.realtime-v1"


@pytest.mark.parametrize(
    ("model", "key", "status"), [("talk", "sk-wrong", 401), ("nobody", KEY, 400), ("text-only", KEY, 400)]
)
def test_refusals_come_before_the_switch(front, model, key, status):
    address = front.url.replace("http", "ws") + f"/v1/realtime?model={model}"
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        websockets.sync.client.connect(address, additional_headers={"authorization": f"Bearer {key}"})
    assert refused.value.response.status_code == status


def test_a_plain_get_is_told_what_the_path_is_for(front):
    request = urllib.request.Request(front.url + "/v1/realtime?model=talk", headers={"authorization": f"Bearer {KEY}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 426
