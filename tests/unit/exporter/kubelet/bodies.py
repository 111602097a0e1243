"""Answers of a kubelet for tests: recorded ones, and hand-made ones for what no recording has."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

RECORDINGS: Final = Path(__file__).resolve().parents[3] / "recordings"
SUMMARY: Final = "/stats/summary"
CHEAP: Final = "/stats/summary?only_cpu_and_memory=true"
CADVISOR: Final = "/metrics/cadvisor"
START: Final = 1_800_000_000.0  # when hand-made time begins

Json = dict[str, Any]
T = TypeVar("T")

Answer = bytes | Exception | Callable[[], bytes]


def recorded(moment: str, file: str) -> bytes:
    """A kubelet's answer: ``recorded("lab-1/010", "stats-summary")``."""
    return gzip.decompress((RECORDINGS / moment / f"kubelet-{file}.gz").read_bytes())


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def cpu(time: float, total: float | None = None, cores: float | None = None) -> Json:
    block: Json = {"time": rfc3339(time)}
    if total is not None:
        block["usageCoreNanoSeconds"] = round(total * 1e9)
    if cores is not None:
        block["usageNanoCores"] = round(cores * 1e9)
    return block


def memory(time: float, working_set: int) -> Json:
    return {"time": rfc3339(time), "workingSetBytes": working_set, "usageBytes": working_set, "rssBytes": working_set}


def network(time: float, name: str | None, **interfaces: tuple[int, int]) -> Json:
    block: Json = {"time": rfc3339(time)}
    if name is not None:
        block |= {"name": name, "rxBytes": interfaces[name][0], "txBytes": interfaces[name][1]}
    block["interfaces"] = [{"name": key, "rxBytes": rx, "txBytes": tx} for key, (rx, tx) in interfaces.items()]
    return block


def pod(uid: str, **blocks: object) -> Json:
    ref = {"name": f"name-{uid}", "namespace": "default", "uid": uid}
    return {"podRef": ref, "startTime": rfc3339(START - 60), "containers": [], **blocks}


def summary(*pods: object, **node: object) -> bytes:
    return json.dumps({"node": {"nodeName": "n", **node}, "pods": list(pods)}).encode()


def line(family: str, value: float, time: float | None, **labels: str) -> str:
    """A line of cadvisor's text; ``time`` in Unix seconds."""
    escaped = {key: text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for key, text in labels.items()}
    inside = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    stamp = "" if time is None else f" {round(time * 1000)}"
    return f"{family}{{{inside}}} {value}{stamp}"


def cadvisor(*lines: str) -> bytes:
    return ("# HELP cadvisor_version_info text\n" + "".join(one + "\n" for one in lines)).encode()


class FakeClock:
    """Wall and monotonic time in one, moved by hand."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeKubelet:
    """Answers with what is set for a path: a body, an exception to raise, or something to call. Counts the fetches."""

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.fetches: Counter[str] = Counter()
        self._lock = threading.Lock()

    def fetch(self, path: str, timeout_seconds: float) -> bytes:
        with self._lock:
            self.fetches[path] += 1
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else answer()

    def read(self, path: str, timeout_seconds: float, consume: Callable[[Iterator[bytes]], T]) -> T:
        return consume(iter((self.fetch(path, timeout_seconds),)))


class Gate:
    """An answer that is held back until it is opened."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._open = threading.Event()
        self.reached = threading.Event()

    def open(self) -> None:
        self._open.set()

    def __call__(self) -> bytes:
        self.reached.set()
        if not self._open.wait(30):
            raise TimeoutError("the gate was never opened")
        return self._body
