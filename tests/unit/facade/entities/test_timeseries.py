"""Columns and statistics."""

from __future__ import annotations

import math

from facade.answer import Sample, Series
from facade.entities.timeseries import KindColumns, column, columns_by_signal, one_point, statistics, wanted
from facade.window import TimeWindow
from promql.catalogue import Catalogue

CATALOGUE = Catalogue.load()
CPU = CATALOGUE.signals["cpu_cores"]
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


KEY = ("c", "shop")


def row(signal: str, *points: tuple[float, float], **labels: str) -> Series:
    return Series({"cluster": "c", **labels, "signal": signal}, points)


def test_a_total_of_many_is_nothing_where_its_pods_were_known_and_it_had_none() -> None:
    rows = [
        row("cpu_cores", (115, 2.0), namespace="shop"),
        row("coverage", (115, 1.0), (130, 0.0), namespace="shop"),
        row("known", (115, 0.0), (130, 0.0), (145, 0.0)),
        row("cpu_cores", (160, 9.0), namespace="another"),
        Series({"cluster": "d", "signal": "known"}, ((160, 0.0),)),
    ]
    columns = KindColumns.of("namespace", CPU, rows, WINDOW)
    # At 130 it had a pod of which nothing was read; at 160 nobody knew.
    assert columns.column(KEY) == [2, None, 0, None]
    assert columns.coverage_of(KEY) == [1, 0, None, None]
    assert columns.column(("c", "empty")) == [0, 0, 0, None]
    assert columns.column(("e", "shop")) == columns.coverage_of(("e", "shop")) == [None] * 4
    assert KindColumns.of("namespace", THROTTLED, rows, WINDOW).column(("c", "empty")) == [None] * 4


def test_an_instant_answer_is_a_column_of_one_point() -> None:
    whole = WINDOW.as_one_point()
    rows = one_point([Sample({"cluster": "c", "namespace": "shop", "signal": "cpu_cores"}, 3.5)], whole)
    assert KindColumns.of("namespace", CPU, rows, whole).column(KEY) == [3.5]


def test_statistics_have_all_six_keys() -> None:
    rows = [Sample({"signal": "cpu_cores:min"}, 1.0), Sample({"signal": "cpu_cores:p95"}, math.nan)]
    assert statistics(rows, [CPU, THROTTLED]) == {
        "cpu_cores": {"min": 1, "max": None, "avg": None, "p50": None, "p95": None, "last": None},
        "cpu_throttled_ratio": dict.fromkeys(("min", "max", "avg", "p50", "p95", "last")),
    }
