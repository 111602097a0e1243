"""What the exporter costs, against targets: its CPU and memory, the time it adds to the kubelet's, what it makes the
kubelet spend, and how much it says.

    python bench/exporter.py [--pods 110 500] [--cluster-pods 10000] [--json FILE] [--python PYTHON]

Real exporters, on loopback, read a replayed kubelet and API server (bench/synthetic.py). Time passes five times as fast
as with the default intervals: 20 scrapes 3 s apart, in which each source is read as often as in 300 s with 15 s, every
kind is listed again once, and the kubelet's answers are new every time and come as late as a real one's did (see
bench/synthetic.py). CPU is that of the 20 scrapes spread over 300 s, and of an idle process. Linux alone. Takes four
minutes; with --speed 1, which shows that the pace does not matter, five for each size.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.synthetic import KUBELET_CPU_SECONDS, SyntheticNode, cluster_recording
from tests.harness import Process, free_port, wait_until
from tests.replay import Endpoint, ReplayedCluster, Request, Scope

ROOT: Final = Path(__file__).resolve().parent.parent
# The default intervals, in seconds.
INTERVALS: Final = {"SCRAPE_INTERVAL": 15, "DETAIL_INTERVAL": 60, "STORAGE_INTERVAL": 300}
# As the exporter's image sets it.
IMAGE: Final = {"MALLOC_ARENA_MAX": "1"}
SCRAPES: Final = 20
CYCLE_SECONDS: Final = SCRAPES * INTERVALS["SCRAPE_INTERVAL"]
IDLE_SECONDS: Final = 5.0
# Of 10,000 pods, replaced in each of ten moments of a cycle; three times as many change.
CHURN: Final = 20
# What Prometheus 3 sends.
HEADERS: Final = {
    "Accept": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "10",
}
# Counted beside the 29 series of a pod: pressure, and volumes of a persistentVolumeClaim.
EXTRA: Final = re.compile(r"cloudmon_pod_(?:\w+_pressure_|volume_)")
UID: Final = re.compile(r',uid="([^"]*)"')
# In the exposition once the first readings, and lists, are in.
NODE_READY: Final = "cloudmon_pod_network_receive_bytes_per_second"
CLUSTER_READY: Final = "cloudmon_pods_seen"
MIB: Final = 2**20


@dataclass(frozen=True)
class Exporters:
    """How exporters are run: by which interpreter, and how much faster than with the default intervals."""

    python: str
    speed: float
    directory: Path

    @property
    def seconds(self) -> float:
        """Between two scrapes."""
        return INTERVALS["SCRAPE_INTERVAL"] / self.speed

    @property
    def environment(self) -> dict[str, str]:
        return IMAGE | {name: f"{seconds / self.speed:g}" for name, seconds in INTERVALS.items()}


@dataclass
class Cycle:
    """What one exporter did in a cycle of scrapes."""

    millicores: float = 0.0
    idle_millicores: float = 0.0
    resident_bytes: list[int] = field(default_factory=list)
    peak_bytes: int = 0
    seconds: list[float] = field(default_factory=list)
    kubelet_ratios: list[float] = field(default_factory=list)
    added_seconds: list[float] = field(default_factory=list)
    kubelet_calls: dict[Endpoint, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """One line of the report. ``target`` is the most that it may be, or the ``least``; ``spread`` its ends."""

    name: str
    value: float
    unit: str
    target: float | None
    spread: tuple[float, float] | None = None
    least: bool = False

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.least else self.value <= self.target


@contextmanager
def exporter(
    cluster: ReplayedCluster, scope: Scope, how: Exporters
) -> Iterator[tuple[Process, http.client.HTTPConnection]]:
    port = free_port()
    environment = cluster.environment(scope) | how.environment
    environment |= {"EXPORTER_PORT": str(port), "EXPORTER_SHUTDOWN_GRACE": "0"}
    with Process((how.python, "-m", "exporter"), how.directory / f"{scope}.log", environment, ROOT) as process:
        process.wait_until_answers(f"http://127.0.0.1:{port}/healthz")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            yield process, connection
        finally:
            connection.close()


def scrape(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/metrics", headers=HEADERS)
    response = connection.getresponse()
    body = response.read()
    return (gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body).decode()


def cpu_seconds(pid: int) -> float:
    """CPU time of another process, to the nanosecond: Linux makes the clock's id of the process's."""
    return time.clock_gettime(~pid << 3 | 2)


def memory_bytes(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def asked(cluster: ReplayedCluster) -> tuple[Request, ...]:
    return cluster.kubelet.log.requests()


def kubelet_seconds(requests: Sequence[Request]) -> float:
    """The time in which at least one of the requests waited for the kubelet's answer to begin."""
    total, until = 0.0, 0.0
    for request in sorted(requests, key=lambda request: request.started_unix):
        total += max(0.0, request.answered_unix - max(request.started_unix, until))
        until = max(until, request.answered_unix)
    return total


def measure(cluster: ReplayedCluster, scope: Scope, ready: str, how: Exporters) -> Cycle:
    """One cycle of scrapes, after the exporter says ``ready`` (a part of its exposition)."""
    cycle = Cycle()
    with exporter(cluster, scope, how) as (process, connection):
        wait_until(lambda: ready in scrape(connection), 60, f"{ready} in the exposition")
        cluster.begin()
        before, calls, began = cpu_seconds(process.pid), len(asked(cluster)), time.monotonic()
        for number in range(SCRAPES):
            time.sleep(max(0.0, began + number * how.seconds - time.monotonic()))
            if number == SCRAPES // 2:
                # Every watch's version is forgotten: all kinds are listed again, as they are once in 300 s.
                cluster.api.compact()
                cluster.api.expire_watches()
            made, start = len(asked(cluster)), time.perf_counter()
            scrape(connection)
            cycle.seconds.append(time.perf_counter() - start)
            cycle.resident_bytes.append(memory_bytes(process.pid, "VmRSS"))
            waited = kubelet_seconds(asked(cluster)[made:])
            if waited:
                cycle.kubelet_ratios.append(cycle.seconds[-1] / waited)
                cycle.added_seconds.append(cycle.seconds[-1] - waited)
        time.sleep(max(0.0, began + SCRAPES * how.seconds - time.monotonic()))
        spent, cycle.peak_bytes = cpu_seconds(process.pid) - before, memory_bytes(process.pid, "VmHWM")
        made_calls = asked(cluster)[calls:]
        cycle.kubelet_calls = {end: sum(call.endpoint == end for call in made_calls) for end in Endpoint}
        start_idle = cpu_seconds(process.pid)
        time.sleep(IDLE_SECONDS)
        cycle.idle_millicores = 1000 * (cpu_seconds(process.pid) - start_idle) / IDLE_SECONDS
    cycle.millicores = 1000 * spent / CYCLE_SECONDS + cycle.idle_millicores * (1 - 1 / how.speed)
    return cycle


def node_cycle(pods: int, how: Exporters) -> Cycle:
    node = SyntheticNode(pods, how.directory)
    with ReplayedCluster(node.recording) as cluster:
        node.serve(cluster)
        return measure(cluster, "node", NODE_READY, how)


def cluster_cycle(pods: int, how: Exporters) -> Cycle:
    recording = cluster_recording(pods, SCRAPES // 2, 2 * how.seconds, max(1, CHURN * pods // 10_000), how.directory)
    with ReplayedCluster(recording) as cluster:
        return measure(cluster, "cluster", CLUSTER_READY, how)


def exposition(cluster: ReplayedCluster, scope: Scope, ready: str, how: Exporters) -> str:
    with exporter(cluster, scope, how) as (_, connection):
        wait_until(lambda: ready in scrape(connection), 60, f"{ready} in the exposition")
        return scrape(connection)


def said(like: str, how: Exporters) -> list[Figure]:
    """How much both scopes say of a recorded node's pods, and how much cAdvisor does."""
    node = SyntheticNode(0, how.directory, like)
    with ReplayedCluster(node.recording) as cluster:
        node.serve(cluster, kubelet_seconds=0.0)
        text = exposition(cluster, "node", NODE_READY, how)
        text += exposition(cluster, "cluster", CLUSTER_READY, how)
    lines = [
        line for line in text.splitlines(keepends=True) if line.startswith(("cloudmon_pod_", "cloudmon_container_"))
    ]
    counted = [line for line in lines if line.startswith("cloudmon_pod_") and not EXTRA.match(line)]
    series = Counter(found[1] for line in counted if (found := UID.search(line)))
    cadvisor = node.cadvisor_pod_bytes / node.measured_pods
    return [
        Figure(f"{like}: series of a pod, at most", max(series.values()), "", 29),
        Figure(f"{like}: bytes a pod of cAdvisor", cadvisor, "B", None),
        Figure(
            f"{like}: cAdvisor's bytes a pod ÷ those of pod series",
            cadvisor * len(series) / size(counted),
            "",
            8,
            least=True,
        ),
        Figure(f"{like}: the same ÷ those of all series", cadvisor * len(series) / size(lines), "", 6, least=True),
    ]


def size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) for line in lines)


def node_figures(pods: int, cycle: Cycle) -> list[Figure]:
    name = f"{pods} pods"
    resident = 60 if pods <= 110 else 90 if pods <= 500 else None
    found = [
        Figure(f"{name}: CPU", cycle.millicores, "millicores", 10 if pods <= 110 else None),
        Figure(f"{name}: resident memory, median", statistics.median(cycle.resident_bytes) / MIB, "MiB", None),
        Figure(f"{name}: resident memory, at its peak", cycle.peak_bytes / MIB, "MiB", resident),
    ]
    ratio = statistics.median(cycle.kubelet_ratios)
    most = 1.3 if pods <= 110 else None
    found.append(Figure(f"{name}: a scrape ÷ the kubelet's time in it", ratio, "", most, ends(cycle.kubelet_ratios)))
    added = [1000 * seconds for seconds in cycle.added_seconds]
    found.append(Figure(f"{name}: what a scrape adds to it", statistics.median(added), "ms", None, ends(added)))
    spent = sum(KUBELET_CPU_SECONDS[endpoint] * count for endpoint, count in cycle.kubelet_calls.items())
    millicores = 1000 * spent / CYCLE_SECONDS
    calls = ", ".join(f"{count} × {endpoint.name.lower()}" for endpoint, count in cycle.kubelet_calls.items())
    found.append(
        Figure(f"{name}: CPU of kubelet and runtime ({calls})", millicores, "millicores", 16 if pods <= 110 else None)
    )
    return found


def cluster_figures(pods: int, cycle: Cycle) -> list[Figure]:
    name = f"scope cluster, {pods:,} pods"
    return [
        Figure(f"{name}: CPU", cycle.millicores, "millicores", 100),
        Figure(f"{name}: resident memory, median", statistics.median(cycle.resident_bytes) / MIB, "MiB", None),
        Figure(f"{name}: resident memory, at its peak", cycle.peak_bytes / MIB, "MiB", 250),
        Figure(f"{name}: a scrape", statistics.median(cycle.seconds), "s", 1, ends(cycle.seconds)),
    ]


def ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def markdown(figures: Sequence[Figure]) -> str:
    lines = ["| figure | value | spread | target | met |", "|---|---|---|---|---|"]
    for figure in figures:
        spread = "" if figure.spread is None else f"{figure.spread[0]:.3g} – {figure.spread[1]:.3g}"
        target = "" if figure.target is None else f"{'≥' if figure.least else '≤'} {figure.target:g}"
        met = {None: "", True: "yes", False: "**no**"}[figure.met]
        lines.append(f"| {figure.name} | {figure.value:.4g} {figure.unit} | {spread} | {target} | {met} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, nargs="*", default=[110, 500], help="sizes of a node")
    parser.add_argument("--cluster-pods", type=int, default=10_000, help="pods of scope cluster; 0 leaves it out")
    parser.add_argument("--recordings", nargs="*", default=["full-node", "full-node-1.36"], help="to count series of")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--python", default=sys.executable, help="the exporters' interpreter, such as the image's")
    parser.add_argument("--speed", type=float, default=5, help="1: the default intervals, five minutes a node")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bench-exporter-") as name:
        how = Exporters(arguments.python, arguments.speed, Path(name))
        for like in arguments.recordings:
            figures += said(like, how)
        for pods in arguments.pods:
            figures += node_figures(pods, node_cycle(pods, how))
        if arguments.cluster_pods:
            cycle = cluster_cycle(arguments.cluster_pods, how)
            figures += cluster_figures(arguments.cluster_pods, cycle)
    print(markdown(figures))
    found = json.dumps([{**asdict(figure), "met": figure.met} for figure in figures], ensure_ascii=False, indent=1)
    print(f"\n```json\n{found}\n```")
    if arguments.json is not None:
        arguments.json.write_text(found + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
