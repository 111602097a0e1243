"""A kubelet whose every number is known in advance: levels that stand, counters that rise in a straight line.

The answers keep the form of a recorded moment, so that the exporters read them over the same TLS, by the same paths,
through the same decoders; only values and times are made anew for each request.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from tests.replay.control import Fault
from tests.replay.kubelet import Kubelet
from tests.replay.recording import Endpoint, Moment, cheap_summary

# Rows move every 10 to 20 s on a real node: so many milliseconds where a minute passes in twelve seconds.
_SHORTEST_PACE_MS: Final = 2000
_PACE_SPREAD_MS: Final = 1500
LONGEST_PACE_SECONDS: Final = (_SHORTEST_PACE_MS + _PACE_SPREAD_MS) / 1000
# Counters have counted for a while: one that were taken for restarted would add this, which no test could overlook.
_ALREADY_COUNTED: Final = 10**9
_LINE: Final = re.compile(r"(\w+)\{(.*)\} (\S+)( \d{13})?")
_CGROUP: Final = re.compile(r'\bid="([^"]*)"')
_POD: Final = re.compile(r"/pod([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a row moves; each row does so in its own time."""

    every_ms: int
    phase_ms: int

    def row_ms(self, now_ms: int) -> int:
        """The time of the row that stands at ``now_ms``."""
        return (now_ms - self.phase_ms) // self.every_ms * self.every_ms + self.phase_ms


@dataclass(frozen=True, slots=True)
class Rates:
    """What a node or a pod uses, per second. Whole multiples of 1000 where every row's count is to be a whole number.

    The kubelet has the last three only of pods with a CPU limit.
    """

    cpu_nanoseconds: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    periods: int = 0
    throttled_periods: int = 0
    throttled_seconds: float = 0.0

    @classmethod
    def of(cls, index: int) -> Rates:
        return cls((index + 2) * 13_000_000, 40_000 + 3_000 * index, 20_000 + 2_000 * index, 10, 4, 0.25)

    def per_second(self, metric: str) -> float:
        """The rate of a counter that the exporter publishes, in its own unit; 0 for one that does not count here."""
        return {
            "cloudmon_node_cpu_usage_seconds_total": self.cpu_nanoseconds / 1e9,
            "cloudmon_node_network_receive_bytes_total": self.received_bytes,
            "cloudmon_node_network_transmit_bytes_total": self.sent_bytes,
            "cloudmon_pod_cpu_usage_seconds_total": self.cpu_nanoseconds / 1e9,
            "cloudmon_pod_network_receive_bytes_total": self.received_bytes,
            "cloudmon_pod_network_transmit_bytes_total": self.sent_bytes,
            "cloudmon_pod_cpu_periods_total": self.periods,
            "cloudmon_pod_cpu_throttled_periods_total": self.throttled_periods,
            "cloudmon_pod_cpu_throttled_seconds_total": self.throttled_seconds,
        }.get(metric, 0.0)


# Of a pod that the summary does not list: its containers are in back-off, and nothing of it moves.
IDLE: Final = Rates()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of cAdvisor's text. One without a ``pace`` stands as recorded, without a ``rate`` only its value does."""

    head: str
    value: str
    pace: Pace | None
    rate: float | None

    def at(self, now_ms: int, since_ms: int) -> str:
        if self.pace is None:
            return f"{self.head}{self.value}\n"
        row_ms = self.pace.row_ms(now_ms)
        if self.rate is None:
            return f"{self.head}{self.value} {row_ms}\n"
        return f"{self.head}{_ALREADY_COUNTED + self.rate * (row_ms - since_ms) / 1000!r} {row_ms}\n"


class SteadyKubelet:
    """Makes the answers from those of ``moment``. ``clock`` gives Unix seconds; safe to ask in several threads."""

    def __init__(self, moment: Moment, clock: Callable[[], float] = time.time) -> None:
        summary, cadvisor = moment.body(Endpoint.SUMMARY), moment.body(Endpoint.CADVISOR)
        if summary is None or cadvisor is None:
            raise ValueError(f"the kubelet is down in moment {moment.name}")
        self._clock = clock
        self._summary: dict[str, Any] = json.loads(summary)
        uids = [pod["podRef"]["uid"] for pod in self._summary["pods"]]
        self.rates: Mapping[str, Rates] = {uid: Rates.of(index) for index, uid in enumerate(uids)}
        self.node_rates = Rates.of(3 * len(uids))
        self._paces = {uid: _pace(index) for index, uid in enumerate(uids)}
        self._node_pace = _pace(len(uids))
        self._since_ms = round(clock() * 1000) - 60_000
        self._lines = [self._read_line(line) for line in cadvisor.decode().splitlines()]

    def serve_from(self, kubelet: Kubelet) -> None:
        """Let a replayed kubelet give these answers in place of the recorded ones, from now on."""
        makers = {
            Endpoint.SUMMARY: self.summary,
            Endpoint.CHEAP_SUMMARY: lambda: cheap_summary(self.summary()),
            Endpoint.CADVISOR: self.cadvisor,
        }
        for endpoint, make in makers.items():
            kubelet.faults.set(endpoint, Fault(edit=partial(_instead, make)))

    def summary(self) -> bytes:
        """``/stats/summary`` as of now. Its times are cut to whole seconds, as the kubelet's are."""
        now_ms = self._now_ms()
        pods = [
            _row(
                pod, self._paces[pod["podRef"]["uid"]].row_ms(now_ms), self._since_ms, self.rates[pod["podRef"]["uid"]]
            )
            | {"containers": self._containers(pod, now_ms)}
            for pod in self._summary["pods"]
        ]
        node = _row(self._summary["node"], self._node_pace.row_ms(now_ms), self._since_ms, self.node_rates)
        return json.dumps({"node": node, "pods": pods}).encode()

    def cadvisor(self) -> bytes:
        """``/metrics/cadvisor`` as of now, times in milliseconds."""
        now_ms = self._now_ms()
        return "".join(line.at(now_ms, self._since_ms) for line in self._lines).encode()

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)

    def _containers(self, pod: dict[str, Any], now_ms: int) -> list[dict[str, Any]]:
        rates = self.rates[pod["podRef"]["uid"]]
        row_ms = self._paces[pod["podRef"]["uid"]].row_ms(now_ms)
        return [_row(container, row_ms, self._since_ms, rates) for container in pod["containers"]]

    def _read_line(self, line: str) -> _Line:
        match = _LINE.fullmatch(line)
        if match is None:
            return _Line(line, "", None, None)
        name, labels, value, timestamp = match.groups()
        pace, rates = self._of_cgroup(labels)
        return _Line(f"{name}{{{labels}}} ", value, pace if timestamp else None, _rate_of_line(name, labels, rates))

    def _of_cgroup(self, labels: str) -> tuple[Pace, Rates]:
        cgroup = _CGROUP.search(labels)
        pod = _POD.search(cgroup[1]) if cgroup else None
        if pod is None:
            return self._node_pace, self.node_rates
        return self._paces.get(pod[1], self._node_pace), self.rates.get(pod[1], IDLE)


def _instead(make: Callable[[], bytes], body: bytes) -> bytes:
    """An edit that keeps nothing of the body."""
    return make()


def _pace(index: int) -> Pace:
    every_ms = _SHORTEST_PACE_MS + index * 461 % _PACE_SPREAD_MS
    return Pace(every_ms, index * 877 % every_ms)


def _rate_of_line(name: str, labels: str, rates: Rates) -> float | None:
    """Per second, of a counter; None for a line whose value stands. Other interfaces than eth0 carry nothing."""
    eth0 = 'interface="eth0"' in labels
    return {
        "container_cpu_usage_seconds_total": rates.cpu_nanoseconds / 1e9,
        "container_cpu_cfs_periods_total": rates.periods,
        "container_cpu_cfs_throttled_periods_total": rates.throttled_periods,
        "container_cpu_cfs_throttled_seconds_total": rates.throttled_seconds,
        "container_network_receive_bytes_total": rates.received_bytes if eth0 else None,
        "container_network_transmit_bytes_total": rates.sent_bytes if eth0 else None,
    }.get(name)


def _row(entry: dict[str, Any], row_ms: int, since_ms: int, rates: Rates) -> dict[str, Any]:
    """A node's, pod's or container's entry with every time that of its row, and its counters counted up to it."""
    made: dict[str, Any] = _at(entry, datetime.fromtimestamp(row_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def counted(rate: int, unit: int) -> int:
        return _ALREADY_COUNTED * unit + rate * (row_ms - since_ms) // 1000

    if "cpu" in made:
        cpu_total = counted(rates.cpu_nanoseconds, 10**9)
        made["cpu"] |= {"usageNanoCores": rates.cpu_nanoseconds, "usageCoreNanoSeconds": cpu_total}
    for network in [made["network"], *made["network"]["interfaces"]] if "network" in made else []:
        if network["name"] == "eth0":
            network |= {"rxBytes": counted(rates.received_bytes, 1), "txBytes": counted(rates.sent_bytes, 1)}
    return made


def _at(value: Any, row_time: str) -> Any:
    """A copy whose every ``time`` is ``row_time``."""
    if isinstance(value, dict):
        return {name: row_time if name == "time" else _at(part, row_time) for name, part in value.items()}
    if isinstance(value, list):
        return [_at(part, row_time) for part in value]
    return value
