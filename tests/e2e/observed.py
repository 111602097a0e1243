"""A replay watched from outside: what the API answered while a recording passed, and what the recording says."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.stack import SPEED, Stack
from tests.replay import Recording
from tests.replay.recording import Endpoint

_POLL_SECONDS: Final = 1.5
# A pod's own cgroup: nothing after its uid.
_POD_LINE: Final = re.compile(
    r'container_(cpu_usage_seconds_total|memory_working_set_bytes|memory_rss|memory_usage_bytes)\{container="",.*'
    r'id="[^"]*/pod([0-9a-f-]{36})".*\} ([0-9.e+]+) (\d+)$'
)
# The last moment stands for a while, so that all of it is scraped and evaluated.
_AFTER_SECONDS: Final = 12.0


@dataclass
class Observed:
    """``polls`` are (wall time, answers of /api/pods, /api/nodes and /api/namespaces) in order."""

    stack: Stack
    recording: Recording
    polls: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def watch(self) -> None:
        """Let the recording pass and ask on until it has."""
        timeline = self.stack.cluster.timeline
        self.stack.cluster.begin()
        end = timeline.to_wall(self.recording.moments[-1].time_unix) + _AFTER_SECONDS
        due = time.time()
        while due < end:
            kinds = ("pods", "nodes", "namespaces", "deployments")
            self.polls.append((due, {kind: self.stack.get(f"/api/{kind}") for kind in kinds}))
            due += _POLL_SECONDS
            timeline.wait_until(timeline.to_recorded(due))

    def items(self, kind: str) -> Iterator[tuple[float, dict[str, Any]]]:
        """Every entity of a kind in every poll, with the poll's time."""
        for time_, answers in self.polls:
            for item in answers[kind]["items"]:
                yield time_, item

    def pod_items(self, prefix: str) -> list[tuple[float, dict[str, Any]]]:
        return [(time_, item) for time_, item in self.items("pods") if item["name"].startswith(prefix)]


def recorded_levels(recording: Recording) -> dict[str, dict[str, set[float]]]:
    """Every value that the recorded summaries give, by pod uid and signal; the node's under its name."""
    found: dict[str, dict[str, set[float]]] = defaultdict(lambda: defaultdict(set))
    for moment in recording.moments:
        for endpoint in (Endpoint.SUMMARY, Endpoint.CHEAP_SUMMARY):
            body = moment.body(endpoint)
            if body is None:
                continue
            summary = json.loads(body)
            for key, row in [(summary["node"]["nodeName"], summary["node"])] + [
                (pod["podRef"]["uid"], pod) for pod in summary["pods"]
            ]:
                cpu, memory = row.get("cpu", {}), row.get("memory", {})
                if "usageNanoCores" in cpu:
                    found[key]["cpu_cores"].add(cpu["usageNanoCores"] / 1e9)
                if "usageCoreNanoSeconds" in cpu:
                    found[key]["cpu_seconds"].add(cpu["usageCoreNanoSeconds"] / 1e9)
                for signal, name in (
                    ("memory_working_set_bytes", "workingSetBytes"),
                    ("memory_rss_bytes", "rssBytes"),
                    ("memory_usage_bytes", "usageBytes"),
                ):
                    if name in memory:
                        found[key][signal].add(memory[name])
    _add_stand_ins(recording, found)
    return found


def _add_stand_ins(recording: Recording, found: dict[str, dict[str, set[float]]]) -> None:
    """What cadvisor's text says of the pods' cgroups: it stands in where the summary has nothing."""
    times: dict[str, dict[float, float]] = defaultdict(dict)
    for moment in recording.moments:
        for line in (moment.body(Endpoint.CADVISOR) or b"").decode().splitlines():
            if (match := _POD_LINE.match(line)) is None:
                continue
            metric, uid, value, milliseconds = match.groups()
            if metric == "cpu_usage_seconds_total":
                times[uid][int(milliseconds) / 1000] = float(value)
                found[uid]["cpu_seconds"].add(float(value))
            else:
                found[uid][f"memory_{metric.removeprefix('memory_').removesuffix('_bytes')}_bytes"].add(float(value))
    for uid, rows in times.items():
        for (start, before), (end, after) in itertools.combinations(sorted(rows.items()), 2):
            found[uid]["cpu_cores_between_rows"].add(SPEED * (after - before) / (end - start))


def recorded_network(recording: Recording) -> dict[str, dict[str, set[float]]]:
    """Received and sent bytes of eth0 as both endpoints give them, by pod name; the node's under ""."""
    found: dict[str, dict[str, set[float]]] = defaultdict(lambda: defaultdict(set))
    for moment in recording.moments:
        body = moment.body(Endpoint.CADVISOR)
        for line in (body or b"").decode().splitlines():
            for metric, key in (("receive", "received"), ("transmit", "sent")):
                if line.startswith(f"container_network_{metric}_bytes_total{{") and 'interface="eth0"' in line:
                    pod = line.partition('pod="')[2].partition('"')[0]
                    found[pod][key].add(float(line.rpartition("}")[2].split()[0]))
        summary = moment.body(Endpoint.SUMMARY)
        for row in json.loads(summary)["pods"] if summary else ():
            network = row.get("network", {})
            if "rxBytes" in network:
                found[row["podRef"]["name"]]["received"].add(network["rxBytes"])
                found[row["podRef"]["name"]]["sent"].add(network["txBytes"])
    return found


def is_recorded(value: float, recorded: set[float], tolerance: float = 1e-9) -> bool:
    """Whether ``value`` is one of the recorded, but for the last bits of a division or of a printed exponent."""
    return any(abs(value - known) <= tolerance * max(1e-3, abs(known)) for known in recorded)
