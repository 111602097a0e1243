"""Compare a page of pods asked for before its details with the whole list: cost as a ratio to the whole list's.

    python bench/list_page.py [--pods 10000] [--rounds 5]

Needs prometheus and promtool on PATH. The pods are on nodes of a hundred, in a real Prometheus that holds a few minutes
of them and takes half a minute to write. Each request is put to the application itself, in one process; the median
counts, without the first.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from flask.testing import FlaskClient

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.harness.fleet import DAY, Fleet, FleetPod, Sample
from tests.harness.store import application, get, store

NOW = 1794484807.0
SECONDS = 240.0
PODS_PER_NODE = 100
PODS_PER_NAMESPACE = 250
# What is measured; the first is what the others are compared with.
ROUTES = {
    "everything": "/api/pods",
    "everything, one signal": "/api/pods?metrics=cpu_cores",
    "100 by CPU": "/api/pods?sort=-cpu_cores&limit=100",
    "100 by CPU, one signal": "/api/pods?sort=-cpu_cores&limit=100&metrics=cpu_cores",
    "100 by CPU, 500 in": "/api/pods?sort=-cpu_cores&limit=100&offset=500",
    "100 by CPU, 5,000 in": "/api/pods?sort=-cpu_cores&limit=100&offset=5000",
    "100 by CPU, many of them 0": "/api/pods?sort=cpu_cores&limit=100",
    "100 by throttling": "/api/pods?sort=-cpu_throttled_ratio&limit=100",
    "100 by restarts": "/api/pods?sort=-restarts&limit=100",
    "100 by name": "/api/pods?limit=100",
    "1,000 by name": "/api/pods?limit=1000",
    "100 of one phase": "/api/pods?phase=Running&limit=100",
    "of one part of a name": "/api/pods?name=pod-0042",
    "one namespace": "/api/namespaces/ns-01/pods",
    "100 of one namespace by CPU": "/api/namespaces/ns-01/pods?sort=-cpu_cores&limit=100",
    "one node": "/api/nodes/node-001/pods",
}


def fleets(pods: int) -> tuple[Fleet, dict[str, Fleet]]:
    """All pods, and those of each node, so that what a node says is made of its own only."""
    dice = random.Random(7)
    pods_of: dict[str, list[FleetPod]] = {}
    for number in range(pods):
        node = f"node-{number // PODS_PER_NODE:03}"
        namespace = f"ns-{number % (pods // PODS_PER_NAMESPACE or 1):02}"
        # One in ten does nothing, as the others each do something else.
        value = dice.random() if number % 10 else 0.0
        pod = FleetPod(
            namespace,
            f"pod-{number:05}",
            f"{dice.getrandbits(128):032x}",
            ("Deployment", f"app-{number // 5}"),
            created=NOW - DAY - number,
            node=node,
            value=value,
            disk=number % 2 == 0,
            limits=number % 3 == 0,
            host_network=number % 20 == 0,
            restarts=number % 7,
        )
        pods_of.setdefault(node, []).append(pod)
    by_node = {node: Fleet(tuple(of_node), nodes=(node,)) for node, of_node in pods_of.items()}
    every = tuple(pod for of_node in pods_of.values() for pod in of_node)
    return Fleet(every, tuple(by_node), namespaces=tuple(sorted({pod.namespace for pod in every}))), by_node


def samples(whole: Fleet, by_node: dict[str, Fleet], scope: str, node: str, when: float) -> Iterator[Sample]:
    return (whole if scope == "cluster" else by_node[node]).samples(scope, node, when)


def seconds_of(client: FlaskClient, path: str, rounds: int) -> tuple[float, int]:
    """The median time of the route, and how many queries it asked."""
    taken = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        response = client.get(path)
        taken.append(time.perf_counter() - started)
        if response.status_code != 200:
            raise SystemExit(f"{path}: {response.get_data(as_text=True)}")
    separator = "&" if "?" in path else "?"
    return statistics.median(taken[1:]), len(get(client, f"{path}{separator}explain=true")["explain"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    whole, by_node = fleets(arguments.pods)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "data"
        with (
            store(directory, partial(samples, whole, by_node), by_node, NOW, SECONDS, recorded=False) as prometheus,
            application(prometheus.url, NOW) as client,
        ):
            everything = 0.0
            for name, path in ROUTES.items():
                median, queries = seconds_of(client, path, arguments.rounds)
                everything = everything or median
                print(
                    f"{name:28} {median / everything:6.3f}  ({1000 * median:6.0f} ms, {queries:2} queries)", flush=True
                )


if __name__ == "__main__":
    main()
