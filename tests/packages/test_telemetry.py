"""What a collector of OpenTelemetry is told, read by the protocol's own definitions."""

import http.server
import json
import os
import queue
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from conftest import PROGRAMS

CONFIG = """
model_list:
  - model_name: one
    litellm_params: {model: mock/echo}
litellm_settings: {callbacks: [otel]}
callback_settings: {otel: {flush_interval: 0.1, metrics: true}}
"""


@pytest.fixture
def collector():
    told = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.put((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", told
    server.shutdown()


def next_of(told: queue.Queue, path: str) -> str:
    while True:
        at, body = told.get(timeout=20)
        if at == path:
            return body.decode()


def test_traces_and_metrics_are_what_the_protocol_says(collector, tmp_path):
    url, told = collector
    (tmp_path / "config.yaml").write_text(CONFIG)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gateway = subprocess.Popen(
        [PROGRAMS / "llm-server", "--config", "config.yaml", "--port", str(port)], cwd=tmp_path, stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LLM_DATA_DIRECTORY": ":memory:", "OTEL_EXPORTER_OTLP_ENDPOINT": url,
             "OTEL_METRIC_EXPORT_INTERVAL": "200"},
    )
    try:
        while json.loads(gateway.stdout.readline())["message"] != "listening":
            pass
        for stream in [False, True]:
            body = {"model": "one", "stream": stream, "messages": [{"role": "user", "content": "Hello!"}]}
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(),
                {"content-type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=10).read()
        # Ids are hexadecimal in JSON, and no other field is: they are read as they are, and everything else strictly.
        traces = json_format.Parse(next_of(told, "/v1/traces"), ExportTraceServiceRequest())
        (span,) = traces.resource_spans[0].scope_spans[0].spans[:1]
        assert span.name == "chat one" and span.end_time_unix_nano > span.start_time_unix_nano
        while True:
            metrics = json_format.Parse(next_of(told, "/v1/metrics"), ExportMetricsServiceRequest())
            found = {metric.name: metric for metric in metrics.resource_metrics[0].scope_metrics[0].metrics}
            if "gen_ai.server.time_to_first_token" in found:
                break
        duration = found["gen_ai.client.operation.duration"].histogram
        assert duration.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        (point,) = duration.data_points
        assert point.count == 2 == sum(point.bucket_counts)
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert point.start_time_unix_nano < point.time_unix_nano
        assert found["litellm_deployment_total_requests_total"].sum.is_monotonic
    finally:
        gateway.terminate()
        gateway.wait(timeout=20)
