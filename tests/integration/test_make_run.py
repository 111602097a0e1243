"""``python -m local run`` as a whole: everything answers, the past is there, the seam is narrow, and all of it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from local.settings import PORTS
from tests.harness import Process, free_ports, wait_until

pytestmark = pytest.mark.timeout(300)

HISTORY_SECONDS = 86400.0
INTERVAL = 15.0
WIDEST_HOLE_SECONDS = 45.0
EVALUATION = "cluster:cloudmon_evaluation_timestamp_seconds:max"
CHILDREN = len(PORTS) + 1  # one more says when all of them answer


@dataclass(frozen=True)
class Run:
    """A run that is up: its process and where things are."""

    process: Process
    ports: dict[str, int]
    data_directory: Path

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def get(self, service: str, path: str, **parameters: str) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.url(service)}{path}", params=parameters, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def instant(self, query: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.get("prometheus", "/api/v1/query", query=query)["data"]["result"]
        return result

    @property
    def history_end(self) -> float:
        """When the history's last sample was, in Unix seconds: the end of the newest block."""
        metas = [json.loads(path.read_text()) for path in self.data_directory.glob("prometheus/*/meta.json")]
        return max(float(meta["maxTime"]) for meta in metas) / 1000

    def live(self, selector: str) -> list[dict[str, Any]]:
        """The series that have a sample since the history ended."""
        now, end = time.time(), self.history_end
        window = f"{max(1, round((now - end) * 1000))}ms"
        found: list[dict[str, Any]] = self.get(
            "prometheus", "/api/v1/query", query=f"{selector}[{window}]", time=f"{now:.3f}"
        )["data"]["result"]
        return found


def start(ports: dict[str, int], data_directory: Path, log: Path) -> Process:
    environment = {port.variable: str(ports[port.service]) for port in PORTS}
    return Process(
        [sys.executable, "-m", "local", "run", "--data-dir", str(data_directory)],
        log,
        environment | {"SAMPLE_HISTORY": str(HISTORY_SECONDS), "SCRAPE_INTERVAL": str(INTERVAL)},
        Path.cwd(),
    )


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {port.service: number for port, number in zip(PORTS, free_ports(len(PORTS)), strict=True)}


@pytest.fixture(scope="module")
def run(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    directory = tmp_path_factory.mktemp("run")
    with start(ports, directory / "data", directory / "log") as process:
        wait_until(lambda: announced(process), 150, "the announcement of every URL")
        yield Run(process, ports, directory / "data")


def announced(process: Process) -> bool:
    assert process.returncode is None, process.output()
    return "Everything answers." in process.output()


def processes() -> dict[int, int]:
    """The parent of every process that runs; one that has ended and waits to be reaped does not."""
    if Path("/proc/self/stat").exists():  # Linux, where ps may be missing
        rows = [(path.parent.name, *stat_of(path)) for path in Path("/proc").glob("[0-9]*/stat")]
    else:
        command = ["ps", "-A", "-o", "pid=,stat=,ppid="]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [(pid, state, parent) for pid, state, parent in map(str.split, listing.splitlines())]
    return {int(pid): int(parent) for pid, state, parent in rows if not state.startswith("Z")}


def stat_of(path: Path) -> tuple[str, str]:
    """State and parent of a process (proc(5): after the name, which may hold anything, in brackets)."""
    try:
        state, parent = path.read_text().rpartition(")")[2].split()[:2]
    except OSError:  # it has just ended
        return "Z", "0"
    return state, parent


def descendants(pid: int, parents: dict[int, int]) -> set[int]:
    below = {child for child, parent in parents.items() if parent == pid}
    return below.union(*(descendants(child, parents) for child in below))


def test_every_url_that_is_printed_answers(run: Run) -> None:
    output = run.process.output()
    for service in run.ports:
        assert run.url(service) in output
    assert run.get("facade", "/readyz")
    assert {pod["name"] for pod in run.get("facade", "/api/pods")["items"]} == {
        "web-server-1",
        "app-backend-1",
        "prometheus-1",
    }


@pytest.mark.parametrize("path", ["/api/nodes/node-1", "/api/namespaces/default"])
def test_a_window_of_the_past_day_has_data_at_once(run: Run, path: str) -> None:
    answer = run.get("facade", f"{path}/timeseries", window="86000", step="300")
    for signal_name in ("cpu_cores", "memory_working_set_bytes", "network_receive_bytes_per_second"):
        points = answer["series"][signal_name]
        missing = [time for time, value in zip(answer["timestamps"], points, strict=True) if value is None]
        # The point in which history and live samples meet may be without an increase.
        assert len(missing) <= 2, (signal_name, missing)
        assert len(points) > 250


def test_the_seam_is_one_narrow_hole_without_a_counter_reset(run: Run) -> None:
    wait_until(lambda: len(run.live('up{job="cloudmon"}')) == 3, 60, "a live scrape of every exporter")
    wait_until(lambda: run.live(EVALUATION), 60, "a live evaluation of the rules")
    for series in [*run.instant('up{job="cloudmon"}[10m]'), *run.instant(f"{EVALUATION}[10m]")]:
        gaps = [later - earlier for earlier, later in pairwise(float(time) for time, _ in series["values"])]
        assert max(gaps) <= WIDEST_HOLE_SECONDS, series["metric"]
        assert len([gap for gap in gaps if abs(gap - INTERVAL) > 1]) <= 1, series["metric"]
    assert run.instant('min_over_time(up{job="cloudmon"}[10m]) == 0') == []
    counters = run.instant('{job="cloudmon", cluster="sample", __name__=~"cloudmon_.+_total"}[10m]')
    assert len(counters) > 20
    for counter in counters:
        values = [float(value) for _, value in counter["values"]]
        assert values == sorted(values), counter["metric"]


def test_live_series_go_on_under_the_labels_of_the_history(run: Run) -> None:
    """No exporter's series ends at the seam, and none begins there."""
    wait_until(lambda: len(run.live('up{job="cloudmon"}')) == 3, 60, "a live scrape of every exporter")
    selector = '{job="cloudmon", __name__=~"up|cloudmon_.+"}'
    before = run.instant(f"last_over_time({selector}[5m] @ {run.history_end:.3f})")
    assert len(before) > 100
    assert {identity(one) for one in before} == {identity(one) for one in run.live(selector)}


def identity(series: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(series["metric"].items()))


def test_a_second_run_on_the_same_ports_says_so_and_starts_nothing(run: Run, tmp_path: Path) -> None:
    with start(run.ports, tmp_path / "data", tmp_path / "log") as second:
        assert second.wait(30) == 1
        lines = second.output().splitlines()
    assert [line.split(",")[0] for line in lines] == [f"port {run.ports[port.service]}" for port in PORTS]
    assert not (tmp_path / "data").exists()


def test_ctrl_c_ends_every_child_and_the_next_start_keeps_the_data(run: Run) -> None:
    # Last in this file: it ends the run that the others look at.
    children = descendants(run.process.pid, processes())
    assert len(children) >= CHILDREN
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(30) == 0
    assert run.process.output().endswith("Everything has stopped.\n")
    assert children & processes().keys() == set()
    with start(run.ports, run.data_directory, run.data_directory.parent / "second.log") as again:
        wait_until(lambda: announced(again), 60, "the second start")
        assert "writing the past" not in again.output()
        yesterday = run.instant("count(count_over_time(up[23h] offset 30m))")
        assert float(yesterday[0]["value"][1]) == 3
