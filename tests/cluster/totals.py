"""Totals of namespaces as the API gave them one after another, and whether any moved that should have stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# What does not change while no pod comes or goes; memory does, of itself.
STANDING: Final = ("pods", "requests.cpu_cores", "requests.memory_bytes", "limits.cpu_cores", "limits.memory_bytes")
MEMORY: Final = "usage.memory_working_set_bytes"
_MOST_MEMORY_RATIO: Final = 1.5
_MEMORY_SLACK_BYTES: Final = 32 * 1024**2
_ALL: Final = 1.0


@dataclass(frozen=True, slots=True)
class Total:
    """``value`` is None with a ``reason``. ``covered`` is the share of the pods that it speaks of."""

    value: float | None
    reason: str | None = None
    covered: float = _ALL


# By namespace and key; of one evaluation, whose time is the answer's.
Totals = Mapping[tuple[str, str], Total]


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: the evaluation it is of, and when it came (seconds of a monotonic clock)."""

    time: str
    at: float
    totals: Totals


@dataclass(frozen=True, slots=True)
class Judged:
    """``partial`` are the answers in which a total was null or covered less than before, and said so."""

    problems: Sequence[str]
    partial: Sequence[Seen]


def totals_of(answer: Mapping[str, Any]) -> Totals:
    """The totals of an answer of ``/api/namespaces``."""
    found: dict[tuple[str, str], Total] = {}
    for item in answer["items"]:
        for key in (*STANDING, MEMORY):
            group, _, name = key.rpartition(".")
            value = item[group][name] if group else item[name]
            # Reasons and coverage stand under the signal's own name, of requests and limits under both.
            said = name if group == "usage" else key
            covered, wanted = item.get("coverage", {}).get(said, (1, 1))
            reason = item["missing"].get(said)
            found[item["name"], key] = Total(value, reason, covered / wanted if wanted else _ALL)
    return found


def standing(totals: Totals) -> dict[tuple[str, str], Total]:
    """Those that do not change of themselves."""
    return {place: total for place, total in totals.items() if place[1] in STANDING}


def settled(seen: Sequence[Seen], evaluations: int) -> bool:
    """Whether the last evaluations gave the same in everything that stands."""
    latest = {one.time: one for one in seen}
    last = list(latest.values())[-evaluations:]
    return len(last) == evaluations and all(standing(one.totals) == standing(last[0].totals) for one in last)


def judge(
    before: Sequence[Seen],
    during: Sequence[Seen],
    *,
    gap_expected: bool,
    changing: frozenset[str] = frozenset(),
    shrinking: frozenset[str] = frozenset(),
) -> Judged:
    """``before`` is settled. In ``changing`` namespaces pods come and go, so that only null without a reason counts;
    in ``shrinking`` ones a pod is away for a while: there a total may be less than before, and never more.

    A total may be null or cover less only if a gap is expected, and must say so; one that covers what it did before
    must be what it was before, and of memory in the range that it had, or near it.
    """
    problems: list[str] = []
    partial: list[Seen] = []
    base = before[-1].totals
    for one in during:
        missing = sorted({place[0] for place in base} - {place[0] for place in one.totals} - changing)
        problems += [f"{one.time}: {name} is not in the list" for name in missing]
        lesser = {place for place in base if place in one.totals and _is_partial(base[place], one.totals[place])}
        silent = [place for place in lesser if one.totals[place].value is None and not one.totals[place].reason]
        problems += [f"{one.time}: {key} of {name} is null without a reason" for name, key in sorted(silent)]
        told = sorted(place for place in lesser if place[0] not in changing)
        if told:
            partial.append(one)
        if not gap_expected:
            problems += [f"{one.time}: {key} of {name} is {_words(one.totals[name, key])}" for name, key in told]
        whole = {place for place in base if place in one.totals and place[0] not in changing} - lesser
        problems += [
            f"{one.time}: {key} of {name} moved from {_words(base[name, key])} to {_words(one.totals[name, key])}"
            for name, key in sorted(whole)
            if _moved([earlier.totals[name, key] for earlier in before], one.totals[name, key], key, name in shrinking)
        ]
    return Judged(problems, partial)


def seconds_of(partial: Sequence[Seen], all_seen: Sequence[Seen]) -> float:
    """From the first partial answer to the first whole one after the last."""
    if not partial:
        return 0.0
    after = [one.at for one in all_seen if one.at > partial[-1].at]
    return (after[0] if after else partial[-1].at) - partial[0].at


def _is_partial(base: Total, now: Total) -> bool:
    return now.covered < base.covered or (now.value is None and base.value is not None)


def _moved(before: Sequence[Total], now: Total, key: str, may_shrink: bool) -> bool:
    values = [total.value for total in before if total.value is not None]
    if now.value is None or not values:
        return now.value is not None or bool(values)
    lowest, highest = (values[-1], values[-1]) if key in STANDING else _range(values)
    return now.value > highest or (now.value < lowest and not may_shrink)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """What memory may be that had these values."""
    return min(values) / _MOST_MEMORY_RATIO - _MEMORY_SLACK_BYTES, max(
        values
    ) * _MOST_MEMORY_RATIO + _MEMORY_SLACK_BYTES


def _words(total: Total) -> str:
    value = f"null ({total.reason})" if total.value is None else f"{total.value:.12g}"
    return value if total.covered == _ALL else f"{value} of {total.covered:.0%} of the pods"
