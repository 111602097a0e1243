"""The form of the queries of time series; what they answer is in tests/integration/test_api_timeseries_*.py."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser
import pytest

from promql.catalogue import KINDS, Catalogue, Kind
from promql.selectors import equal
from promql.timeseries import STATISTICS, Aggregation, TimeseriesQueries
from promql.timeseries.points import Points
from promql.windows import Windows
from tests.golden import check_golden

CATALOGUE = Catalogue.load()
SERIES = TimeseriesQueries(CATALOGUE, Windows())
CPU, RSS, THROTTLED = (CATALOGUE.signals[key] for key in ("cpu_cores", "memory_rss_bytes", "cpu_throttled_ratio"))


def nodes_of(node: object) -> Iterator[object]:
    yield node
    for name in ("lhs", "rhs", "expr", "args"):
        child = getattr(node, name, None)
        for part in child if isinstance(child, list) else [child]:
            if part is not None:
                yield from nodes_of(part)


def test_golden_queries() -> None:
    pod, namespace = equal(namespace="default", pod="web-0"), equal(namespace="default")
    for joined in (False, True):
        queries = SERIES.statistics("pod", pod, [CPU, THROTTLED, RSS], 3600, joined=joined)
        name = "pod-statistics-joined" if joined else "pod-statistics"
        check_golden(f"promql/{name}.promql", "\n\n".join(queries) + "\n")
    queries = SERIES.statistics("namespace", namespace, [CPU, THROTTLED, RSS], 3600)
    check_golden("promql/namespace-statistics.promql", "\n\n".join(queries) + "\n")
    coarse = SERIES.points("namespace", namespace, [CPU, THROTTLED, RSS], 3600, "max", coarse=True)
    check_golden("promql/namespace-timeseries-coarse.promql", coarse + "\n")
    whole = [SERIES.points_of_kind(kind, (), RSS, 300) for kind in KINDS]
    check_golden("promql/timeseries-of-kinds.promql", "\n\n".join(whole) + "\n")
    known = [SERIES.known(kind, (), 3600) for kind in KINDS]
    held = SERIES.known("pod", namespace, 3600, equal(node="n1"), "Running")
    check_golden("promql/known.promql", "\n\n".join([*known, held]) + "\n")


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_are_two_queries_of_six_rows_a_signal(kind: Kind) -> None:
    signals = CATALOGUE.of_kind(kind)
    queries = SERIES.statistics(kind, equal(namespace="a"), signals, 3600)
    assert len(queries) == 2
    assert len(SERIES.statistics(kind, (), signals[:1], 3600)) == 1
    for query in queries:
        promql_parser.parse(query)
    named = [f'"{signal.key}:{statistic}"' for signal in signals for statistic in STATISTICS]
    assert [name for name in named if sum(query.count(name) for query in queries) != 1] == []


def test_a_subquery_is_at_every_scrape_interval_of_its_window_whichever_end_is_open() -> None:
    """[t − 3592.5 s, t] and (t − 3592.5 s, t] hold the same 240 multiples of 15 s, if t is one."""
    (query,) = SERIES.statistics("pod", (), [CPU], 3600)
    subqueries = [node for node in nodes_of(promql_parser.parse(query)) if isinstance(node, promql_parser.SubqueryExpr)]
    assert len(subqueries) == 5
    assert "[3592500ms:15s]" in query
    assert {str(subquery.range) for subquery in subqueries} == {"0:59:52.500000"}


@pytest.mark.parametrize(
    ("kind", "step", "aggregation", "coarse"),
    [
        ("namespace", 300, "avg", True),
        ("deployment", 3600, "max", True),
        ("namespace", 300, "last", False),
        ("namespace", 240, "avg", False),
        ("namespace", 450, "avg", False),
        ("pod", 300, "avg", False),
        ("node", 300, "avg", False),
    ],
)
def test_the_second_resolution_answers_whole_five_minutes(
    kind: Kind, step: float, aggregation: Aggregation, coarse: bool
) -> None:
    assert SERIES.has_coarse(kind, step, aggregation) is coarse


def test_a_level_of_slow_scrapes_is_longer_than_five_minutes() -> None:
    slow = TimeseriesQueries(CATALOGUE, Windows(scrape_seconds=300))
    assert not slow.has_coarse("namespace", 300, "avg")
    assert slow.has_coarse("namespace", 600, "avg")


def test_a_kind_is_not_asked_for_a_signal_that_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="a node has no cpu_throttled_ratio"):
        Points(Windows()).signal("node", THROTTLED, (), 60)
