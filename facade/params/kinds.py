"""Kinds of values that parameters and path segments have: what each admits, in words and as a parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from facade.params.parsing import Kind

Text = TypeVar("Text", bound=str)


def _matching(pattern: str, longest: int) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if len(text) > longest or not compiled.fullmatch(text):
            raise ValueError
        return text

    return parse


_LABEL: Final = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/: namespaces are labels, the rest subdomains.
LABEL_NAME: Final = Kind(
    "a Kubernetes name of at most 63 characters (a-z, 0-9 and -)",
    "kube-system",
    _matching(_LABEL, 63),
    {"type": "string", "pattern": f"^{_LABEL}$", "maxLength": 63},
)
SUBDOMAIN_NAME: Final = Kind(
    "a Kubernetes name of at most 253 characters (a-z, 0-9, - and .)",
    "web-6bcd685db7-4vt8s",
    _matching(_SUBDOMAIN, 253),
    {"type": "string", "pattern": f"^{_SUBDOMAIN}$", "maxLength": 253},
)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


BOOLEAN: Final = Kind("true or false", "true", _boolean, {"type": "boolean"})

_DURATION: Final = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,6})?)(s|m|h|d)?")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(text: str) -> float:
    """Seconds. Also of what is no window, such as -5: its bounds are another question than its form."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError
    return float(match[1]) * _UNIT_SECONDS[match[2] or "s"]


DURATION: Final = Kind(
    "a length of time",
    "3600, 90s, 15m, 6h or 7d",
    _duration,
    {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?[smhd]?$"},
)

_UNIX: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_LAST_INSTANT: Final = 253402300799.0  # 9999-12-31T23:59:59Z
# RFC 3339, section 5.6. A plus sign that was not written as %2B arrives as a space.
_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?)"
    r"([Zz]|[-+ ]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def _instant(text: str) -> float:
    """Unix seconds."""
    if _UNIX.fullmatch(text):
        seconds = float(text)
    elif match := _RFC3339.fullmatch(text):
        offset = "+00:00" if match[5] in "Zz" else match[5].replace(" ", "+")
        try:
            seconds = datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}").astimezone(UTC).timestamp()
        except OverflowError:
            raise ValueError from None
    else:
        raise ValueError
    if not 0 <= seconds <= _LAST_INSTANT:
        raise ValueError
    return seconds


INSTANT: Final = Kind(
    "a time from 1970 on, in Unix seconds or as RFC 3339 has it",
    "1795492800 or 2026-11-24T02:53:31Z",
    _instant,
    {"anyOf": [{"type": "number", "minimum": 0, "maximum": _LAST_INSTANT}, {"type": "string", "format": "date-time"}]},
)


def names_of(known: Sequence[str]) -> Kind[tuple[str, ...]]:
    """A list of some of the ``known`` names, with commas between; its order is kept, repetitions are not."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(text.split(",")))
        if any(name not in known for name in names):
            raise ValueError
        return names

    return Kind(
        f"a list, with commas, of some of {', '.join(known)}",
        ",".join(known[:2]),
        parse,
        {"type": "array", "items": {"type": "string", "enum": list(known)}, "minItems": 1},
    )


def one_of(known: Sequence[Text]) -> Kind[Text]:
    """Exactly one of the ``known`` words."""
    words = {str(word): word for word in known}

    def parse(text: str) -> Text:
        if text not in words:
            raise ValueError
        return words[text]

    return Kind(f"one of {', '.join(known)}", known[-1], parse, {"type": "string", "enum": list(known)})


def count(least: int, most: int) -> Kind[int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return Kind(
        f"a whole number from {least} to {most}", "100", parse, {"type": "integer", "minimum": least, "maximum": most}
    )


@dataclass(frozen=True, slots=True)
class Ordering:
    """What a list is sorted by, and whether from the greatest down."""

    key: str
    descending: bool = False


def ordering(keys: Sequence[str]) -> Kind[Ordering]:
    """One of the ``keys``, with a - before it for the greatest first."""

    def parse(text: str) -> Ordering:
        key = text.removeprefix("-")
        if key not in keys:
            raise ValueError
        return Ordering(key, descending=text.startswith("-"))

    admitted = [form for key in keys for form in (key, f"-{key}")]
    return Kind(
        f"one of {', '.join(keys)}, with - before it for the greatest first", f"-{keys[0]}", parse,
        {"type": "string", "enum": admitted},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload by its name, and by its kind where that was given."""

    name: str
    kind: str | None = None


_WORKLOAD: Final = re.compile(rf"(?:([A-Za-z][A-Za-z0-9]{{0,62}})/)?({_SUBDOMAIN})")


def _workload(text: str) -> Workload:
    match = _WORKLOAD.fullmatch(text)
    if match is None or len(match[2]) > 253:
        raise ValueError
    return Workload(match[2], match[1])


WORKLOAD: Final = Kind(
    "a workload's name, or its kind and name",
    "Deployment/web",
    _workload,
    {"type": "string", "pattern": f"^{_WORKLOAD.pattern}$"},
)
SUBSTRING: Final = Kind(
    "part of a Kubernetes name (a-z, 0-9, - and .)",
    "web-",
    _matching("[-.a-z0-9]+", 253),
    {"type": "string", "pattern": "^[-.a-z0-9]{1,253}$"},
)


def _cluster(text: str) -> str:
    if not text or len(text) > 253 or not text.isprintable():
        raise ValueError
    return text


CLUSTER_NAME: Final = Kind(
    "a cluster's name", "production", _cluster, {"type": "string", "minLength": 1, "maxLength": 253}
)
