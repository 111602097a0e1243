"""Both engines, asked the same of the same samples: the same JSON, but for what ``docs/engines.md`` explains."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
from flask.testing import FlaskClient

from tests.engines.differences import DIFFERENCES, Difference, Found, found, unexplained
from tests.engines.pasts import CLUSTERS, SAMPLE, Served, both_engines
from tests.engines.routes import CLUSTER_ROUTES, REFUSED, SAMPLE_ROUTES

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "engines.md"


@dataclass(frozen=True)
class Compared:
    """Both engines with one past; each path is compared once."""

    both: Mapping[str, Served]
    known: dict[str, list[Found]] = field(default_factory=dict)

    def differences(self, path: str, status: int = 200) -> list[Found]:
        if path not in self.known:
            one, other = (_answer(served.client, path, status) for served in self.both.values())
            self.known[path] = list(found(path, one, other))
        return self.known[path]


@pytest.fixture(scope="module")
def sample_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    with both_engines(SAMPLE, tmp_path_factory.mktemp("sample")) as both:
        yield Compared(both)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    with both_engines(CLUSTERS, tmp_path_factory.mktemp("clusters")) as both:
        yield Compared(both)


def _answer(client: FlaskClient, path: str, status: int) -> Any:
    response = client.get(path)
    assert response.status_code == status, f"{path}: {response.get_data(as_text=True)}"
    return response.get_json() if response.is_json else _from_csv(response.get_data(as_text=True))


def _from_csv(text: str) -> Any:
    """A table in the form of the JSON: columns of a time series, or items whose keys have dots in them."""
    header, *rows = ([_cell(cell) for cell in row] for row in csv.reader(text.splitlines()))
    if header[0] == "timestamp":
        return {"series": dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))}
    return {"items": [dict(zip(header, row, strict=True)) for row in rows]}


def _cell(text: str) -> float | str | None:
    try:
        return float(text)
    except ValueError:
        return text or None


@pytest.mark.parametrize("path", SAMPLE_ROUTES)
def test_the_sample_fleet(sample_fleet: Compared, path: str) -> None:
    assert unexplained(sample_fleet.differences(path)) == []


@pytest.mark.parametrize("path", CLUSTER_ROUTES)
def test_three_clusters(clusters: Compared, path: str) -> None:
    assert unexplained(clusters.differences(path)) == []


@pytest.mark.parametrize(("path", "status"), REFUSED)
def test_refusals(clusters: Compared, path: str, status: int) -> None:
    """The same status and the same words: the names that are ambiguous, and when something was last seen."""
    assert clusters.differences(path, status) == []


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_each_difference_is_there_and_documented(
    sample_fleet: Compared, clusters: Compared, difference: Difference
) -> None:
    seen = [sample_fleet.differences(path) for path in SAMPLE_ROUTES]
    seen += [clusters.differences(path) for path in CLUSTER_ROUTES]
    assert any(difference.explains(one) for one in chain.from_iterable(seen))
    assert f"`{difference.name}`" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path in CLUSTER_ROUTES if "format=csv" not in path])
def test_what_was_asked_can_be_asked_again(clusters: Compared, path: str) -> None:
    """Each query of ``explain``, put to the engine itself: both were asked the same, and both have the same signals."""
    explained = f"{path}{'&' if '?' in path else '?'}explain=true"
    one, other = (_answer(both.client, explained, 200)["explain"] for both in clusters.both.values())
    assert one == other
    for question in one:
        prometheus, victoria_metrics = (_columns(served, question) for served in clusters.both.values())
        assert prometheus == victoria_metrics


def _columns(served: Served, question: Mapping[str, Any]) -> set[str]:
    """What an engine answers: of each row the signal, else the metric. Rows themselves differ: see `filled-gaps`."""
    if "time" in question:
        labels = [sample.labels for sample in served.engine.query(question["query"], question["time"])]
    else:
        times = (question["start"], question["end"], question["step"])
        labels = [series.labels for series in served.engine.query_range(question["query"], *times)]
    return {one.get("signal", one.get("__name__", "")) for one in labels}
