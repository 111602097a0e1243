"""By what the answers of the two dialects may differ: data, of which ``docs/dialects.md`` has a row each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from promql.catalogue import Catalogue
from tests.engines.differences import Difference, Found

_SIGNALS: Final = Catalogue.load().signals.values()
_RATES: Final = "|".join(signal.key for signal in _SIGNALS if not signal.pod.level)
_LEVELS: Final = "memory_working_set_bytes|memory_rss_bytes|memory_usage_bytes"
# A list's entities stand by their names; so do the columns of one entity.
_ONE: Final = r"(items\.[^ ]+ \.)?"
# What no pod has, or none that did not read or write.
_NOT_OF_ALL: Final = {"filesystem_used_bytes", "disk_read_bytes_per_second", "disk_write_bytes_per_second"}
_UNSUPPORTED: Final = "filesystem_used_bytes|oom_kills"


def _null(found: Found) -> bool:
    return found.other is None


def _none_of_them(found: Found) -> bool:
    return found.other == 0 or (isinstance(found.other, list) and found.other[0] == 0)


def _some_of_them(found: Found) -> bool:
    """At most those whose cgroups have done I/O."""
    counts = found.other if isinstance(found.other, list) else [found.other, found.one]
    return bool(counts[0] < counts[1])


def _nearly_all(found: Found) -> bool:
    """Pods that have just come are read a scrape earlier or later."""
    return found.other == "absent" or (isinstance(found.other, int | float) and found.other > 0.9)


def _within(relative: float, least: float = 0.0) -> Callable[[Found], bool]:
    """Both are numbers and differ by no more than that part of the greater, or by no more than ``least``."""
    return lambda found: (
        found.relative <= relative
        or (None not in (_number(found.one), _number(found.other)) and abs(found.one - found.other) <= least)
    )


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _difference(name: str, paths: str, admits: Callable[[Found], bool], routes: str = "") -> Difference:
    return Difference(name, re.compile(routes), re.compile(_ONE + f"(?:{paths})"), admits)


DIFFERENCES: Final = (
    _difference("unsupported", rf"(usage\.|series\.|stats\.)?({_UNSUPPORTED})(\[\d+\]|\.\w+)?", _null),
    _difference(
        "unsupported", rf"missing\.({_UNSUPPORTED})", lambda found: found.other in ("not_reported", "not_running")
    ),
    _difference("unsupported", "coverage", lambda found: set(found.other) <= _NOT_OF_ALL),
    _difference("unsupported", r"coverage\.filesystem_used_bytes(\[0\])?", _none_of_them),
    _difference("age", "age", _within(0, 30)),
    _difference("age", "time", lambda found: found.one[:18] == found.other[:18]),
    _difference("no-io", r"usage\.disk_\w+", lambda found: found.one == 0 and found.other is None),
    _difference("no-io", r"missing\.disk_\w+", lambda found: found.other == "not_reported"),
    _difference(
        "no-io", r"(series|stats)\.disk_\w+(\[\d+\]|\.\w+)", lambda found: found.one == 0 and found.other is None
    ),
    _difference("no-io", r"coverage\.disk_\w+(\[0\])?", _some_of_them),
    _difference("last-minute", rf"usage\.({_RATES})", _within(0.7, 0.002)),
    _difference("last-minute", r"utilization\.cpu_of_\w+", _within(0.7)),
    _difference("readings", rf"(usage|series|stats)\.({_LEVELS})(\.\w+|\[\d+\])?", _within(0.25)),
    _difference("readings", r"utilization\.memory_of_\w+", _within(0.25)),
    _difference("readings", r"values\[\d+\]", _within(0.25), "memory_"),
    _difference("readings", rf"series\.({_RATES})\[\d+\]", _within(0.4, 1.0)),
    _difference("readings", rf"stats\.({_RATES})\.avg", _within(0.35, 1.0)),
    _difference("readings", rf"stats\.({_RATES})\.(min|max|p50|p95|last)", _within(0.8, 25.0)),
    _difference("readings", r"values\[\d+\]", _within(0.35, 0.01)),
    _difference("readings", r"coverage(\.\w+)?(\[\d+\])?", _nearly_all),
)
# Of these pods alone, and of what sums them: between two starts of its container, with resources of its own, and of a
# CronJob, which live for half a minute.
_TICK: Final = r"items\.shop/tick\S* \."
_CRASHING: Final = r"items\.default(/oomer\S*|/crasher\S*)? \."
_POD_LEVEL: Final = r"(items\.(shop/podlevel|shop|lab-3) \.)?"


def _of(name: str, whose: str, paths: str, admits: Callable[[Found], bool], routes: str = "") -> Difference:
    return Difference(name, re.compile(routes), re.compile(f"{whose}(?:{paths})"), admits)


def _less(found: Found) -> bool:
    return found.other is None or found.other < found.one


ALL: Final = (
    *DIFFERENCES,
    _of("between-starts", _CRASHING, r"(usage|utilization)\.\w+", lambda found: found.one in (None, "absent")),
    _of("between-starts", _CRASHING, r"missing\.\w+", lambda found: found.one in ("not_reported", "no_limit")),
    _of("between-starts", _CRASHING, r"coverage\.\w+", lambda found: found.other == "absent"),
    _of("between-starts", _CRASHING, r"last_oom_kill", lambda found: bool(found.other < found.one)),
    _of("first-minute", _TICK, r"usage\.\w+", lambda found: None in (found.one, found.other) or found.one == 0),
    _of("first-minute", _TICK, r"(missing|utilization)\.\w+", lambda _: True),
    _of("pod-level", _POD_LEVEL, r"(requests|limits)\.\w+", _less, "/(nodes|namespaces|pods|podlevel)"),
    _of("pod-level", _POD_LEVEL, r"utilization\.\w+_of_(request|limit)", lambda _: True, "/(namespaces|pods|podlevel)"),
    _of("pod-level", _POD_LEVEL, r"missing\.[\w.]+", lambda found: found.other in ("no_request", "no_limit")),
    _of("pod-level", _POD_LEVEL, r"coverage\.(requests|limits)\.\w+(\[0\])?", lambda _: True),
)


def by_name(answer: Any) -> Any:
    """A list's ``items`` by what they are called: a path begins with ``items.<namespace>/<name>``, blank and dot."""
    if not isinstance(answer, dict) or "items" not in answer:
        return answer
    items = {f"{'/'.join(filter(None, (item.get('namespace'), item['name'])))} ": item for item in answer["items"]}
    return {**answer, "items": items}


def unexplained(differences: Iterable[Found]) -> list[Found]:
    """Those that nothing here explains."""
    return [one for one in differences if not any(difference.explains(one) for difference in ALL)]
