"""A dialect as data: what each of our metrics is made of in another's series (``<name>.yaml``), checked when loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from promql import names
from promql.catalogue import CatalogueError
from promql.windows import Windows
from promql.yaml_text import read_yaml

_PIECE: Final = re.compile(r"%(\w+)%")
_PREFIXES: Final = {"pods": f"{names.PREFIX}pod_", "nodes": f"{names.PREFIX}node_", "others": ""}


@dataclass(frozen=True, slots=True)
class Expression:
    """What a metric is; of a pod's, before it is said who the pod is. Matchers of the labels in ``after`` are not
    pushed down.
    """

    text: str
    of_pod: bool
    after: frozenset[str]


@dataclass(frozen=True, slots=True)
class DialectData:
    """``metrics`` has every metric of ours, None for one that the dialect does not have. ``full`` and ``light`` say who
    pods are, with their workload and without. ``carries`` says which of our labels a series of theirs has, and by what
    name. What is ``told_again`` need not be looked for in the past; of ``presence`` the past is one of their series,
    None for none.
    """

    metrics: Mapping[str, Expression | None]
    full: str
    light: str
    carries: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...]
    told_again: frozenset[str]
    presence: Mapping[str, str | None]

    @classmethod
    def load(cls, name: str, windows: Windows) -> DialectData:
        """Read and check ``<name>.yaml``; CatalogueError says what is wrong with it."""
        text = (files(__package__ or "promql.dialects") / f"{name}.yaml").read_text("utf-8")
        data: dict[str, Any] = read_yaml(text)
        rates = {source: windows.rate(source) for source in ("resource", "detail")}
        pieces = {**data["pieces"], **rates, "stale": windows.stale()}
        metrics: dict[str, Expression | None] = dict.fromkeys(names.METRICS)
        for kind, prefix in _PREFIXES.items():
            for key, expr in data[kind].items():
                metric = f"{prefix}{key}"
                if metric not in metrics:
                    raise CatalogueError(f"dialect {name}: {metric} is no metric of ours")
                if expr is not None:
                    after = frozenset(data["after"].get(metric, ()))
                    metrics[metric] = Expression(_filled(expr, pieces), kind == "pods", after)
        carries = tuple((re.compile(pattern), labels) for pattern, labels in data["carries"].items())
        full, light = (_filled(f"%{identity}%", pieces) for identity in ("full", "light"))
        return cls(metrics, full, light, carries, frozenset(data["told_again"]), data["presence"])

    def carried(self, metric: str) -> Mapping[str, str]:
        """Their labels by ours, of a series of theirs; none of what is no series of theirs."""
        return next((labels for pattern, labels in self.carries if pattern.fullmatch(metric)), {})


def _filled(expr: str, pieces: Mapping[str, str]) -> str:
    """``expr`` on one line, its pieces put in."""

    def piece(match: re.Match[str]) -> str:
        if match[1] not in pieces:
            raise CatalogueError(f"dialect: there is no piece {match[1]}")
        return _filled(pieces[match[1]], pieces)

    return " ".join(_PIECE.sub(piece, expr).split())
