"""Compare WSGI servers on the facade: requests per second of each as a ratio to the first.

    python bench/wsgi_server.py [--seconds 5] [--connections 32]

Needs wrk and prometheus on PATH, and granian and gunicorn in this environment. ``/healthz`` is a route that does
nothing, ``/readyz`` one with one query to Prometheus. Each server has two processes of 32 threads, and each is measured
three times in turn with the others; the median counts.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

ROUTES = ("/healthz", "/readyz")
ROUNDS = 3
START_SECONDS = 20.0


def servers(port: int) -> dict[str, list[str]]:
    """How each server is started; the first is what the others are compared with."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--workers=2", "--log-level=error", f"--bind=127.0.0.1:{port}"]
    return {
        "gunicorn gthread": [*gunicorn, "--worker-class=gthread", "--threads=32", "facade.server:build()"],
        "granian": [sys.executable, "-m", "facade"],
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], url: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Run ``command`` until ``url`` answered, and to the end of the block."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"did not start: {' '.join(command)}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def requests_per_second(url: str, seconds: int, connections: int) -> float:
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", url]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if failed := re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", report):
        print(f"  {url}: {failed[0]}")
    match = re.search(r"Requests/sec:\s+([\d.]+)", report)
    if match is None:
        raise SystemExit(report)
    return float(match[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    arguments = parser.parse_args()
    rates: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (directory / "prometheus.yml").write_text("global: {}\n")
        upstream = f"127.0.0.1:{free_port()}"
        prometheus = ["prometheus", f"--config.file={directory}/prometheus.yml", f"--web.listen-address={upstream}"]
        prometheus.append(f"--storage.tsdb.path={directory}/data")
        stack.enter_context(running(prometheus, f"http://{upstream}/-/ready", {}))
        for _ in range(ROUNDS):
            port = free_port()
            environment = {"HOST": "127.0.0.1", "PORT": str(port), "PROMETHEUS_URL": f"http://{upstream}"}
            environment |= {"DEBUG": "false", "FACADE_WORKERS": "2", "FACADE_THREADS": "32"}
            for name, command in servers(port).items():
                with running(command, f"http://127.0.0.1:{port}/readyz", environment):
                    for route in ROUTES:
                        url = f"http://127.0.0.1:{port}{route}"
                        rate = requests_per_second(url, arguments.seconds, arguments.connections)
                        rates.setdefault((route, name), []).append(rate)
    for route in ROUTES:
        medians = {name: statistics.median(rates[route, name]) for name in servers(0)}
        first = next(iter(medians.values()))
        for name, rate in medians.items():
            print(f"{route:9} {name:17} {rate / first:5.2f}  ({rate:.0f} requests a second)")


if __name__ == "__main__":
    main()
