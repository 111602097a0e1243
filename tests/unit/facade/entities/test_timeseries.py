"""Columns and the reasons of empty ones."""

from __future__ import annotations

import math

import pytest

from facade.answer import Sample, Series
from facade.entities.timeseries import Evidence, column, columns_by_signal, wanted
from facade.window import TimeWindow
from promql import names
from promql.catalogue import Catalogue, record

CATALOGUE = Catalogue.load()
TOTALS = CATALOGUE.totals
CPU = CATALOGUE.signals["cpu_cores"]
TRAFFIC = CATALOGUE.signals["network_receive_bytes_per_second"]
THROTTLED = CATALOGUE.signals["cpu_throttled_ratio"]
WINDOW = TimeWindow(100, 160, 15, 60)


def test_a_column_has_a_cell_for_each_point_and_nothing_where_there_was_nothing() -> None:
    points = [(115, 1.0), (145, 2.5), (160, math.nan), (100, 9.0), (175, 9.0)]
    assert column(points, WINDOW) == [1, None, 2.5, None]
    assert column((), WINDOW) == [None] * 4


def test_times_that_prometheus_gives_back_with_a_rounding_error_find_their_cell() -> None:
    window = TimeWindow(0.2, 1.0, 0.1, 0.8)
    points = [(time, float(index)) for index, time in enumerate(window.timestamps())]
    assert column([(time + 4e-10, value) for time, value in points], window) == list(range(8))


def test_the_rows_of_a_total_with_and_without_pods_are_one_column() -> None:
    rows = [
        Series({"cluster": "c", "namespace": "shop", "signal": "cpu_cores"}, ((115, 2.0), (160, 3.0))),
        Series({"cluster": "c", "signal": "cpu_cores"}, ((130, 0.0),)),
        Series({"cluster": "c", "namespace": "shop", "signal": "coverage"}, ((115, 1.0),)),
    ]
    assert columns_by_signal(rows, WINDOW) == {"cpu_cores": [2, 0, None, 3], "coverage": [1, None, None, None]}


def test_optional_signals_are_there_if_asked_for_or_reported() -> None:
    signals = CATALOGUE.of_kind("pod")
    pressure = CATALOGUE.signals["cpu_pressure_ratio"]
    assert pressure not in wanted(signals, None, {})
    assert pressure in wanted(signals, None, {pressure.key: [1]})
    assert wanted(signals, [pressure], {}) == [pressure]


def evidence(*rows: tuple[str, float, dict[str, str]]) -> Evidence:
    return Evidence.of([Sample({"__name__": name, **labels}, value) for name, value, labels in rows], TOTALS)


def age(source: str, node: str = "n1") -> tuple[str, float, dict[str, str]]:
    return names.SOURCE_SAMPLE_AGE_SECONDS.name, 1, {"node": node, "source": source}


INFO = (names.POD_INFO.name, 1.0, {"namespace": "shop", "node": "n1", "host_network": "false"})
RUNNING = (names.POD_PHASE.name, 1.0, {"namespace": "shop", "node": "n1", "phase": "Running"})


def test_reasons_of_a_pod() -> None:
    assert evidence().pod_reason(CPU) == "not_running"
    assert evidence(("x", 1, {"node": "n1", "phase": "Succeeded"}), age("resource")).pod_reason(CPU) == "not_running"
    assert evidence(INFO, RUNNING).pod_reason(CPU) == "no_samples"
    assert evidence(INFO, RUNNING, age("detail")).pod_reason(CPU) == "no_samples"
    assert evidence(INFO, RUNNING, age("resource", "n2")).pod_reason(CPU) == "no_samples"
    assert evidence(INFO, RUNNING, age("resource")).pod_reason(CPU) == "not_reported"
    assert evidence(INFO, RUNNING, age("detail")).pod_reason(THROTTLED) == "no_limit"
    limit = (names.POD_CPU_LIMIT_CORES.name, 1.0, {"namespace": "shop", "node": "n1"})
    assert evidence(INFO, RUNNING, limit, age("detail")).pod_reason(THROTTLED) == "not_reported"
    host = (names.POD_INFO.name, 1.0, {"node": "n1", "host_network": "true"})
    assert evidence(host, RUNNING).pod_reason(TRAFFIC) == "host_network"
    # It was not always the same phase.
    assert evidence(INFO, RUNNING, ("x", 1, {"phase": "Pending"}), age("resource")).pod_reason(CPU) == "not_reported"


def test_reasons_of_a_node() -> None:
    node = (names.NODE_INFO.name, 1.0, {"node": "n1"})
    assert evidence().node_reason(CPU) == "no_samples"
    assert evidence(node, age("detail")).node_reason(CPU) == "no_samples"
    assert evidence(node, age("resource")).node_reason(CPU) == "not_reported"


def count(metric: str, value: float = 1) -> tuple[str, float, dict[str, str]]:
    return record("namespace", metric, "count"), value, {"namespace": "shop"}


EVALUATED = (TOTALS.evaluation, 1.0, {"cluster": ""})
COLLECTED = (TOTALS.collection, 1.0, {"cluster": ""})


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no_samples"),
        ([(TOTALS.evaluation, 1.0, {"cluster": "another"}), count(TOTALS.running)], "no_samples"),
        ([EVALUATED], "not_collected"),
        ([EVALUATED, COLLECTED], "not_running"),
        ([EVALUATED, COLLECTED, count(TOTALS.running)], "host_network"),
        ([EVALUATED, COLLECTED, *map(count, TOTALS.expected), INFO], "no_samples"),
        ([EVALUATED, COLLECTED, *map(count, TOTALS.expected), INFO, age("detail")], "not_reported"),
    ],
)
def test_reasons_of_a_total(rows: list[tuple[str, float, dict[str, str]]], reason: str) -> None:
    assert evidence(*rows).total_reason(TRAFFIC, "namespace", "") == reason


def test_a_total_of_the_throttled_share_needs_a_limit() -> None:
    rows = [EVALUATED, COLLECTED, *map(count, TOTALS.expected), INFO, age("detail")]
    assert evidence(*rows).total_reason(THROTTLED, "namespace", "") == "no_limit"
    limited = count(names.POD_CPU_LIMIT_CORES.name)
    assert evidence(*rows, limited).total_reason(THROTTLED, "namespace", "") == "not_reported"


def test_places_and_clusters_are_of_the_entitys_own_rows() -> None:
    found = evidence(INFO, age("resource", "n2"), (TOTALS.evaluation, 1.0, {"cluster": "b"}))
    assert found.places == {("", "shop")}
    assert found.clusters == {"", "b"}
    assert found.nodes == {("", "n1")}
