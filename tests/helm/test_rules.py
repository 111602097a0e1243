"""The rules that the chart's templates fill in are those that Python renders, and a Prometheus takes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from local.chart import objects, render
from promql.alerts import alerts_file
from promql.catalogue import Catalogue
from promql.dialects import KUBE_PROMETHEUS, metric_rules
from promql.rules import rules_file
from promql.windows import Windows
from promql.yaml_text import read_yaml
from tests.helm.cases import CASES, OPERATOR_APIS, one, rendered

INTERVALS = [
    (15, 60),
    (1, 1),
    (7, 7),
    (7, 61),
    (10, 45),
    (14, 59),
    (16, 60),
    (20, 90),
    (30, 90),
    (60, 300),
    (120, 3600),
]


@pytest.mark.parametrize(("scrape", "detail"), INTERVALS)
def test_the_bundled_rules(scrape: int, detail: int) -> None:
    found = objects(render({"intervals": {"scrape": scrape, "detail": detail, "storage": 3600}}))
    data = one(found, "ConfigMap", "-prometheus-rules")["data"]
    assert data["recording.yaml"] == rules_file(scrape, detail)
    assert data["alerts.yaml"] == alerts_file(scrape, detail, 3600)


@pytest.mark.parametrize("storage", [120, 301, 900])
@pytest.mark.parametrize("runbooks", ["https://wiki.example/x/runbooks", "https://wiki.example/?page=/", "runbooks"])
def test_the_bundled_alerts(storage: int, runbooks: str) -> None:
    found = objects(render({"intervals": {"storage": storage}, "alerts": {"runbookUrl": runbooks}}))
    data = one(found, "ConfigMap", "-prometheus-rules")["data"]
    assert data["alerts.yaml"] == alerts_file(15, 60, storage, runbooks)


def test_the_operators_rules() -> None:
    values = CASES["operator"] | {"intervals": {"scrape": 20, "detail": 90}}
    found = objects(render(values, api_versions=OPERATOR_APIS))
    assert one(found, "PrometheusRule", "-recording")["spec"] == read_yaml(rules_file(20, 90))
    assert one(found, "PrometheusRule", "-alerts")["spec"] == read_yaml(alerts_file(20, 90, 300))


@pytest.mark.parametrize("scrape", [10, 30, 120])
def test_the_operators_rules_that_record_our_series_from_theirs(scrape: int) -> None:
    values = CASES["kube-prometheus-recorded"] | {"intervals": {"scrape": scrape}}
    found = [item for item in objects(render(values, api_versions=OPERATOR_APIS)) if item["kind"] == "PrometheusRule"]
    made = metric_rules(KUBE_PROMETHEUS, Catalogue.load(), Windows(scrape, scrape))
    assert one(found, "PrometheusRule", "-recording")["spec"] == read_yaml(rules_file(scrape, scrape, made))
    assert len(found) == 1


@pytest.mark.parametrize("case", ["default", "minimal", "hardened"])
def test_nothing_is_left_to_fill_in(case: str) -> None:
    for name, text in one(rendered(case), "ConfigMap", "-prometheus-rules")["data"].items():
        assert "__" not in text.replace("__name__", ""), name


def test_without_alerts_the_recording_rules_stay() -> None:
    assert list(one(rendered("minimal"), "ConfigMap", "-prometheus-rules")["data"]) == ["recording.yaml"]


@pytest.mark.parametrize("case", ["default", "minimal", "hardened"])
def test_promtool_takes_rules_and_configuration(case: str, tmp_path: Path) -> None:
    found = rendered(case)
    files = one(found, "ConfigMap", "-prometheus-rules")["data"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert "SUCCESS" in promtool("check", "rules", *(str(tmp_path / name) for name in files))
    config = yaml.safe_load(one(found, "ConfigMap", "-prometheus")["data"]["prometheus.yml"])
    for job in config["scrape_configs"]:
        # Some distributions' builds of Prometheus have no discovery through Kubernetes.
        job.pop("kubernetes_sd_configs", None)
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", str(path))


@pytest.mark.parametrize(("version", "role"), [("v1.20.2", "endpoints"), ("v1.30.0", "endpointslice")])
def test_discovery_in_the_release_namespace_alone(version: str, role: str) -> None:
    found = objects(render(kube_version=version, namespace="monitoring"))
    config = yaml.safe_load(one(found, "ConfigMap", "-prometheus")["data"]["prometheus.yml"])
    discoveries = [job.get("kubernetes_sd_configs") for job in config["scrape_configs"]]
    in_namespace = [{"role": role, "namespaces": {"names": ["monitoring"]}}]
    assert discoveries == [in_namespace, in_namespace, None]


def test_kubectl_can_apply_the_config_maps() -> None:
    # It keeps the whole object in an annotation of at most 256 KiB.
    for item in rendered("default"):
        assert len(yaml.safe_dump(item)) < 250_000, item["metadata"]["name"]


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
