"""Tables: columns that depend on the request alone, and cells that a spreadsheet takes for what they are."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from facade.representation.columns import entity_columns, series_columns
from facade.representation.table import Table, cell, table
from facade.shapes import Shape
from promql.catalogue import KINDS, Catalogue, Kind

FORMULAS = "=+-@\t\r\n'＝＋－＠"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def meant(cell_text: str) -> str:
    """What a reader makes of a text's cell: one that begins with an apostrophe is what follows it."""
    return cell_text.removeprefix("'")


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=4))
@example([["=1+1", '=cmd|"/c calc"!A0', "'=1"], ["-1", "+1", "@a"], ["\ta", "\ra", '"'], ["\x00", ",", "a\r\nb"]])
def test_texts_come_back_and_none_is_a_formula(rows: list[list[str]]) -> None:
    header, *read_rows = read(Table(("a", "b", "c"), rows, {}).text())
    assert header == ["a", "b", "c"]
    assert [[meant(text) for text in row] for row in read_rows] == rows
    for row in read_rows:
        for text in row:
            assert not text.startswith(tuple(FORMULAS.replace("'", "")))


@pytest.mark.parametrize("first", FORMULAS)
def test_what_begins_a_formula_gets_an_apostrophe(first: str) -> None:
    assert cell(f"{first}a") == f"'{first}a"
    assert cell(first) == f"'{first}"
    assert cell(f"a{first}") == f"a{first}"


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_numbers_stay_numbers_to_the_last_digit(number: float) -> None:
    ((text,),) = read(Table(("a",), [[number]], {}).text())[1:]
    assert float(text) == number


def test_the_other_values_of_json() -> None:
    text = Table(("a", "b", "c", "d"), [[None, True, False, -0.5]], {}).text()
    assert text == "a,b,c,d\r\n,true,false,-0.5\r\n"


def test_what_stands_beside_the_rows_is_in_header_fields() -> None:
    fields = {
        "total": 0,
        "time": "2026-11-12T12:00:07Z",
        "next": "/api/pods?offset=2&cluster=ü\n",
        "partial": ["not_collected"],
        "missing": {"cpu_cores": "no_samples", "io_pressure_ratio": "not_reported"},
        "cluster": "50 % ü\r\n",
        "step": 0.5,
    }
    assert Table((), [], fields).headers() == {
        "X-Total-Count": "0",
        "X-Time": "2026-11-12T12:00:07Z",
        "Link": '</api/pods?offset=2&cluster=%C3%BC%0A>; rel="next"',
        "X-Partial": "not_collected",
        "X-Missing": "cpu_cores=no_samples, io_pressure_ratio=not_reported",
        "X-Cluster": "50 %25 %C3%BC%0D%0A",
        "X-Step": "0.5",
    }
    assert Table((), [], {"missing": {}}).headers() == {}


@given(st.text(max_size=8))
def test_any_text_is_a_header_field(text: str) -> None:
    (value,) = Table((), [], {"cluster": f"a{text}"}).headers().values()
    assert value.isascii()
    assert value.isprintable()


# --- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alone", [False, True])
def test_columns_are_all_different_and_each_value_has_its_reason(kind: Kind, alone: bool) -> None:
    columns = entity_columns(kind, alone=alone)
    assert len(set(columns)) == len(columns)
    for signal in Catalogue.load().of_kind(kind):
        assert f"usage.{signal.key}" in columns
        assert f"missing.{signal.key}" in columns
    assert {"cluster", "requests.cpu_cores", "missing.limits.memory_bytes"} <= set(columns)
    assert ("oom_kills" in columns) is (alone and kind == "pod")
    assert "missing.last_oom_kill" not in columns


def test_the_columns_of_some_signals() -> None:
    assert entity_columns("pod", ("memory_rss_bytes", "cpu_cores")) == (
        "name", "namespace", "cluster", "uid", "node", "workload.kind", "workload.name", "phase",
        "usage.memory_rss_bytes", "usage.cpu_cores",
        "missing.node", "missing.phase", "missing.memory_rss_bytes", "missing.cpu_cores",
    )  # fmt: skip
    assert entity_columns("deployment", ("cpu_cores", "cpu_throttled_ratio")) == (
        "name", "namespace", "cluster", "usage.cpu_cores", "usage.cpu_throttled_ratio",
        "coverage.cpu_cores.reporting", "coverage.cpu_cores.expected",
        "missing.cpu_cores", "missing.cpu_throttled_ratio",
    )  # fmt: skip
    assert entity_columns("node", ("cpu_cores",)) == ("name", "cluster", "usage.cpu_cores", "missing.cpu_cores")
    assert series_columns("namespace", ("cpu_cores",)) == ("timestamp", "cpu_cores", "coverage")
    assert series_columns("node", ("cpu_cores",)) == ("timestamp", "cpu_cores")


def rows_of(
    answer: dict[str, Any], shape: Shape, kind: Kind, metrics: tuple[str, ...] | None = None
) -> list[list[str]]:
    return read(table(answer, shape, kind, metrics).text())


def test_coverage_is_two_columns_and_an_absent_key_an_empty_cell() -> None:
    item = {
        "name": "shop", "usage": {"cpu_cores": 1.5}, "coverage": {"cpu_cores": [12, 14]}, "missing": {},
    }  # fmt: skip
    empty = {"name": "dev", "cluster": "=a", "usage": {"cpu_cores": None}, "missing": {"cpu_cores": "no_samples"}}
    header, *rows = rows_of(
        {"items": [item, empty], "total": 2, "time": "t"}, Shape("list", "namespace"), "namespace", ("cpu_cores",)
    )
    assert header == [
        "name", "cluster", "usage.cpu_cores", "coverage.cpu_cores.reporting", "coverage.cpu_cores.expected",
        "missing.cpu_cores",
    ]  # fmt: skip
    assert rows == [["shop", "", "1.5", "12", "14", ""], ["dev", "'=a", "", "", "", "no_samples"]]


def test_a_series_has_its_columns_also_where_nothing_reported() -> None:
    answer = {
        "name": "node-1", "step": 15, "timestamps": [15, 30], "series": {"cpu_cores": [0.5, None]}, "missing": {},
    }  # fmt: skip
    header, *rows = rows_of(answer, Shape("timeseries", "node"), "node")
    assert header == ["timestamp", *(signal.key for signal in Catalogue.load().of_kind("node"))]
    assert [row[:2] for row in rows] == [["15", "0.5"], ["30", ""]]
    assert {text for row in rows for text in row[2:]} == {""}


def test_a_whole_kind_is_a_row_for_each_point_of_an_entity() -> None:
    answer: dict[str, Any] = {
        "step": 15,
        "timestamps": [15, 30],
        "items": [
            {"name": "a", "namespace": "x", "values": [1, None]},
            {"name": "b", "namespace": "x", "values": [2, 3]},
        ],
        "total": 2,
    }
    shape = Shape("timeseries_of_kind")
    assert rows_of(answer, shape, "pod") == [
        ["timestamp", "name", "namespace", "value"],
        ["15", "a", "x", "1"], ["30", "a", "x", ""], ["15", "b", "x", "2"], ["30", "b", "x", "3"],
    ]  # fmt: skip
    assert table(answer, shape, "pod", None).headers() == {"X-Step": "15", "X-Total-Count": "2"}
    answer["items"] = [{"name": "n", "cluster": "east", "values": [1, 2]}]
    assert rows_of(answer, shape, "node") == [
        ["timestamp", "name", "namespace", "value", "cluster"],
        ["15", "n", "", "1", "east"], ["30", "n", "", "2", "east"],
    ]  # fmt: skip
