"""What was known of entities within a window, and the reasons of empty columns."""

from __future__ import annotations

import pytest

from facade.answer import Sample
from facade.entities.evidence import WindowEvidence, series_key
from promql import names
from promql.catalogue import Catalogue, Kind, Signal, record

CATALOGUE = Catalogue.load()
TOTALS = CATALOGUE.totals
CPU = CATALOGUE.signals["cpu_cores"]
TRAFFIC = CATALOGUE.signals["network_receive_bytes_per_second"]
THROTTLED = CATALOGUE.signals["cpu_throttled_ratio"]


Row = tuple[str, float, dict[str, str]]


def witnessed(kind: Kind, *rows: Row) -> WindowEvidence:
    return WindowEvidence.of(
        kind, [Sample({"__name__": name, **labels}, value) for name, value, labels in rows], TOTALS
    )


def pod_reason(signal: Signal, *rows: Row) -> str:
    own = {"namespace": "shop", "pod": "web-1"}
    found = witnessed(
        "pod", *((name, value, {**own, **labels} if "source" not in labels else labels) for name, value, labels in rows)
    )
    return found.entity(("", "shop", "web-1")).reason(signal, "")


def node_reason(*rows: Row) -> str:
    return witnessed("node", *rows).entity(("", "n1")).reason(CPU, "")


def total_reason(signal: Signal, *rows: Row) -> str:
    return witnessed("namespace", *rows).entity(("", "shop")).reason(signal, "")


def age(source: str, node: str = "n1") -> tuple[str, float, dict[str, str]]:
    return names.SOURCE_SAMPLE_AGE_SECONDS.name, 1, {"node": node, "source": source}


INFO = (names.POD_INFO.name, 1.0, {"namespace": "shop", "node": "n1", "host_network": "false"})
RUNNING = (names.POD_PHASE.name, 1.0, {"namespace": "shop", "node": "n1", "phase": "Running"})


def test_reasons_of_a_pod() -> None:
    assert pod_reason(CPU) == "not_running"
    assert pod_reason(CPU, ("x", 1, {"node": "n1", "phase": "Succeeded"}), age("resource")) == "not_running"
    assert pod_reason(CPU, INFO, RUNNING) == "no_samples"
    assert pod_reason(CPU, INFO, RUNNING, age("detail")) == "no_samples"
    assert pod_reason(CPU, INFO, RUNNING, age("resource", "n2")) == "no_samples"
    assert pod_reason(CPU, INFO, RUNNING, age("resource")) == "not_reported"
    assert pod_reason(THROTTLED, INFO, RUNNING, age("detail")) == "no_limit"
    limit = (names.POD_CPU_LIMIT_CORES.name, 1.0, {"namespace": "shop", "node": "n1"})
    assert pod_reason(THROTTLED, INFO, RUNNING, limit, age("detail")) == "not_reported"
    host = (names.POD_INFO.name, 1.0, {"node": "n1", "host_network": "true"})
    assert pod_reason(TRAFFIC, host, RUNNING) == "host_network"
    # It was not always the same phase.
    assert pod_reason(CPU, INFO, RUNNING, ("x", 1, {"phase": "Pending"}), age("resource")) == "not_reported"


def test_reasons_of_a_node() -> None:
    node = (names.NODE_INFO.name, 1.0, {"node": "n1"})
    assert node_reason() == "no_samples"
    assert node_reason(node, age("detail")) == "no_samples"
    assert node_reason(node, age("resource")) == "not_reported"


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
    assert total_reason(TRAFFIC, *rows) == reason


def test_a_total_of_the_throttled_share_needs_a_limit() -> None:
    rows = [EVALUATED, COLLECTED, *map(count, TOTALS.expected), INFO, age("detail")]
    assert total_reason(THROTTLED, *rows) == "no_limit"
    limited = count(names.POD_CPU_LIMIT_CORES.name)
    assert total_reason(THROTTLED, *rows, limited) == "not_reported"


def test_evidence_is_filed_by_entity() -> None:
    found = witnessed(
        "pod",
        (names.POD_INFO.name, 1, {"cluster": "a", "namespace": "shop", "pod": "web-1", "node": "n1", "uid": "u1"}),
        (names.POD_INFO.name, 1, {"cluster": "a", "namespace": "shop", "pod": "web-1", "node": "n2", "uid": "u2"}),
        (names.POD_INFO.name, 1, {"cluster": "a", "namespace": "infra", "pod": "web-1", "node": "n3", "uid": "u3"}),
        (names.SOURCE_SAMPLE_AGE_SECONDS.name, 1, {"cluster": "b", "node": "n1", "source": "resource"}),
        (names.POD_INFO.name, 1, {"cluster": "a", "namespace": "shop"}),
    )
    assert set(found.entities) == {("a", "shop", "web-1"), ("a", "infra", "web-1")}
    assert found.entity(("a", "shop", "web-1")).nodes == {("a", "n1"), ("a", "n2")}
    assert found.around.clusters == {"a", "b"}
    assert found.entity(("a", "shop", "web-1")).joined
    assert not found.entity(("a", "infra", "web-1")).joined
    assert found.entity(("a", "shop", "web-2")).reason(CPU, "a") == "not_running"


@pytest.mark.parametrize(
    ("kind", "labels", "key"),
    [
        ("node", {"node": "n1"}, ("", "n1")),
        ("pod", {"cluster": "a", "namespace": "shop", "pod": "p", "uid": "u"}, ("a", "shop", "p")),
        ("pod", {"cluster": "a", "namespace": "shop"}, None),
        ("namespace", {"cluster": "a"}, None),
        ("deployment", {"namespace": "shop", "workload": "web"}, ("", "shop", "web")),
    ],
)
def test_keys(kind: Kind, labels: dict[str, str], key: tuple[str, ...] | None) -> None:
    assert series_key(kind, labels) == key
