"""What `make generate` writes is what is committed, and it says what it should."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from facade import __version__
from local.chart import CHART, objects, render
from local.generate import chart_files, differing, stale
from local.generate.chart_readme import UndocumentedValue, values
from local.generate.manifests import FOLDER, NAMESPACE_FILE, manifests
from tests.helm.cases import CASES, pod_specs

VALUES = (CHART / "values.yaml").read_text("utf-8")


def test_the_tree_is_as_generated() -> None:
    current = manifests()
    assert differing(chart_files() | current) == [], "run `make generate`"
    assert stale(current) == [], "run `make generate`"


def test_manifests_are_the_charts_defaults() -> None:
    texts = manifests()
    found = {path.name: yaml.safe_load(text) for path, text in texts.items()}
    assert {"facade-deployment.yaml", "facade-service.yaml", "exporter-node-daemonset.yaml"} <= set(found)
    default = [item for item in objects(render()) if item["kind"] != "Pod"]
    assert len(found) == len(default) + 1
    assert min(found) == NAMESPACE_FILE, "kubectl applies files by name, and everything else is in the namespace"
    assert all(path.parent == FOLDER for path in texts)
    for name, item in found.items():
        assert name.endswith(f"-{item['kind'].lower()}.yaml")
        assert "helm" not in json.dumps(item["metadata"]).lower(), name
        assert item["metadata"].get("namespace", "cloud-monitoring") == "cloud-monitoring"
    assert len(list(pod_specs(list(found.values())))) == 4


def test_every_value_is_documented() -> None:
    found = values(VALUES)
    assert len(found) > 100
    paths = [value.path for value in found]
    assert len(set(paths)) == len(paths)
    assert {"intervals.scrape", "kubelet.ca", "facade.replicas", "prometheus.storage.size"} <= set(paths)


def test_a_value_without_a_comment_is_refused() -> None:
    with pytest.raises(UndocumentedValue, match=r"^two\.four$"):
        values("# One.\none: 1\n\ntwo:\n  # Three.\n  three: 3\n  four: 4\n")


def test_defaults_and_meanings() -> None:
    (value, _) = values('# The one.\n# And | only.\none: {a: "b"}\n# Two.\ntwo: []\n')
    assert (value.path, value.default, value.meaning) == ("one", '{"a": "b"}', "The one. And | only.")


def test_the_schema_has_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    defaults = yaml.safe_load(VALUES)
    assert _unknown(defaults, schema, schema) == []
    assert _unset(schema, schema, defaults) == ["global"]


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: dict[str, Any] = schema["definitions"][node["$ref"].rpartition("/")[2]]
    return found


def _unknown(values_: dict[str, Any], node: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    properties = _resolve(node, schema).get("properties")
    if properties is None:
        return []
    missing = [key for key in values_ if key not in properties]
    for key, value in values_.items():
        if isinstance(value, dict) and key in properties:
            missing += [f"{key}.{deeper}" for deeper in _unknown(value, properties[key], schema)]
    return missing


def _unset(node: dict[str, Any], schema: dict[str, Any], values_: Any) -> list[str]:
    """Properties that values.yaml does not have; resources may have more than their defaults."""
    node = _resolve(node, schema)
    if "properties" not in node or "requests" in node["properties"]:
        return []
    if node.get("additionalProperties") is not False:
        return ["an object that takes anything"]
    missing = [key for key in node["properties"] if key not in values_]
    for key, deeper in node["properties"].items():
        if key in values_:
            missing += [f"{key}.{path}" for path in _unset(deeper, schema, values_[key])]
    return missing


def test_versions_agree() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == __version__
    assert f"## {chart['version']}\n" in (CHART / "UPGRADING.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("case", "version", "sentence"),
    [
        ("default", "v1.34.0", "The one value to set is kubelet.ca"),
        ("minimal", "v1.34.0", "WARNING: kubelet.insecureTls is true"),
        ("default", "v1.20.2", "leaves a gap of about a minute"),
        ("kube-prometheus-stack", "v1.34.0", "rollout status deployment/cloud-monitoring-facade"),
        ("kube-prometheus-stack", "v1.34.0", "Each question is translated."),
        (
            "kube-prometheus-recorded",
            "v1.20.2",
            "The series of kube-prometheus at http://prometheus-operated.monitoring",
        ),
        ("external", "v1.34.0", "Neither the bundled Prometheus nor a ServiceMonitor scrapes the exporters"),
        ("default", "v1.34.0", "kubectl -n cloud-monitoring port-forward service/cloud-monitoring-facade 5000:5000"),
    ],
)
def test_notes(case: str, version: str, sentence: str) -> None:
    assert sentence in render(CASES[case], kube_version=version)["templates/NOTES.txt"]
