"""Compare what a namespace's time series costs from every evaluation and from the second resolution of its totals.

    PYTHONPATH=. python bench/coarse.py [--days 7] [--rounds 5]

Needs prometheus and promtool on PATH. For each step it prints the ratio of the first to the second, in seconds of
processor time that Prometheus spent on all signals of one namespace. The second resolution is asked as the facade asks
it: with where it is incomplete, and then every evaluation of the last point, which may not be recorded yet.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from local import tsdb
from local.commands import run_quietly
from local.openmetrics import Exposition, merged, number, sample, timestamp
from local.prometheus_binary import Binaries
from local.readiness import answers
from promql.catalogue import Catalogue, record
from promql.rules import COARSE_AGGREGATES
from promql.selectors import equal
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows

END = 1794484800
SCRAPE_SECONDS, COARSE_SECONDS = 15, 300
START_SECONDS = 20.0
STEPS = (900, 1800, 3600)
PLACE = (("cluster", "lab"), ("namespace", "shop"))


def names() -> Iterator[str]:
    """Every recorded total of a namespace that its time series is made of."""
    catalogue = Catalogue.load()
    columns = [(catalogue.totals.running, "count"), ("cloudmon_pod_memory_working_set_bytes", "count")]
    for signal in catalogue.of_kind("namespace"):
        columns += [(counter, "sum_rate") for counter in signal.pod.counters]
        columns += [(signal.pod.level, "sum")] if signal.pod.level else []
    yield from (record("namespace", metric, what) for metric, what in dict.fromkeys(columns))


def write(directory: Path, binaries: Binaries, days: float) -> None:
    """Store both resolutions of noise, block by block."""
    totals, noise = Catalogue.load().totals, random.Random(1)
    spans = range(round((END - days * 86400) // COARSE_SECONDS), END // COARSE_SECONDS)
    blocks: dict[int, Exposition] = {}

    def add(name: str, labels: dict[str, str], at: float, value: float) -> None:
        milliseconds = round(at * 1000)
        block = blocks.setdefault(milliseconds // tsdb.BLOCK_MILLISECONDS, Exposition())
        block.series(name, merged(labels, {}))(sample(number(value), timestamp(milliseconds)))

    for name in (totals.evaluation, totals.collection, *names()):
        labels = dict(PLACE[:1] if name.startswith("cluster:") else PLACE)
        for span in spans:
            start = span * COARSE_SECONDS
            values = [noise.random() for _ in range(COARSE_SECONDS // SCRAPE_SECONDS)]
            for index, value in enumerate(values):
                add(name, labels, start + index * SCRAPE_SECONDS + 7.037, value)
            five = {"sum": sum(values), "count": len(values), "min": min(values), "max": max(values)}
            for aggregate in COARSE_AGGREGATES:
                add(f"{name}:{aggregate}_5m", labels, start + COARSE_SECONDS + 12.037, five[aggregate])
    for index, block in blocks.items():
        path = directory.parent / f"{index}.om"
        block.write(path)
        tsdb.create_block(binaries.promtool, path, directory, run_quietly)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(prometheus: Path, data: Path) -> Iterator[str]:
    """The URL of a Prometheus that serves ``data``, to the end of the block."""
    config, url = data.parent / "prometheus.yml", f"http://127.0.0.1:{free_port()}"
    config.write_text("global: {}\n")
    command = [str(prometheus), f"--config.file={config}", f"--storage.tsdb.path={data}", "--log.level=warn"]
    command += [f"--web.listen-address={url.removeprefix('http://')}", "--storage.tsdb.retention.time=10y"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while answers(f"{url}/-/ready") is not None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("Prometheus did not start")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


class Cost:
    """Asks a Prometheus, and tells what that cost it."""

    def __init__(self, url: str, rounds: int) -> None:
        self._prometheus = tsdb.PrometheusQueries(url)
        self._rounds = rounds
        self._metrics = f"{url}/metrics"

    def seconds(self, questions: list[tuple[str, int, int, int]]) -> float:
        """Of processor time, the median of several rounds."""
        return statistics.median(self._once(questions) for _ in range(self._rounds))

    def _once(self, questions: list[tuple[str, int, int, int]]) -> float:
        before = self._spent()
        for query, start, end, step in questions:
            self._prometheus.range(query, start * 1000, end * 1000, step * 1000)
        return self._spent() - before

    def _spent(self) -> float:
        text = requests.get(self._metrics, timeout=10).text
        match = re.search(r"^process_cpu_seconds_total (\S+)", text, re.MULTILINE)
        if match is None:
            raise SystemExit(f"{self._metrics} has no process_cpu_seconds_total")
        return float(match[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    found = [shutil.which(name) for name in ("prometheus", "promtool")]
    if not all(found):
        raise SystemExit("prometheus and promtool must be on PATH")
    binaries = Binaries(*(Path(str(path)) for path in found))
    signals, selector = Catalogue.load().of_kind("namespace"), equal(namespace="shop")
    queries = TimeseriesQueries(Catalogue.load(), Windows())
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        data.mkdir()
        write(data, binaries, arguments.days)
        with running(binaries.prometheus, data) as url:
            cost = Cost(url, arguments.rounds)
            for step in STEPS:
                fine = queries.points("namespace", selector, signals, step)
                coarse = queries.points("namespace", selector, signals, step, coarse=True)
                start = END - round(arguments.days * 86400) // step * step + step
                every = cost.seconds([(fine, start, END, step)])
                second = cost.seconds([(coarse, start, END, step), (fine, END, END, step)])
                print(f"step {step:5} s  {every / second:5.1f}  ({every:.2f} s and {second:.2f} s)")


if __name__ == "__main__":
    main()
