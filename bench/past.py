"""The past of a few of a fleet's series: what time series of hours and days are asked of.

A store of 10,000 pods over a week would take hours to write. What a route reads of it is a few series, and those are
written as they would be there: every sample of one pod for the hours that 1,000 points take, the recorded totals of one
namespace for a week, at both resolutions, and of every Deployment for a day, at the second.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.live_fleet import SCRAPE_SECONDS, LiveFleet, namespace
from local.openmetrics import Exposition, number, sample, timestamp
from promql import names
from promql.catalogue import Catalogue, record
from promql.rules import COARSE_AGGREGATES, COARSE_SECONDS
from tests.harness.fleet import Fleet

POD_SECONDS = 1010 * SCRAPE_SECONDS
DAY_SECONDS = 86400.0
WEEK_SECONDS = 7 * DAY_SECONDS
_CLUSTER = ("cluster", "bench")
# Off the round seconds, as a Prometheus scrapes and evaluates.
_OFFSET = 7.037


def write_past(fleet: LiveFleet, directory: Path) -> None:
    """Write it into a data directory that Prometheus has not been started on."""
    exposition = Exposition()
    _evaluations(exposition, fleet.started)
    _namespace(exposition, fleet.started)
    _deployments(exposition, fleet)
    _pod(exposition, fleet)
    promtool = shutil.which("promtool")
    if promtool is None:
        raise SystemExit("promtool must be on PATH")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "past.om"
        exposition.write(path)
        command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=192h"]
        subprocess.run([*command, str(path), str(directory)], check=True, stdout=subprocess.DEVNULL)


def _times(end: float, seconds: float, step: float, offset: float = _OFFSET) -> list[int]:
    """Milliseconds, ``offset`` after the multiples of ``step``, up to ``end``."""
    last = int((end - offset) // step)
    return [round((index * step + offset) * 1000) for index in range(last - int(seconds // step) + 1, last + 1)]


def _add(
    exposition: Exposition, name: str, labels: dict[str, str], times: list[int], value: Callable[[int], float]
) -> None:
    add = exposition.series(name, tuple(sorted((*labels.items(), _CLUSTER))))
    for milliseconds in times:
        add(sample(number(value(milliseconds)), timestamp(milliseconds)))


def _evaluations(exposition: Exposition, end: float) -> None:
    totals = Catalogue.load().totals
    for name in (totals.evaluation, totals.collection):
        _add(exposition, name, {}, _times(end, WEEK_SECONDS, SCRAPE_SECONDS), lambda at: at / 1000)
        coarse = _times(end, WEEK_SECONDS, COARSE_SECONDS)
        _add(exposition, f"{name}:count_5m", {}, coarse, lambda _: COARSE_SECONDS / SCRAPE_SECONDS)


def _namespace(exposition: Exposition, end: float) -> None:
    """Every recorded total of one namespace: an hour of evaluations, and a week of five minutes."""
    labels = {"namespace": namespace(0)}
    for metric, what in Catalogue.load().totals.recorded():
        name = record("namespace", metric, what)
        _add(exposition, name, labels, _times(end, 2 * 3600, SCRAPE_SECONDS), _wavy)
        for aggregate in COARSE_AGGREGATES:
            coarse = _times(end, WEEK_SECONDS, COARSE_SECONDS)
            _add(exposition, f"{name}:{aggregate}_5m", labels, coarse, lambda at: 20 * _wavy(at))


def _deployments(exposition: Exposition, fleet: LiveFleet) -> None:
    """What the CPU of every Deployment over a day is made of, and that it was there."""
    totals = Catalogue.load().totals
    columns = [
        ("cloudmon_pod_cpu_usage_seconds_total", "sum_rate"),
        ("cloudmon_pod_memory_working_set_bytes", "count"),
        (totals.running, "count"),
    ]
    times = _times(fleet.started, DAY_SECONDS, COARSE_SECONDS)
    for app in range(fleet.deployments):
        labels = {"namespace": namespace(app), "workload_kind": "Deployment", "workload": f"app-{app:03}"}
        for metric, what in columns:
            _add(exposition, f"{record('workload', metric, what)}:sum_5m", labels, times, _wavy)
        # That it was there; more of these would be more work for Prometheus alone.
        _add(exposition, record("workload", totals.pods, "count"), labels, times, _wavy)


def _pod(exposition: Exposition, fleet: LiveFleet) -> None:
    """Every series of the first node's first pod."""
    node, of_node = next(iter(fleet.by_node.items()))
    alone = Fleet(of_node.pods[:1], nodes=(node,))
    for milliseconds in _times(fleet.started, POD_SECONDS, SCRAPE_SECONDS):
        for name, labels, value in alone.samples("node", node, milliseconds / 1000):
            if "uid" in dict(labels):
                target = (*labels, ("instance", node), ("job", names.EXPORTER_JOB), _CLUSTER)
                exposition.series(name, tuple(sorted(target)))(sample(number(value), timestamp(milliseconds)))


def _wavy(milliseconds: int) -> float:
    """Numbers with as many digits as measured ones have."""
    return 1 + (milliseconds // 1000 % 7919) / 7919
