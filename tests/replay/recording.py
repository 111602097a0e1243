"""A recording read from disk: the answers of a real node's kubelet and API server, moment by moment.

``tests/recordings/README.md`` says what the files are and what happens in each recording.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

RECORDINGS_DIRECTORY: Final = Path(__file__).resolve().parent.parent / "recordings"

# Kubernetes writes a time as a JSON string of RFC 3339 in UTC, and nothing else in the string.
RFC3339_STRING: Final = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')
# The text exposition ends a line with the sample's time in milliseconds.
SAMPLE_MILLISECONDS: Final = re.compile(rb" (\d{13})$", re.MULTILINE)
# A pod being deleted has the end of its grace period here: a time to come.
_DELETION_TIMESTAMP: Final = re.compile(rb'"deletionTimestamp": ?"[^"]*"')

# What `?only_cpu_and_memory=true` leaves out, at every level: compared between both forms of the recordings that have
# both. `psi` inside `cpu` and `memory`, and `swap`, stay.
_NOT_IN_CHEAP_SUMMARY: Final = frozenset(
    {"network", "fs", "io", "volume", "ephemeral-storage", "process_stats", "rootfs", "logs", "rlimit", "runtime"}
)

JsonObject = dict[str, Any]


class Endpoint(StrEnum):
    """The kubelet's endpoints that are recorded; the value is the path and query that ask for it."""

    SUMMARY = "/stats/summary"
    CHEAP_SUMMARY = "/stats/summary?only_cpu_and_memory=true"
    CADVISOR = "/metrics/cadvisor"


_BODY_FILES: Final = {
    Endpoint.SUMMARY: "kubelet-stats-summary.gz",
    Endpoint.CHEAP_SUMMARY: "kubelet-stats-summary-only-cpu-and-memory.gz",
    Endpoint.CADVISOR: "kubelet-metrics-cadvisor.gz",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a recording.

    ``time_unix`` is when it began. ``lists`` holds the API server's lists by plural (``pods``, ``replicasets``, …), as
    they stood at ``lists_time_unix``, the newest time they speak of or ``time_unix`` if that is later.
    """

    name: str
    directory: Path
    time_unix: float
    lists_time_unix: float
    lists: Mapping[str, JsonObject]
    missing: frozenset[Endpoint] = field(default_factory=frozenset)

    @property
    def kubelet_down(self) -> bool:
        return len(self.missing) == len(Endpoint)

    def body(self, endpoint: Endpoint) -> bytes | None:
        """What the kubelet answered, or None where it gave no answer."""
        if endpoint in self.missing:
            return None
        path = self.directory / _BODY_FILES[endpoint]
        if endpoint is Endpoint.CHEAP_SUMMARY and not path.exists():
            return cheap_summary(gzip.decompress((self.directory / _BODY_FILES[Endpoint.SUMMARY]).read_bytes()))
        return gzip.decompress(path.read_bytes())

    def items(self, plural: str) -> list[JsonObject]:
        """The objects of one list; empty where the list was not recorded."""
        items: list[JsonObject] = self.lists.get(plural, {}).get("items") or []
        return items


class Recording:
    """The moments of one recording in order.

    ``path`` holds one folder a moment, or is itself a single moment. ``first`` and ``last`` (both included, counted
    from 0) choose a part of it. Raises ``FileNotFoundError`` where there is no moment at ``path``.
    """

    def __init__(self, path: Path, first: int = 0, last: int | None = None) -> None:
        directories = [path] if _is_moment(path) else sorted(child for child in path.iterdir() if _is_moment(child))
        chosen = directories[first : None if last is None else last + 1]
        if not chosen:
            raise FileNotFoundError(f"no moments {first} to {last} of a recording in {path}")
        self.name = path.name
        self.moments = tuple(_read_moment(directory) for directory in chosen)

    @classmethod
    def named(cls, name: str, first: int = 0, last: int | None = None) -> Recording:
        """One of ``tests/recordings`` by the name of its folder, such as ``lab-1`` or ``full-node``."""
        return cls(RECORDINGS_DIRECTORY / name, first, last)

    @property
    def node_name(self) -> str:
        """The node whose kubelet was recorded, as the kubelet itself calls it."""
        for moment in self.moments:
            body = moment.body(Endpoint.SUMMARY)
            if body is not None:
                return str(json.loads(body)["node"]["nodeName"])
        raise ValueError(f"the kubelet is down throughout {self.name}")

    @property
    def first_instant_unix(self) -> float:
        """The newest time that the first moment speaks of: nothing in it is later, a pod's end of grace aside."""
        first = self.moments[0]
        bodies = (body for endpoint in Endpoint if (body := first.body(endpoint)) is not None)
        return max(first.lists_time_unix, *(newest_time_unix(body) for body in bodies))


def parse_rfc3339(text: str) -> float:
    """Unix seconds of a time as Kubernetes writes it."""
    return datetime.fromisoformat(text).timestamp()


def newest_time_unix(body: bytes) -> float:
    """The newest time written in an answer, JSON or text exposition, in Unix seconds; 0 where there is none."""
    if body.lstrip()[:1] == b"{":
        known = set(RFC3339_STRING.findall(_DELETION_TIMESTAMP.sub(b"", body)))
        return max((parse_rfc3339(text.decode()) for text in known), default=0.0)
    return max((int(milliseconds) for milliseconds in SAMPLE_MILLISECONDS.findall(body)), default=0) / 1000


def cheap_summary(summary: bytes) -> bytes:
    """The answer of ``/stats/summary?only_cpu_and_memory=true``, made of the full one."""
    return json.dumps(_without(json.loads(summary), _NOT_IN_CHEAP_SUMMARY)).encode()


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(part, names) for name, part in value.items() if name not in names}
    if isinstance(value, list):
        return [_without(part, names) for part in value]
    return value


def _is_moment(path: Path) -> bool:
    return path.is_dir() and ((path / "meta.json").exists() or (path / _BODY_FILES[Endpoint.SUMMARY]).exists())


def _read_moment(directory: Path) -> Moment:
    missing = {endpoint for endpoint, file in _BODY_FILES.items() if not (directory / file).exists()}
    if Endpoint.SUMMARY not in missing:
        missing.discard(Endpoint.CHEAP_SUMMARY)  # derived
    lists: dict[str, JsonObject] = {}
    lists_time_unix = 0.0
    for path in sorted(directory.glob("api-*.json.gz")):
        body = gzip.decompress(path.read_bytes())
        lists[path.name.removeprefix("api-").removesuffix(".json.gz")] = json.loads(body)
        lists_time_unix = max(lists_time_unix, newest_time_unix(body))
    time_unix = _time_of_moment(directory)
    return Moment(
        name=directory.name,
        directory=directory,
        time_unix=time_unix,
        lists_time_unix=max(time_unix, lists_time_unix),
        lists=lists,
        missing=frozenset(missing),
    )


def _time_of_moment(directory: Path) -> float:
    meta = directory / "meta.json"
    if meta.exists():
        return float(json.loads(meta.read_text())["time"])
    return newest_time_unix(gzip.decompress((directory / _BODY_FILES[Endpoint.SUMMARY]).read_bytes()))
