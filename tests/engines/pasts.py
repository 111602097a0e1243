"""The pasts that both engines are asked about, and an application on each engine that holds the same one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask.testing import FlaskClient

from exporter import sample
from tests.harness import Engine, VictoriaMetrics
from tests.harness.fleet import DAY, Fleet, FleetPod, Sample
from tests.harness.store import application, store

ENGINES: Final = ("prometheus", "victoria-metrics")
# 2025-01-15T12:00:07Z. VictoriaMetrics takes no sample that is more than two days ahead of its machine's clock, and a
# machine's clock may be late.
NOW: Final = 1736942407.0
PAST_SECONDS: Final = 5400.0
Samples = Callable[[str, str, float], Iterable[Sample]]


@dataclass(frozen=True)
class Past:
    """What was stored until ``NOW``; ``cluster`` is the label of series that have none of their own."""

    samples: Samples
    nodes: tuple[str, ...]
    cluster: str | None


@dataclass(frozen=True)
class Served:
    """An engine with a past, and the facade's application on it, for which it is always ``NOW``."""

    engine: Engine
    client: FlaskClient


@contextmanager
def both_engines(past: Past, directory: Path) -> Iterator[Mapping[str, Served]]:
    """Both engines with the same samples, by their names."""
    with (
        store(directory / "data", past.samples, past.nodes, NOW, PAST_SECONDS, past.cluster) as prometheus,
        VictoriaMetrics() as victoria_metrics,
    ):
        copied = victoria_metrics.copy(prometheus, NOW, PAST_SECONDS + 60)
        everything = f'sum(count_over_time({{__name__!=""}}[{PAST_SECONDS + 60:.0f}s]))'
        assert victoria_metrics.value(everything, NOW) == copied
        with application(prometheus.url, NOW) as one, application(victoria_metrics.url, NOW) as other:
            yield dict(zip(ENGINES, (Served(prometheus, one), Served(victoria_metrics, other)), strict=True))


# --- the sample fleet -------------------------------------------------------------------------------------------------
# Its pods were created in October 2026, before which nothing of them moves.
_SAMPLE_NOW: Final = 1794484807.0  # 2026-11-12T12:00:07Z
_INSTANTS: Final = ("_timestamp_seconds", "_start_time_seconds")


def _sample_fleet(scope: str, node: str, time: float) -> Iterator[Sample]:
    """The sample fleet of ``_SAMPLE_NOW``, at ``NOW``."""
    later = _SAMPLE_NOW - NOW
    for name, labels, value in sample.samples(scope, node, time + later):
        yield name, labels, value - later if name.endswith(_INSTANTS) else value


SAMPLE: Final = Past(_sample_fleet, sample.NODES, "sample")

# --- three clusters with plain numbers --------------------------------------------------------------------------------
_WEB: Final = ("Deployment", "web")
_ONLY: Final = ("Deployment", "only")
OOM_KILLED: Final = NOW - 600.0


def _kills(time: float) -> float:
    """A kill every five minutes; the exporter that counts them started again twenty minutes ago."""
    since = NOW - 1200 if time >= NOW - 1200 else NOW - 9000
    return float(math.floor((time - since) / 300))


EAST: Final = Fleet(
    (
        FleetPod("shop", "web-1", "w1", _WEB, created=NOW - DAY, value=3),
        FleetPod("shop", "web-2", "w2", _WEB, created=NOW - DAY, node="n2", value=5, limits=False, disk=False),
        FleetPod("shop", "waiting", "p1", ("Job", "waiting"), created=NOW - 3000, node="", phase="Pending"),
        FleetPod("shop", "done", "d1", ("Job", "done"), created=NOW - 4000, phase="Succeeded"),
        FleetPod("solo", "only-1", "o1", _ONLY, created=NOW - DAY, value=5, until=NOW - 2700),
        FleetPod("solo", "only-2", "o2", _ONLY, created=NOW - 900, value=7),
        FleetPod("solo", "db-0", "b1", ("StatefulSet", "db"), created=NOW - DAY, value=2, until=NOW - 3000),
        FleetPod("solo", "db-0", "b2", ("StatefulSet", "db"), created=NOW - 2400, value=4),
        FleetPod("infra", "agent", "h1", ("DaemonSet", "agent"), created=NOW - DAY, host_network=True),
        FleetPod("infra", "quiet", "q1", ("DaemonSet", "quiet"), created=NOW - DAY, node="n3"),
        FleetPod(
            "infra", "leak", "l1", ("Deployment", "leak"), created=NOW - DAY,
            oom_kills=_kills, last_oom_kill=lambda _: OOM_KILLED,
        ),
    ),
    nodes=("n1", "n2", "n3"),
    namespaces=("shop", "solo", "infra", "empty"),
    deployments=(("shop", "web", 2), ("solo", "only", 1), ("infra", "leak", 1), ("shop", "none", 0)),
    # Nobody has heard of n3 for ten minutes, nor of the network and disks of n2 since ever.
    silent=lambda node, source, time: (node == "n3" and time > NOW - 600) or (node == "n2" and source == "detail"),
    ready=lambda node: node != "n3",
    labels={"cluster": "east"},
)  # fmt: skip
# The same names, and the same uid; other values. One pod's name is in two namespaces.
WEST: Final = Fleet(
    (
        FleetPod("shop", "web-1", "w1", _WEB, created=NOW - DAY, value=30),
        FleetPod("shop", "twin", "t1", _WEB, created=NOW - DAY, value=1),
        FleetPod("infra", "twin", "t2", _WEB, created=NOW - DAY, value=1),
    ),
    namespaces=("shop", "infra", "still"),
    deployments=(("shop", "web", 2), ("infra", "web", 1)),
    labels={"cluster": "west"},
)
# Its scope cluster is silent.
NORTH: Final = Fleet(
    (FleetPod("shop", "web-1", "w3", _WEB, created=NOW - DAY, value=300),),
    labels={"cluster": "north"},
    silent=lambda node, _source, _time: not node,
)


def _three_clusters(scope: str, node: str, time: float) -> Iterator[Sample]:
    for fleet in (EAST, WEST, NORTH):
        yield from fleet.samples(scope, node, time)


CLUSTERS: Final = Past(_three_clusters, EAST.nodes, None)
