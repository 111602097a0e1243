"""What kubelets said of pods, and whether the API says the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Pod = tuple[str, str]

CPU: Final = "cpu_cores"
MEMORY: Final = ("memory_working_set_bytes", "memory_rss_bytes", "memory_usage_bytes")
SIGNALS: Final = (CPU, *MEMORY)
_ROWS: Final = {
    CPU: ("cpu", "usageNanoCores", 1e-9),
    "memory_working_set_bytes": ("memory", "workingSetBytes", 1.0),
    "memory_rss_bytes": ("memory", "rssBytes", 1.0),
    "memory_usage_bytes": ("memory", "usageBytes", 1.0),
}


@dataclass(slots=True)
class Compared:
    """How many values were looked at, how many seconds ago the kubelet last said each, and those that it never said."""

    ages_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Readings:
    """Each value that a kubelet gave of a pod, with when it was last heard (seconds of one monotonic clock)."""

    def __init__(self) -> None:
        self._heard: dict[tuple[Pod, str], dict[float, float]] = defaultdict(dict)

    def note(self, summary: Mapping[str, Any], now: float) -> None:
        """A kubelet's summary as it was at ``now``; a value that is not in it is None there."""
        for pod in summary.get("pods") or ():
            reference = pod["podRef"]
            for signal, (row, name, scale) in _ROWS.items():
                value = (pod.get(row) or {}).get(name)
                if value is not None:
                    self._heard[(reference["namespace"], reference["name"]), signal][value * scale] = now

    def pods(self) -> set[Pod]:
        """The pods that a kubelet gave any value of."""
        return {pod for pod, _ in self._heard}

    def compare(self, items: Iterable[Mapping[str, Any]], now: float, longest_ago_seconds: float) -> Compared:
        """``items`` of ``/api/pods`` at ``now``: each value must have been heard within ``longest_ago_seconds``."""
        compared = Compared()
        for item in items:
            pod = (item["namespace"], item["name"])
            for signal in SIGNALS:
                heard = self._heard.get((pod, signal))
                if heard:
                    self._judge(compared, pod, signal, item["usage"][signal], heard, now, longest_ago_seconds)
        return compared

    @staticmethod
    def _judge(
        compared: Compared,
        pod: Pod,
        signal: str,
        value: float | None,
        heard: Mapping[float, float],
        now: float,
        longest_ago_seconds: float,
    ) -> None:
        what = f"{'/'.join(pod)} {signal}"
        if value is None:
            compared.problems.append(f"{what} is null; the kubelet says {list(heard)[-1]:.10g}")
            return
        moments = [moment for reading, moment in heard.items() if math.isclose(reading, value, rel_tol=1e-9)]
        if not moments:
            readings = ", ".join(f"{reading:.10g}" for reading in list(heard)[-4:])
            compared.problems.append(f"{what} is {value:.10g}; the kubelet said {readings}")
        elif now - max(moments) > longest_ago_seconds:
            compared.problems.append(
                f"{what} is {value:.10g}, which the kubelet last said {now - max(moments):.0f} s ago"
            )
        else:
            compared.ages_seconds.append(now - max(moments))
