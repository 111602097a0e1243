"""By what the answers of the two dialects may differ: data, of which ``docs/dialects.md`` has a row each.

How wide a tolerance must be depends on what may lie between the two readings that are compared. A rate's window covers
75 s here, and the readings at its ends are up to 20 s apart between the two sources: 20/75 of what the load does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from promql.catalogue import Catalogue
from tests.engines.differences import Difference, Found

_SIGNALS: Final = Catalogue.load().signals.values()
_RATE_KEYS: Final = [signal.key for signal in _SIGNALS if not signal.pod.level]
_RATES: Final = "|".join(_RATE_KEYS)
_BYTES: Final = "|".join(key for key in _RATE_KEYS if key.endswith("_bytes_per_second"))
_SHARES: Final = "|".join(key for key in _RATE_KEYS if not key.endswith("_bytes_per_second"))
_LEVELS: Final = "memory_working_set_bytes|memory_rss_bytes|memory_usage_bytes"
# A list's entities stand by their names; so do the columns of one entity.
_ONE: Final = r"(items\.[^ ]+ \.)?"
# What no pod has, or none that did not read or write.
_NOT_OF_ALL: Final = {"filesystem_used_bytes", "disk_read_bytes_per_second", "disk_write_bytes_per_second"}
_UNSUPPORTED: Final = "filesystem_used_bytes|oom_kills"
# A packet of 350 bytes, in one of two scrapes or the other.
_A_PACKET: Final = 25.0
# Resources that stand on pod `podlevel` itself, beyond those of its containers: CPU and memory, requests and limits.
_OF_POD_LEVEL: Final = (0.1, 0.2, 33554432, 134217728)


def _null(found: Found) -> bool:
    return found.other is None


def _none_of_them(found: Found) -> bool:
    return found.other == 0 or (isinstance(found.other, list) and found.other[0] == 0)


def _some_of_them(found: Found) -> bool:
    """At most those whose cgroups have done I/O."""
    counts = found.other if isinstance(found.other, list) else [found.other, found.one]
    return bool(counts[0] < counts[1])


def _within(relative: float, least: float = 0.0) -> Callable[[Found], bool]:
    """Both are numbers and differ by no more than that part of the greater, or by no more than ``least``."""
    return lambda found: found.relative <= relative or (_numbers(found) and abs(found.one - found.other) <= least)


def _numbers(found: Found) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in (found.one, found.other))


def _difference(
    name: str, paths: str, admits: Callable[[Found], bool], routes: str = "", whose: str = _ONE
) -> Difference:
    return Difference(name, re.compile(routes), re.compile(f"{whose}(?:{paths})"), admits)


def _not_reported(found: Found) -> bool:
    return (found.one, found.other) == ("absent", "not_reported")


def _unless_idle(found: Found) -> bool:
    return bool(found.one == 0) and found.other is None


def _of_pod_level(found: Found) -> bool:
    return any(math.isclose(found.one - (found.other or 0), amount, rel_tol=1e-6) for amount in _OF_POD_LEVEL)


_SERIES_OF_TOTALS: Final = "/(namespaces|deployments)/.+/timeseries|kind=(namespace|deployment)"
DIFFERENCES: Final = (
    _difference("unsupported", rf"(usage\.|series\.|stats\.)?({_UNSUPPORTED})(\[\d+\]|\.\w+)?", _null),
    _difference(
        "unsupported", rf"missing\.({_UNSUPPORTED})", lambda found: found.other in ("not_reported", "not_running")
    ),
    _difference("unsupported", "coverage", lambda found: set(found.other) <= _NOT_OF_ALL),
    _difference("unsupported", r"coverage\.filesystem_used_bytes(\[0\])?", _none_of_them),
    # A reading of the kubelet's summary may be older than the scrape by one interval.
    _difference("age", "age", _within(0, 15)),
    _difference("age", "time", lambda found: found.one[:18] == found.other[:18]),
    _difference("no-io", r"usage\.disk_\w+", _unless_idle),
    _difference("no-io", r"missing\.disk_\w+", _not_reported),
    _difference("no-io", r"(series|stats)\.disk_\w+(\[\d+\]|\.\w+)", _unless_idle),
    _difference("no-io", r"coverage\.disk_\w+(\[0\])?", _some_of_them),
    # A mean of 75 s against the last 10 to 30 of them: of loads as steady as these. Two millicores are little, and two
    # thirds of what db-1 uses.
    _difference("last-minute", rf"usage\.({_RATES})", _within(0.35)),
    _difference("last-minute", r"usage\.cpu_cores", _within(0, 0.002)),
    _difference("last-minute", r"utilization\.cpu_of_\w+", _within(0.35)),
    _difference("last-minute", r"utilization\.cpu_of_\w+", _within(0.7), whose=r"items\.shop/db-1 \."),
    # Levels at moments up to 20 s apart, and their means over five minutes of which one was without answers.
    _difference("readings", rf"(usage|series|stats)\.({_LEVELS})(\.\w+|\[\d+\])?", _within(0.15)),
    _difference("readings", r"values\[\d+\]", _within(0.15), "metrics=memory_"),
    _difference("readings", r"utilization\.memory_of_\w+", _within(0.2)),
    # Counters read at the two ends of five minutes, each up to 20 s apart: 40/300, and a scrape left out.
    _difference("readings", rf"series\.({_RATES})\[\d+\]", _within(0.16)),
    _difference("readings", rf"stats\.({_RATES})\.avg", _within(0.16)),
    _difference("readings", r"values\[\d+\]", _within(0.16)),
    # Recorded totals reach back one rate window: 255 s with DETAIL_INTERVAL 60, and the load began within that.
    _difference("readings", r"series\.(network|disk)_\w+_bytes_per_second\[\d+\]", _within(0.4), _SERIES_OF_TOTALS),
    # Of single scrapes, of which our exporter gives network and throttling every fourth.
    _difference("readings", rf"stats\.({_SHARES})\.(min|max|p50|p95|last)", _within(0.3)),
    _difference("readings", rf"stats\.({_BYTES})\.(avg|min|max|p50|p95|last)", _within(0, _A_PACKET)),
    # In the recording for two of the twenty scrapes of five minutes, one more at an edge of which counts.
    _difference("silent", r"coverage\[0\]", lambda found: found.one == 1 and found.other > 0.85, "timeseries"),
)
# Of these pods alone, and of what sums them: between two starts of its container, with resources of its own, and of a
# CronJob, which live for half a minute.
_TICK: Final = r"items\.shop/tick\S* \."
_CRASHING: Final = r"items\.default(/oomer\S*|/crasher\S*)? \."
_POD_LEVEL: Final = r"(items\.(shop/podlevel|shop|lab-3) \.)?"
_WITH_POD_LEVEL: Final = "/(nodes|namespaces|pods|podlevel)"

ALL: Final = (
    *DIFFERENCES,
    *(
        _difference("between-starts", paths, admits, whose=_CRASHING)
        for paths, admits in (
            (r"(usage|utilization)\.\w+", lambda found: found.one in (None, "absent")),
            (r"missing\.\w+", lambda found: found.one in ("not_reported", "no_limit") and found.other == "absent"),
            (r"coverage\.\w+", lambda found: found.one[0] == found.one[1] - 1 and found.other == "absent"),
            (r"coverage\[0\]", lambda found: found.one < found.other),
            (r"last_oom_kill", lambda found: found.other < found.one),
        )
    ),
    _difference(
        "first-minute",
        r"usage\.\w+",
        lambda found: found.other is None or (found.one == 0 and found.other == "absent"),
        whose=_TICK,
    ),
    _difference("first-minute", r"missing\.\w+", _not_reported, whose=_TICK),
    _difference("pod-level", r"(requests|limits)\.\w+", _of_pod_level, _WITH_POD_LEVEL, _POD_LEVEL),
    # Its memory is twice the part of a request that is half as large; what it uses of its limits is in no total.
    _difference("pod-level", r"utilization\.\w+", _null, whose=r"(items\.shop/podlevel \.)?"),
    _difference(
        "pod-level",
        r"utilization\.memory_of_request",
        lambda found: math.isclose(found.other, 2 * found.one),
        whose=r"(items\.shop/podlevel \.)?",
    ),
    _difference(
        "pod-level",
        r"utilization\.\w+_of_(request|limit)",
        lambda found: found.other < found.one,
        "/namespaces",
        r"(items\.shop \.)?",
    ),
    _difference("pod-level", r"missing\.[\w.]+", lambda found: found.other in ("no_request", "no_limit")),
    _difference(
        "pod-level",
        r"coverage\.(requests|limits)\.\w+\[0\]",
        lambda found: found.other == found.one - 1,
        _WITH_POD_LEVEL,
        _POD_LEVEL,
    ),
)

# And by what the answers from recorded series differ from those of the same past translated: nothing but when, and how
# many evaluations lie in a window whose edge falls between a scrape and its evaluation: 19 of 20 at least.
BETWEEN_WAYS: Final = (
    _difference("evaluated", "age|time", lambda found: not _numbers(found) or _within(0, 1)(found)),
    _difference("evaluated", r"usage\.cpu_throttled_ratio", _within(0.02), "/(namespaces|deployments)"),
    _difference("evaluated", r"(series\.\w+|values|coverage)\[\d+\]", _within(0.06)),
    _difference("evaluated", rf"stats\.({_LEVELS})\.\w+|stats\.\w+\.avg", _within(0.14)),
    _difference("evaluated", rf"stats\.({_RATES})\.(min|max|p50|p95|last)", _within(0.28)),
    _difference("evaluated", r"series\.memory_pressure_ratio\[\d+\]", _within(0, 0.0001)),
)


def by_name(answer: Any) -> Any:
    """A list's ``items`` by what they are called: a path begins with ``items.<namespace>/<name>``, blank and dot."""
    if not isinstance(answer, dict) or "items" not in answer:
        return answer
    items = {f"{'/'.join(filter(None, (item.get('namespace'), item['name'])))} ": item for item in answer["items"]}
    return {**answer, "items": items}


def unexplained(differences: Iterable[Found], by: Iterable[Difference] = ALL) -> list[Found]:
    """Those that nothing in ``by`` explains."""
    return [one for one in differences if not any(difference.explains(one) for difference in by)]
