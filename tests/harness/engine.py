"""A server that stores samples and answers the Prometheus HTTP API, under a test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import requests

from tests.harness.ports import free_port
from tests.harness.process import Process
from tests.harness.waiting import wait_until

_TIMEOUT_SECONDS: Final = 10.0


class PrometheusError(Exception):
    """A query or a configuration was refused; the message is the server's own."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector. ``time`` is in Unix seconds."""

    labels: Mapping[str, str]
    time: float
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One element of a range vector or matrix; ``points`` are (Unix seconds, value)."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class Engine:
    """A context manager that starts a server on a free loopback port, waits for it and ends it.

    ``command`` gives its command line for a directory of its own, which is gone afterwards, and ``host:port``;
    ``ready_path`` answers 200 once it serves.
    """

    def __init__(
        self, name: str, command: Callable[[Path, str], tuple[str, ...]], ready_path: str, port: int | None = None
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True)
        self.directory = Path(self._temporary.name)
        address = f"127.0.0.1:{port or free_port()}"
        self.url = f"http://{address}"
        self.process = Process(command(self.directory, address), self.directory / f"{name}.log")
        self._ready_path = ready_path
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self.process.start()
        try:
            self.process.wait_until_answers(f"{self.url}{self._ready_path}")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def query(self, expr: str, time: float | None = None) -> list[Sample]:
        """An instant vector (a scalar is one sample without labels) at Unix seconds ``time``, now by default."""
        data = self._api("query", {"query": expr} | ({} if time is None else {"time": repr(time)}))
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][0]), float(data["result"][1]))]
        if data["resultType"] != "vector":
            raise PrometheusError(f"{expr} is a {data['resultType']}: ask with query_matrix")
        return [
            Sample(element["metric"], float(element["value"][0]), float(element["value"][1]))
            for element in data["result"]
        ]

    def query_matrix(self, expr: str, time: float | None = None) -> list[Series]:
        """The stored samples of a range selector such as ``up[5m]``, with their own times."""
        data = self._api("query", {"query": expr} | ({} if time is None else {"time": repr(time)}))
        return [_series(element) for element in data["result"]]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """``expr`` evaluated from ``start`` to ``end`` (Unix seconds, both included) every ``step`` seconds."""
        data = self._api("query_range", {"query": expr, "start": repr(start), "end": repr(end), "step": repr(step)})
        return [_series(element) for element in data["result"]]

    def value(self, expr: str, time: float | None = None) -> float:
        """The value of an expression with exactly one sample. Raises ``PrometheusError`` for none or several."""
        samples = self.query(expr, time)
        if len(samples) != 1:
            raise PrometheusError(f"{expr} gives {len(samples)} samples: {samples[:3]}")
        return samples[0].value

    def wait_for(
        self,
        expr: str,
        deadline_seconds: float = 30.0,
        condition: Callable[[list[Sample]], bool] = bool,
    ) -> list[Sample]:
        """The first answer of ``expr`` that meets ``condition`` (by default: any sample). Raises ``TimeoutError``."""

        def answer() -> list[list[Sample]]:
            samples = self.query(expr)
            return [samples] if condition(samples) else []

        return wait_until(answer, deadline_seconds, expr)[0]

    def _api(self, route: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        body = self._post(f"/api/v1/{route}", parameters).json()
        if body["status"] != "success":
            raise PrometheusError(body["error"])
        data: dict[str, Any] = body["data"]
        return data

    def _post(self, path: str, data: Mapping[str, str] | bytes | None = None) -> requests.Response:
        return self._session.post(f"{self.url}{path}", data=data, timeout=_TIMEOUT_SECONDS)

    def _end(self) -> None:
        self.process.terminate()
        self._session.close()
        self._temporary.cleanup()


def _series(element: dict[str, Any]) -> Series:
    return Series(element["metric"], tuple((float(time), float(value)) for time, value in element["values"]))
