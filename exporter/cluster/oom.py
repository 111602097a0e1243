"""Counts OOM kills: one is a container id whose termination has the reason ``OOMKilled``.

A status shows at most two terminations of a container, that of its present state and that of its last one; each id is
counted when it first shows, with or without a restart after it. What shows when a container is first seen happened
before this exporter looked, and is not counted. Of each container the last few ids are remembered: a status may fall
back to an older termination, when the runtime has removed the newest container.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_REMEMBERED_IDS: Final = 8
_STATUSES: Final = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_SPECS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Kills:
    """Kills since the pod was first seen, and the time of the last one (Unix seconds), which may be older than that."""

    count: int = 0
    last_timestamp_seconds: float | None = None


NO_KILLS: Final = Kills()


@dataclass(frozen=True, slots=True)
class _Memory:
    kills: Kills
    # By container, the last ids of OOM kills that its status showed; empty for one that showed none yet.
    ids: Mapping[str, tuple[str, ...]]


class OomKills:
    """Remembers what each pod showed; one thread feeds it."""

    def __init__(self) -> None:
        self._pods: dict[str, _Memory] = {}

    def observe(self, item: Mapping[str, Any]) -> Kills:
        """The pod's kills after this state of it. States must come in the order in which they happened."""
        uid = item["metadata"]["uid"]
        before = self._pods.get(uid, _Memory(NO_KILLS, {}))
        count, last = before.kills.count, before.kills.last_timestamp_seconds
        shown: dict[str, list[str]] = {}
        for container, container_id, finished in _oom_terminations(item.get("status") or {}):
            shown.setdefault(container, []).append(container_id)
            if container_id not in before.ids.get(container, (container_id,)):
                count += 1
            if finished is not None and (last is None or finished > last):
                last = finished
        kills = Kills(count, last)
        # What it showed before stays known: a status that shows no kill any more may be a passing gap.
        ids = {
            name: tuple(dict.fromkeys((*before.ids.get(name, ()), *shown.get(name, ()))))[-_REMEMBERED_IDS:]
            for name in _container_names(item)
        }
        self._pods[uid] = _Memory(kills, ids)
        return kills

    def forget(self, uid: str) -> None:
        """The pod is gone, and its uid will not come back."""
        self._pods.pop(uid, None)

    def __len__(self) -> int:
        """How many pods are remembered."""
        return len(self._pods)


def _container_names(item: Mapping[str, Any]) -> Iterator[str]:
    """A container is seen once the pod names it, before it has a status: then nothing of it has happened yet."""
    for name in _SPECS:
        for container in item["spec"].get(name) or ():
            yield container["name"]


def _oom_terminations(status: Mapping[str, Any]) -> Iterator[tuple[str, str, float | None]]:
    """(container, id of what was killed, when) of every termination by OOM that the status shows."""
    for statuses in _STATUSES:
        for container in status.get(statuses) or ():
            for state in ("state", "lastState"):
                terminated = (container.get(state) or {}).get("terminated")
                if terminated and terminated.get("reason") == "OOMKilled" and terminated.get("containerID"):
                    yield container["name"], terminated["containerID"], timestamp(terminated.get("finishedAt"))


def timestamp(text: str | None) -> float | None:
    """Unix seconds of a Kubernetes time (RFC 3339), None for none."""
    return None if text is None else datetime.fromisoformat(text).timestamp()
