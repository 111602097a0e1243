"""Fleets for tests of lists, and their lists sorted as a test would.

Two clusters have the same names and uids. In both are ties, missing values, finished pods and pods that no node runs,
and pods whose name came again while the older one is still in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from facade.params.kinds import Ordering
from facade.params.lists import SORT
from promql import names
from promql.catalogue import Kind
from tests.harness.fleet import DAY, Fleet, FleetPod, Sample, row
from tests.harness.store import facade_on, get, store

NOW = 1794484807.0
WEB, API, DB = ("Deployment", "web"), ("Deployment", "api"), ("StatefulSet", "db")
_pod = partial(FleetPod, created=NOW - DAY)
LISTS: dict[Kind, str] = {
    "pod": "/api/pods",
    "node": "/api/nodes",
    "namespace": "/api/namespaces",
    "deployment": "/api/deployments",
}
PODS = (
    # Ties in CPU, some in restarts and starts too.
    *(_pod("shop", f"web-{i}", f"w{i}", WEB, value=i % 3, restarts=i % 2, node=f"n{i % 2 + 1}") for i in range(8)),
    *(_pod("back", f"api-{i}", f"a{i}", API, value=7 + i / 8, created=NOW - 3600 * (i % 2 + 1)) for i in range(4)),
    # The same name, and the same workload, in two namespaces.
    _pod("back", "web-1", "b1", WEB, value=1, limits=False),
    _pod("back", "agent", "h1", ("DaemonSet", "agent"), value=0.25, host_network=True, disk=False),
    # Its namespace was deleted.
    _pod("left", "web-1", "x1", WEB),
    # Its node is silent.
    _pod("shop", "dark", "s1", WEB, node="n3", value=9),
    _pod("shop", "done", "j1", ("Job", "batch"), phase="Succeeded"),
    _pod("shop", "lost", "j2", ("Job", "batch"), phase="Failed", node="n2"),
    _pod("shop", "waiting", "p1", API, node="", phase="Pending"),
    # A name that came again two minutes ago, elsewhere; the greatest value is that of the older one.
    _pod("shop", "db-0", "d1", DB, node="n1", value=50, until=NOW - 120),
    _pod("shop", "db-0", "d2", DB, node="n2", value=0.5, created=NOW - 110),
    # And one that came again without a node to run it.
    _pod("back", "db-1", "d3", DB, node="n1", value=40, until=NOW - 120),
    _pod("back", "db-1", "d4", DB, node="", phase="Pending", created=NOW - 110),
)
NODES = ("n1", "n2", "n3")
EAST = Fleet(
    PODS,
    nodes=NODES,
    namespaces=("shop", "back", "empty"),
    deployments=(
        ("shop", "web", 9),
        ("back", "web", 1),
        ("back", "api", 4),
        ("shop", "api", 1),
        ("left", "web", 1),
        ("empty", "idle", 0),
    ),
    silent=lambda node, _source, _time: node == "n3",
    labels={"cluster": "east"},
)
# The same names and uids, other values; nothing is doubtful here.
WEST = Fleet(
    tuple(_pod("shop", f"web-{i}", f"w{i}", WEB, value=100 + i) for i in range(6)),
    namespaces=("shop", "empty", "left"),
    deployments=(("shop", "web", 6),),
    labels={"cluster": "west"},
)
# Its scope cluster is silent.
NORTH = Fleet(
    tuple(_pod("shop", f"web-{i}", f"w{i}", WEB, value=i // 2) for i in range(4)),
    labels={"cluster": "north"},
    silent=lambda node, _source, _time: not node,
)


# Of this one only its CPU is left: nobody says that it is there.
GHOST = {
    "namespace": "shop",
    "pod": "web-9",
    "uid": "g9",
    "workload_kind": "Deployment",
    "workload": "web",
    "node": "n1",
}


def three_clusters(scope: str, node: str, time: float) -> Iterator[Sample]:
    for fleet in (EAST, WEST, NORTH):
        yield from fleet.samples(scope, node, time)
    if node == "n1":
        yield row(names.POD_CPU_USAGE_CORES, {**GHOST, "cluster": "west"}, 100.5)


@contextmanager
def listed(directory: Path) -> Iterator[FlaskClient]:
    """The facade on a store of all three, which is made in ``directory``."""
    with facade_on(store(directory, three_clusters, NODES, NOW, 900, None), NOW) as app:
        yield app


def value_of(item: dict[str, Any], key: str) -> Any:
    return item[key] if key in item else item["usage"].get(key)


def place_of(item: dict[str, Any]) -> tuple[str, ...]:
    return item.get("namespace", ""), item["name"], item.get("cluster", ""), item.get("uid", "")


def sorted_here(items: list[dict[str, Any]], ordering: Ordering) -> list[dict[str, Any]]:
    ties = sorted(items, key=place_of)
    valued = [item for item in ties if value_of(item, ordering.key) is not None]
    valued.sort(key=lambda item: value_of(item, ordering.key), reverse=ordering.descending)
    return valued + [item for item in ties if value_of(item, ordering.key) is None]


def paged(client: FlaskClient, path: str) -> Iterator[dict[str, Any]]:
    """The pages that follow from one to the next."""
    following: str | None = path
    while following is not None:
        answer = get(client, following)
        yield answer
        following = answer.get("next")


def forms(kind: Kind) -> list[str]:
    return [str(form) for form in SORT[kind].kind.schema["enum"]]
