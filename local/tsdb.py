"""Prometheus's storage, written and read with Prometheus's own programs."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from local.commands import Runner, last_line
from local.errors import HistoryFailed
from local.prometheus_binary import Binaries
from local.readiness import answers

# One block holds what lies between two multiples of this. promtool reads its input once for every block it makes, so
# that a file for each block costs one reading; fewer blocks than the usual two hours' leave less to merge.
BLOCK_MILLISECONDS = 6 * 3600 * 1000

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_QUERY_SECONDS = 120.0
NOTHING_TO_SCRAPE = "scrape_configs: []\n"
_BLOCK_NAME = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def blocks_in(directory: Path) -> list[Path]:
    """The blocks of a data directory (their names are ULIDs)."""
    return [path for path in directory.iterdir() if _BLOCK_NAME.fullmatch(path.name)] if directory.is_dir() else []


def holds_data(directory: Path) -> bool:
    """Whether a Prometheus has stored anything there: a block, or a segment of its log."""
    return bool(blocks_in(directory)) or any(directory.glob("wal/[0-9]*")) or any(directory.glob("wal/checkpoint*"))


def create_block(promtool: Path, openmetrics: Path, directory: Path, run: Runner) -> None:
    """Turn a file whose samples lie within one block into a block of ``directory``, and delete the file."""
    span = f"--max-block-duration={BLOCK_MILLISECONDS // 3600_000}h"
    completed = run(
        [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "--quiet", span, str(openmetrics), str(directory)]
    )
    if completed.returncode != 0:
        raise HistoryFailed(f"promtool could not write {openmetrics.name}: {last_line(completed)}")
    openmetrics.unlink()


class PrometheusQueries:
    """Range queries to a Prometheus on this machine; each thread has a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._threads = threading.local()

    def range(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[dict[str, Any]]:
        """The series of ``expr``: ``{"metric": labels, "values": [[seconds, text], …]}`` each. Raises HistoryFailed."""
        session = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.trust_env = False
        question = {
            "query": expr,
            "start": f"{start_ms / 1000:.3f}",
            "end": f"{end_ms / 1000:.3f}",
            "step": f"{step_ms / 1000:.3f}",
        }
        try:
            answer = session.post(f"{self._url}/api/v1/query_range", data=question, timeout=_QUERY_SECONDS).json()
        except requests.RequestException as error:
            raise HistoryFailed(f"Prometheus did not answer {expr} ({type(error).__name__})") from error
        if answer.get("status") != "success":
            raise HistoryFailed(f"{expr}: {answer.get('error', 'no reason given')}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def temporary_prometheus(
    binaries: Binaries, directory: Path, flags: Sequence[str] = (), prometheus_yaml: str = NOTHING_TO_SCRAPE
) -> Iterator[PrometheusQueries]:
    """A Prometheus that serves the blocks of ``directory`` on a free port and collects nothing, for a ``with``."""
    config = directory.parent / "nothing-to-scrape.yml"
    config.write_text(prometheus_yaml)
    log = directory.parent / "prometheus.log"
    port = _free_port()
    command = [
        str(binaries.prometheus),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=10y",
        "--log.level=warn",
        *flags,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is for this process, which then ends that one
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}", log)
        yield PrometheusQueries(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while answers(f"{url}/-/ready") is not None:
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise HistoryFailed(f"Prometheus did not start: {lines[-1]}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
