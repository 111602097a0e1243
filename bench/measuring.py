"""Asking the facade and Prometheus the same, in turn, and what that says: medians, spreads, ratios."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

Form = dict[str, str]


class NoAnswerError(Exception):
    """What was to be measured did not answer."""


class Server:
    """One HTTP server, asked over a kept connection; the least that a client can do. 429 is an answer too."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self.address, timeout=60)

    def get(self, path: str, **headers: str) -> bytes:
        return self._exchange("GET", path, None, headers)

    def post(self, path: str, form: Form) -> bytes:
        return self._exchange("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})

    def _exchange(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> bytes:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 429):
            raise NoAnswerError(f"{path}: {answer.status} {content[:300]!r}")
        return content


class Upstream:
    """Prometheus, asked what the facade asked: two queries at a time, every byte read, nothing decoded."""

    def __init__(self, url: str) -> None:
        self._servers = (Server(url), Server(url))
        self._helper = ThreadPoolExecutor(1)

    def ask(self, forms: Sequence[Form]) -> None:
        left = list(reversed(forms))

        def drain(server: Server) -> None:
            while left:
                try:
                    form = left.pop()
                except IndexError:
                    return
                server.post(path_of(form), form)

        beside = self._helper.submit(drain, self._servers[1]) if len(forms) > 1 else None
        drain(self._servers[0])
        if beside is not None:
            beside.result()


def path_of(form: Form) -> str:
    return "/api/v1/query" if "time" in form else "/api/v1/query_range"


class Facade(Server):
    def cold(self, path: str) -> bytes:
        """An answer from upstream, whatever is kept."""
        return self.get(path, **{"Cache-Control": "no-cache"})

    def asked_for(self, path: str) -> list[Form]:
        """The queries of a route, as they are put to Prometheus."""
        explained = json.loads(self.cold(f"{path}{'&' if '?' in path else '?'}explain=true"))["explain"]
        return [{name: str(value) for name, value in question.items()} for question in explained]


@dataclass(frozen=True)
class Ratio:
    """``seconds`` and ``reference_seconds`` are medians; the ratio is the median of the pairs' ratios, with the
    quartiles of those.
    """

    ratio: float
    low: float
    high: float
    seconds: float
    reference_seconds: float
    pairs: int

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def in_turn(measured: Callable[[], object], reference: Callable[[], object], pairs: int) -> Ratio:
    """Both in turn, the order changing with each pair; the first pair does not count."""
    taken: list[tuple[float, float]] = []
    for number in range(pairs + 1):
        if number % 2:
            second, first = seconds(reference), seconds(measured)
        else:
            first, second = seconds(measured), seconds(reference)
        taken.append((first, second))
    return of_pairs(taken[1:])


def of_pairs(taken: Sequence[tuple[float, float]]) -> Ratio:
    ratios = [first / second for first, second in taken]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    firsts, seconds_ = zip(*taken, strict=True)
    return Ratio(middle, low, high, statistics.median(firsts), statistics.median(seconds_), len(taken))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def requests_per_second(base: str, paths: Sequence[str], length: float, connections: int) -> float:
    """The answers of 200 that wrk gets of ``paths``, asked in turn by every connection."""
    script = "local paths = {" + ", ".join(json.dumps(path) for path in paths) + "}\nlocal at = 0\n"
    script += "request = function() at = at % #paths + 1 return wrk.format('GET', paths[at]) end\n"
    script += (
        "done = function(s) local e = s.errors io.write('found ', (s.requests - e.status) * 1e6 / s.duration, ' ',"
    )
    script += " e.connect + e.read + e.write + e.timeout, '\\n') end\n"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{length:g}s", "--timeout=30s", "-s", file.name, base]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    _, rate, failed = next(line for line in output.splitlines() if line.startswith("found ")).split()
    if failed != "0":
        raise NoAnswerError(f"{failed} of the requests to {base} failed")
    return float(rate)


def resident_mebibytes(parent: int) -> list[float]:
    """Of each process of Python that ``parent`` started, its own helpers aside."""
    sizes = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                status = Path(f"/proc/{child}/status").read_text()
                sizes.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
    return sizes
