"""Alert rules and the questions of dashboards, by Prometheus' own tool."""

import json
import re

from conftest import PACKAGING, need, run

ALERTS = PACKAGING / "prometheus" / "alerts.yaml"
# Grafana's own words, as numbers that any question takes.
WORDS = {"$__rate_interval": "5m", "$__range": "1h", "$model": ".*", "$provider": ".*"}


def test_prometheus_takes_the_rules():
    assert "12 rules found" in run(need("promtool"), "check", "rules", "--lint=all", "--lint-fatal", ALERTS)


def test_alerts_ring_when_they_should():
    run(need("promtool"), "test", "rules", PACKAGING.parents[1] / "tests" / "packages" / "alerts.test.yaml")


def test_every_alert_is_explained():
    page = (PACKAGING.parents[1] / "docs" / "observability.md").read_text()
    for name in re.findall(r"- alert: (\w+)", ALERTS.read_text()):
        assert f"`{name}`" in page, name


def test_prometheus_takes_the_questions_of_dashboards(tmp_path):
    rules = []
    for board in sorted((PACKAGING / "grafana").glob("*.json")):
        for panel in json.loads(board.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"]
                for word, value in WORDS.items():
                    expression = expression.replace(word, value)
                rules.append({"record": f"question:{board.stem}:{len(rules)}", "expr": expression})
    assert len(rules) > 40
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    run(need("promtool"), "check", "rules", file)
