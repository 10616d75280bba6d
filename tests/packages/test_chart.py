"""The Helm chart, by Helm itself (its library, in a Python package) and the schemas of Kubernetes."""

import json
import subprocess

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from conftest import PACKAGING, PROGRAMS, run

CHART = PACKAGING / "helm" / "llm-gateway"
KEY = {"LLM_MASTER_KEY": "sk-1"}
SHARED = {**KEY, "DATABASE_URL": "postgresql://llm@db/llm"}
EVERYTHING = {
    "replicaCount": 3,
    "secret": SHARED,
    "config": {"model_list": [{"model_name": "one", "litellm_params": {"model": "mock/echo"}}]},
    "ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "tls", "hosts": ["llm.example.com"]}]},
    "autoscaling": {"enabled": True},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}], "egress": [{"ports": [{"port": 443}]}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
    "grafana": {"dashboards": True},
    "serviceAccount": {"annotations": {"a": "b"}},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "pull"}],
    "env": [{"name": "LLM_VERBOSE", "value": "true"}],
    "priorityClassName": "high",
}
# Kinds of others, which Kubernetes has no schema for.
OTHERS = {"ServiceMonitor", "PrometheusRule"}


def rendered(values: dict) -> list:
    with helm.Chart.load(str(CHART)) as chart:
        manifests = chart.render(values, name="demo", namespace="prod")
    texts = [text for path, text in manifests.items() if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def of_kind(documents: list, kind: str) -> dict:
    (found,) = [document for document in documents if document["kind"] == kind and document["metadata"]["name"] == "demo-llm-gateway"]
    return found


def test_helm_finds_nothing():
    told = helm.lint(str(CHART))
    # An icon is a matter of taste.
    found = [message for message in told["messages"] if "icon" not in message["error"]]
    assert not found and not told["errors"], told


@pytest.mark.parametrize("values", [{"secret": KEY}, {"existingSecret": "mine", "existingConfigMap": "own"}, EVERYTHING])
@pytest.mark.parametrize("kubernetes", ["1.25", "1.34"])
def test_what_is_rendered_is_what_kubernetes_takes(values, kubernetes):
    documents = rendered(values)
    assert {"Deployment", "Service"} <= {document["kind"] for document in documents}
    for document in documents:
        if document["kind"] not in OTHERS:
            kubernetes_validate.validate(document, kubernetes, strict=True)


def test_everything_is_rendered_once_it_is_wanted():
    documents = rendered(EVERYTHING)
    kinds = sorted(document["kind"] for document in documents)
    assert kinds == sorted([
        "ConfigMap", "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget",
        "PrometheusRule", "Secret", "Service", "ServiceAccount", "ServiceMonitor",
    ])
    deployment = of_kind(documents, "Deployment")
    assert "replicas" not in deployment["spec"], "the autoscaler decides"
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/readiness"
    selector = of_kind(documents, "Service")["spec"]["selector"].items()
    assert selector <= deployment["spec"]["template"]["metadata"]["labels"].items()
    rules = of_kind(documents, "PrometheusRule")["spec"]
    assert rules == yaml.safe_load((PACKAGING / "prometheus" / "alerts.yaml").read_text())
    (boards,) = [one for one in documents if one["metadata"]["name"].endswith("-dashboards")]
    assert all(json.loads(text)["panels"] for text in boards["data"].values()) and len(boards["data"]) == 3


def test_the_gateway_takes_the_configuration_that_is_rendered(tmp_path):
    text = of_kind(rendered(EVERYTHING), "ConfigMap")["data"]["config.yaml"]
    (tmp_path / "config.yaml").write_text(text)
    shown = run(PROGRAMS / "llm-server", "check", "--config", tmp_path / "config.yaml", env={"LLM_MASTER_KEY": f"sk-{'x' * 40}"})
    assert "1 deployment, " in shown


@pytest.mark.parametrize("values, why", [
    ({}, "set secret.LLM_MASTER_KEY"),
    ({"secret": KEY, "replicaCount": 2}, "several replicas need a database"),
    ({"secret": KEY, "autoscaling": {"enabled": True}}, "several replicas need a database"),
    ({"secret": KEY, "replicas": 2}, "replicas"),
    ({"secret": KEY, "service": {"port": "http"}}, "port"),
])
def test_values_that_cannot_be_meant_are_refused(values, why):
    with pytest.raises(helm.HelmError) as refusal:
        rendered(values)
    assert why in str(refusal.value)


def test_the_archive_of_the_chart_is_the_chart(only, tmp_path):
    archive = only(".tgz")
    with helm.Chart.load(str(archive)) as chart:
        assert chart.name == "llm-gateway"
        shipped = chart.render(EVERYTHING, name="demo", namespace="prod")
    with helm.Chart.load(str(CHART)) as chart:
        assert shipped == chart.render(EVERYTHING, name="demo", namespace="prod")
