"""Properties of every list and every time series, whatever is asked of them: on a fleet made for it, in a real
Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facade.params.lists import SORT
from promql.catalogue import KINDS, Kind
from tests.contract.sample import Asked
from tests.harness.fleet import DAY, Fleet, FleetPod
from tests.harness.store import SCRAPE_SECONDS, application, store

NOW = 1794484807.0
PHASES = ("Running", "Running", "Running", "Running", "Pending", "Succeeded", "Failed")
MAX_DATA_POINTS = 120


def pod(number: int) -> FleetPod:
    """Many values and times are the same, some names are in two namespaces, and a third of the pods is silent."""
    phase = PHASES[number % len(PHASES)]
    return FleetPod(
        ("shop", "infra", "batch")[number % 3],
        f"pod-{number // 2}",
        f"u{number}",
        ("Deployment", f"web-{number % 5}"),
        created=NOW - DAY + 60 * (number % 4),
        node="" if phase == "Pending" else f"n{number % 3 + 1}",
        phase=phase,
        value=float(number % 4 + 1),
        host_network=number % 9 == 0,
        limits=number % 4 != 0,
        disk=number % 5 != 0,
        restarts=number % 3,
    )


FLEET = Fleet(
    tuple(pod(number) for number in range(40)),
    nodes=("n1", "n2", "n3"),
    namespaces=("shop", "infra", "batch", "empty"),
    deployments=(("shop", "web-0", 3), ("infra", "web-1", 2), ("batch", "web-1", 1), ("shop", "idle", 0)),
    silent=lambda node, _source, _time: node == "n2",
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    directory = tmp_path_factory.mktemp("properties") / "data"
    with (
        store(directory, FLEET.samples, FLEET.nodes, NOW, 3600) as prometheus,
        application(prometheus.url, NOW, {"MAX_DATA_POINTS": str(MAX_DATA_POINTS)}) as client,
    ):
        yield Asked(prometheus, client)


LISTS: dict[str, Kind] = {
    "/api/nodes": "node",
    "/api/pods": "pod",
    "/api/namespaces": "namespace",
    "/api/deployments": "deployment",
    "/api/nodes/n1/pods": "pod",
    "/api/namespaces/shop/pods": "pod",
    "/api/namespaces/shop/deployments": "deployment",
    "/api/deployments/web-0/pods": "pod",
}


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, str]:
    """A list and what to sort it by."""
    path = draw(st.sampled_from(sorted(LISTS)))
    key = draw(st.sampled_from(SORT[LISTS[path]].kind.schema["enum"]))
    return path, key


def identity(item: dict[str, Any]) -> tuple[str, str, str]:
    return item.get("namespace", ""), item["name"], item.get("uid", "")


@settings(max_examples=60)
@given(order=orders(), limit=st.integers(1, 50), offset=st.integers(0, 50))
def test_a_page_is_a_slice_of_the_whole(asked: Asked, order: tuple[str, str], limit: int, offset: int) -> None:
    path, key = order
    whole = asked.get(path, {"sort": key})
    page = asked.get(path, {"sort": key, "limit": limit, "offset": offset})
    assert page["items"] == whole["items"][offset : offset + limit]
    assert page["total"] == whole["total"] == len(whole["items"])
    assert ("next" in page) == (offset + limit < len(whole["items"]))
    if "next" in page:
        following = asked.get(page["next"])
        assert following["items"] == whole["items"][offset + limit : offset + 2 * limit]


@settings(max_examples=25)
@given(order=orders(), limit=st.integers(3, 20))
def test_pages_have_each_exactly_once(asked: Asked, order: tuple[str, str], limit: int) -> None:
    path, key = order
    page = asked.get(path, {"sort": key, "limit": limit})
    seen = [identity(item) for item in page["items"]]
    while "next" in page:
        page = asked.get(page["next"])
        seen += [identity(item) for item in page["items"]]
    assert len(seen) == len(set(seen)) == page["total"]


def measured(item: dict[str, Any], key: str) -> Any:
    return item["usage"][key] if key in item["usage"] else item.get(key)


@settings(max_examples=100)
@given(order=orders())
def test_a_list_is_in_its_order(asked: Asked, order: tuple[str, str]) -> None:
    """What is missing comes last in both directions, ties are by namespace, name and uid."""
    path, key = order
    items = asked.get(path, {"sort": key})["items"]
    plain, downwards = key.removeprefix("-"), key.startswith("-")
    values = [measured(item, plain) for item in items]
    known = [value for value in values if value is not None]
    assert values[len(known) :] == [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=downwards)
    for first, second in pairwise(items):
        if measured(first, plain) == measured(second, plain):
            assert identity(first) < identity(second)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "namespace": st.sampled_from(["shop", "infra", "empty", "none"]),
        "node": st.sampled_from(["n1", "n2", "none"]),
        "workload": st.sampled_from(["web-0", "Deployment/web-1", "Job/web-1"]),
        "phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
        "name": st.sampled_from(["pod-1", "1", "-"]),
    },
)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """Whole lists of pods, by what they are sorted by."""
    return {}


@settings(max_examples=80)
@given(filters=FILTERS, limit=st.integers(1, 9), key=st.sampled_from(["name", "-cpu_cores", "restarts"]))
def test_filters_let_through_what_they_say(
    asked: Asked, whole: dict[str, Any], filters: dict[str, str], limit: int, key: str
) -> None:
    def passes(item: dict[str, Any]) -> bool:
        workload = item["workload"]
        has = {
            "namespace": [item["namespace"]],
            "node": [item["node"]],
            "workload": [workload["name"], f"{workload['kind']}/{workload['name']}"],
            "phase": [item["phase"]],
            "name": [value for value in [filters.get("name", "")] if value in item["name"]],
        }
        return all(value in has[name] for name, value in filters.items())

    if key not in whole:
        whole[key] = asked.get("/api/pods", {"sort": key})["items"]
    expected = [item for item in whole[key] if passes(item)]
    answer = asked.get("/api/pods", {**filters, "sort": key, "limit": limit})
    assert answer["total"] == len(expected)
    assert answer["items"] == expected[:limit]


@pytest.mark.parametrize("path", LISTS)
def test_every_null_has_a_reason(asked: Asked, path: str) -> None:
    found = 0
    for item in asked.get(path)["items"]:
        nulls = {key for key, value in item.items() if value is None} - {"last_oom_kill"}
        nulls |= {key for block in ("usage", "utilization") for key in item[block] if item[block][key] is None}
        nulls |= {
            f"{block}.{key}"
            for block in ("requests", "limits", "capacity", "allocatable", "replicas")
            for key, value in item.get(block, {}).items()
            if value is None
        }
        assert nulls == set(item["missing"])
        found += len(nulls)
    assert found


TIMES = st.one_of(
    st.integers(int(NOW) - 90000, int(NOW) + 90000), st.floats(NOW - 7200, NOW).map(lambda t: round(t, 3))
)
LENGTHS = st.one_of(
    st.integers(1, 7200).map(str), st.sampled_from(["1s", "90s", "15m", "6h", "7d", "40d", "0.5", "14.999", "3600.5s"])
)
SPANS = st.one_of(
    st.fixed_dictionaries({}, optional={"window": LENGTHS, "step": LENGTHS}),
    st.fixed_dictionaries({"end": TIMES}, optional={"window": LENGTHS, "step": LENGTHS}),
    st.fixed_dictionaries({"start": TIMES}, optional={"window": LENGTHS, "step": LENGTHS}),
    st.fixed_dictionaries({"start": TIMES, "end": TIMES}, optional={"step": LENGTHS}),
)
ENTITIES = {"node": "/api/nodes/n1", "pod": "/api/pods/pod-1", "namespace": "/api/namespaces/shop",
            "deployment": "/api/deployments/idle"}  # fmt: skip


@settings(max_examples=200)
@given(kind=st.sampled_from(KINDS), span=SPANS)
def test_a_window_has_the_contracts_arithmetic(asked: Asked, kind: Kind, span: dict[str, Any]) -> None:
    parameters = {**span, "metrics": "cpu_cores,memory_rss_bytes"}
    if kind == "pod":
        parameters["namespace"] = "shop"
    response = asked.client.get(f"{ENTITIES[kind]}/timeseries", query_string=parameters)
    if response.status_code != 200:
        assert response.get_json(force=True)["detail"].partition(":")[0] in span
        return
    answer = response.get_json()
    start, end, step, window = (answer[key] for key in ("start", "end", "step", "window"))
    assert end - start == window > 0
    assert end % step == start % step == 0
    assert end <= NOW
    assert step % (SCRAPE_SECONDS if step <= 300 else 300) == 0
    assert step >= seconds(span.get("step", 0))
    assert window / step <= MAX_DATA_POINTS
    assert answer["timestamps"] == [start + step * point for point in range(1, round(window / step) + 1)]
    assert {len(column) for column in answer["series"].values()} == {len(answer["timestamps"])}
    assert len(answer.get("coverage", answer["timestamps"])) == len(answer["timestamps"])
    for signal, column in answer["series"].items():
        assert (signal in answer["missing"]) == (set(column) == {None})
    asked_for = seconds(span.get("window", 3600))
    if "start" not in span:
        assert 0 <= window - asked_for < step
    elif "end" in span or "window" in span:
        last = span["end"] if "end" in span else span["start"] + asked_for
        assert end <= min(last, NOW) < end + step
    else:
        assert end <= NOW < end + step


def seconds(text: object) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    written = str(text)
    return float(written.rstrip("smhd")) * units.get(written[-1], 1)
