"""Every query that docs/metrics.md offers, as it stands there, on the sample fleet in a real Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from exporter.sample import NODES, samples
from local.documents import ROOT
from tests.harness.prometheus import Prometheus
from tests.harness.store import store

NOW = 1794484800.0 + 7.0  # 2026-11-12T12:00:07Z
QUERIES = re.findall(r"^```promql\n(.*?)^```$", (ROOT / "docs/metrics.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with store(tmp_path_factory.mktemp("queries") / "data", samples, NODES, NOW, 5400) as stored:
        yield stored


def test_there_are_queries() -> None:
    assert len(QUERIES) > 5


@pytest.mark.parametrize("query", QUERIES, ids=[query.partition("\n")[0] for query in QUERIES])
def test_a_query_answers_as_it_stands(prometheus: Prometheus, query: str) -> None:
    rows = prometheus.query(query, NOW)
    assert rows
    assert all(row.value == row.value for row in rows)  # no NaN


def test_the_recorded_and_the_computed_cpu_of_a_workload_agree(prometheus: Prometheus) -> None:
    computed, recorded = ({row.labels["workload"]: row.value for row in prometheus.query(query, NOW)}
                          for query in QUERIES[2:4])  # fmt: skip
    assert computed == pytest.approx(recorded, rel=0.5)  # an hour's mean, and a moment


def test_the_mean_from_five_minutes_is_that_of_the_evaluations(prometheus: Prometheus) -> None:
    (query,) = [query for query in QUERIES if "sum_5m" in query]
    metric = "namespace:cloudmon_pod_memory_working_set_bytes:sum"
    means = {row.labels["namespace"]: row.value for row in prometheus.query(query, NOW)}
    boundary = NOW // 300 * 300
    exact = {row.labels["namespace"]: row.value for row in prometheus.query(f"avg_over_time({metric}[1h])", boundary)}
    assert means == pytest.approx(exact, rel=0.03)  # the hours begin and end up to five minutes apart
