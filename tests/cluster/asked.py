"""Rights, one by one, and what an exporter says when one is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Rule = dict[str, list[str]]

_SAMPLE: Final = re.compile(r"^cloudmon_(source_up|source_errors_total)\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Right:
    group: str
    resource: str
    verb: str

    def rule(self) -> Rule:
        return {"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb]}

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def rights(rules: Iterable[Mapping[str, Any]]) -> list[Right]:
    """What a role's rules allow, each once."""
    return list(
        dict.fromkeys(
            Right(group, resource, verb)
            for rule in rules
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        )
    )


def each_removed(rules: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Right, list[Rule]]]:
    """Each right, and rules that allow all the others."""
    every = rights(rules)
    for removed in every:
        yield removed, [right.rule() for right in every if right != removed]


@dataclass(frozen=True, slots=True)
class Sources:
    """Of an exporter's ``/metrics``: which sources it has, which are down, and which were refused a right."""

    up: frozenset[str]
    down: frozenset[str]
    refused: frozenset[str]


def sources(metrics: str) -> Sources:
    """Reads the exposition that ``/metrics`` is."""
    up: set[str] = set()
    down: set[str] = set()
    refused: set[str] = set()
    for name, labels, value in _SAMPLE.findall(metrics):
        label = dict(_LABEL.findall(labels))
        if name == "source_up":
            (up if float(value) else down).add(label["source"])
        elif label["reason"] == "http_403" and float(value):
            refused.add(label["source"])
    return Sources(frozenset(up), frozenset(down), frozenset(refused))
