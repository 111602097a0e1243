"""The examples of values for other engines: facade and Prometheus are told what docs/engines.md says they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from facade.config import Settings
from local.documents import ROOT
from tests.helm.cases import CASES, EXAMPLES, environment, one, rendered

ENGINES = ("mimir", "thanos")


def facade_settings(case: str) -> Settings:
    (container,) = one(rendered(case), "Deployment", "-facade")["spec"]["template"]["spec"]["containers"]
    return Settings.from_environment(environment(container))


def prometheus_config(case: str) -> dict[str, Any]:
    config = yaml.safe_load(one(rendered(case), "ConfigMap", "-prometheus")["data"]["prometheus.yml"])
    assert isinstance(config, dict)
    return config


def test_every_example_is_documented_and_rendered() -> None:
    # The third is of a dialect, not of an engine: docs/dialects.md.
    assert {path.stem for path in EXAMPLES.iterdir()} == {*ENGINES, "kube-prometheus-stack"}
    document = (ROOT / "docs/engines.md").read_text("utf-8")
    assert all(f"examples/{engine}.yaml" in document for engine in ENGINES)
    assert set(ENGINES) <= set(CASES)


def test_thanos_query_is_asked_for_one_of_each_series_and_may_answer_in_part() -> None:
    settings = facade_settings("thanos")
    assert settings.prometheus_url == "http://thanos-query.thanos.svc:9090"
    assert settings.prometheus_parameters == {
        "dedup": ("true",),
        "max_source_resolution": ("0s",),
        "partial_response": ("true",),
        "replicaLabels[]": ("prometheus_replica", "receive_replica"),
    }
    config = prometheus_config("thanos")
    assert [store["url"] for store in config["remote_write"]] == [
        "http://thanos-receive.thanos.svc:19291/api/v1/receive"
    ]
    # What Thanos takes for copies of one series differs in a label that it removes.
    assert set(config["global"]["external_labels"]) <= {*settings.prometheus_parameters["replicaLabels[]"]}


def test_mimir_is_written_to_and_asked_as_one_tenant() -> None:
    settings, config = facade_settings("mimir"), prometheus_config("mimir")
    assert settings.prometheus_url == "http://mimir-gateway.mimir.svc/prometheus"
    assert settings.prometheus_headers == {"X-Scope-OrgID": "team-a"}
    (store,) = config["remote_write"]
    assert (store["url"], store["headers"]) == (
        "http://mimir-gateway.mimir.svc/api/v1/push",
        dict(settings.prometheus_headers),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_sent_says_of_which_cluster_it_is(engine: str) -> None:
    """By a target label, which the recording rules keep: an external label would be unknown to them."""
    labels = [
        rule["replacement"]
        for job in prometheus_config(engine)["scrape_configs"]
        for rule in job.get("relabel_configs", [])
        if rule.get("target_label") == "cluster"
    ]
    assert labels
    assert set(labels) == {"east"}
