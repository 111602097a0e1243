"""Every alert's expression on a real Prometheus with the sample fleet, and with what each alert is about beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporter.sample import NODES
from exporter.sample import samples as sample_fleet
from local.commands import run_quietly
from local.openmetrics import Exposition, merged, number, sample, timestamp
from local.tsdb import create_block
from promql.alerts import alerts_file
from tests.harness.prometheus import Prometheus
from tests.harness.store import binaries, store
from tests.rules.cases import Case, cases, parsed, samples, seconds

NOW = 1794484800.0 + 7.0  # 2026-11-12T12:00:07Z
SAMPLE_SECONDS = 2400.0
EXPRESSIONS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(alerts_file(15, 60, 300))["groups"]
    for rule in group["rules"]
}
RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
QUERIES = [
    query
    for path in sorted(RUNBOOKS.glob("*.md"))
    for query in re.findall(r"^```promql\n(.*?)^```", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
]
# Of each alert the first case in which it fires.
CASES = {case.alert: case for case in reversed(cases()) if case.fires}


def add(exposition: Exposition, case: Case) -> None:
    """The case's series, which stand at ``case.at`` now, in a cluster named for the alert."""
    start = NOW - seconds(case.at)
    for series, values in case.series.items():
        name, labels = parsed(series)
        append = exposition.series(name, merged({**labels, "cluster": case.alert}, {}))
        shift = start if "timestamp_seconds" in name else 0.0
        for offset, value in samples(values):
            if start + offset <= NOW:
                append(sample(number(value + shift), timestamp(round((start + offset) * 1000))))


def write_cases(directory: Path) -> None:
    exposition = Exposition()
    for case in CASES.values():
        add(exposition, case)
    path = directory.parent / "cases.om"
    assert exposition.write(path)
    create_block(binaries().promtool, path, directory, run_quietly)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("alerts") / "data"
    with store(directory, sample_fleet, NODES, NOW, SAMPLE_SECONDS, also=write_cases) as running:
        yield running


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(EXPRESSIONS)


@pytest.mark.parametrize("alert", EXPRESSIONS)
def test_the_expression_finds_what_the_alert_is_about(prometheus: Prometheus, alert: str) -> None:
    labels = dict(CASES[alert].labels or {}) | {"cluster": alert}
    found = [dict(element.labels) for element in prometheus.query(EXPRESSIONS[alert], NOW)]
    assert labels in found


@pytest.mark.parametrize("alert", EXPRESSIONS)
def test_nothing_is_wrong_with_the_sample_fleet(prometheus: Prometheus, alert: str) -> None:
    # Ten minutes after its beginning, when every window is full.
    found = prometheus.query_range(EXPRESSIONS[alert], NOW - SAMPLE_SECONDS + 600, NOW, 60)
    assert [element for element in found if element.labels.get("cluster") == "sample"] == []


def test_the_runbooks_queries_run(prometheus: Prometheus) -> None:
    assert len(QUERIES) > 20
    for query in QUERIES:
        prometheus.query(query, NOW)
