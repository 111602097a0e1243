"""What ``explain=true`` shows, asked again of Prometheus itself, gives the answer's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sample import Asked, sample_fleet
from tests.contract.witness import values_at

SERIES = "window=15m&step=60"
INSTANTS = (
    "/api/nodes",
    "/api/nodes/node-2",
    "/api/nodes/node-2/pods",
    "/api/pods",
    "/api/pods?sort=-cpu_cores&limit=2",
    "/api/pods?namespace=default&metrics=memory_rss_bytes,cpu_throttled_ratio",
    "/api/pods/web-server-1",
    "/api/namespaces",
    "/api/namespaces/default",
    "/api/namespaces/default/pods",
    "/api/namespaces/default/deployments",
    "/api/deployments",
    "/api/deployments/web-server",
    "/api/deployments/web-server/pods",
)
RANGES = (
    f"/api/nodes/node-2/timeseries?{SERIES}",
    f"/api/pods/web-server-1/timeseries?{SERIES}",
    f"/api/pods/web-server-1/timeseries?{SERIES}&agg=max",
    f"/api/namespaces/default/timeseries?{SERIES}",
    f"/api/deployments/web-server/timeseries?{SERIES}",
    "/api/namespaces/default/timeseries?window=1h&step=600",
    f"/api/timeseries?kind=node&{SERIES}",
    f"/api/timeseries?kind=pod&{SERIES}&metrics=memory_rss_bytes",
    f"/api/timeseries?kind=namespace&{SERIES}",
    f"/api/timeseries?kind=deployment&{SERIES}&metrics=cpu_throttled_ratio",
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory) as fleet:
        yield fleet


def explained(asked: Asked, path: str) -> Any:
    """The answer of the route that says what it asked."""
    return asked.get(f"{path}{'&' if '?' in path else '?'}explain=true")


def asked_again(asked: Asked, entries: list[dict[str, Any]]) -> list[float]:
    """Every value that Prometheus gives to the queries, as they stand."""
    values: list[float] = []
    for entry in entries:
        if set(entry) == {"query", "time"}:
            values += [sample.value for sample in asked.prometheus.query(entry["query"], entry["time"])]
        else:
            assert set(entry) == {"query", "start", "end", "step"}
            series = asked.prometheus.query_range(entry["query"], entry["start"], entry["end"], entry["step"])
            values += [value for one in series for _, value in one.points]
    return values


def entities(answer: Any) -> list[Any]:
    found: list[Any] = answer.get("items", [answer])
    return found


@pytest.mark.contract(
    "parameter:explain",
    "parameter:explain=true",
    "field:answer.explain",
    "field:answer.explain.query",
    "field:answer.explain.time",
)
@pytest.mark.parametrize("path", INSTANTS)
def test_the_numbers_of_now_are_prometheuss(asked: Asked, path: str) -> None:
    answer = explained(asked, path)
    values = asked_again(asked, answer["explain"])
    given, found = set(values), 0
    # What the facade divides: a sum of both sides of a ratio, and usage by what was asked for.
    quotients = {part / whole for part in given for whole in given if whole}
    for entity in entities(answer):
        for block in ("usage", "requests", "limits", "capacity", "allocatable", "replicas", "utilization"):
            for key, value in entity.get(block, {}).items():
                ratio = block == "utilization" or key == "cpu_throttled_ratio"
                assert value is None or value in given or (ratio and value in quotients), f"{block}.{key}: {value}"
                found += value is not None
    assert found >= 2 * len(entities(answer))


@pytest.mark.contract("field:answer.explain.start", "field:answer.explain.end", "field:answer.explain.step")
@pytest.mark.parametrize("path", RANGES)
def test_the_numbers_over_a_window_are_prometheuss(asked: Asked, path: str) -> None:
    answer = explained(asked, path)
    given = set(asked_again(asked, answer["explain"]))
    columns = list(values_at(answer, "series.*")) or list(values_at(answer, "items.values"))
    numbers = [value for column in columns for value in column if value is not None]
    assert len(numbers) >= len(answer["timestamps"])
    assert not [value for value in numbers if value not in given]
    assert not [share for share in answer.get("coverage", []) if share is not None and share not in given]


@pytest.mark.parametrize("path", [*INSTANTS, *RANGES])
def test_what_is_asked_is_told_only_where_it_is_wanted(asked: Asked, path: str) -> None:
    told, untold = explained(asked, path), asked.get(path)
    assert told.pop("explain")
    # The next page's path asks for as much.
    assert ("next" in told) == ("next" in untold)
    assert {key: value for key, value in told.items() if key != "next"} == {
        key: value for key, value in untold.items() if key != "next"
    }
