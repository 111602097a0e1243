"""One entity over a window: one range query for all its signals, and one for what was known of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from facade.answer import Series
from facade.entities.timeseries import Evidence, column, columns_by_signal, wanted
from facade.lookup.base import NAME_LABEL, Lookup, only_one
from facade.window import TimeWindow
from promql.catalogue import Kind, Signal
from promql.queries import DEPLOYMENT, NAMESPACE_KEYS, WORKLOAD_KEYS
from promql.selectors import Selector, equal
from promql.timeseries import COVERAGE


class Timeseries:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        queries = lookup.series_queries
        self._render: dict[Kind, Callable[[Selector, Sequence[Signal], float], str]] = {
            "pod": queries.pods,
            "node": queries.nodes,
            "namespace": queries.namespaces,
            "deployment": queries.deployments,
        }

    def one(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        cluster: str | None,
        metrics: Sequence[str] | None,
        window: TimeWindow,
    ) -> dict[str, Any]:
        """The entity's columns. ``metrics`` are keys of ``usage``; None is all that the kind has."""
        signals = self._lookup.catalogue.of_kind(kind)
        asked = None if metrics is None else [self._lookup.catalogue.signals[key] for key in metrics]
        selector = equal(**{"cluster": cluster, "namespace": namespace, NAME_LABEL[kind]: name})
        query = self._render[kind](selector, signals if asked is None else asked, window.step)
        rows = self._lookup.client.range(query, window.start + window.step, window.end, window.step)
        evidence = self._evidence(kind, selector, window)
        self._check(kind, name, namespace, selector, rows, evidence, window)
        columns = columns_by_signal(rows, window)
        answer = self._frame(kind, name, evidence, window)
        chosen = wanted(signals, asked, columns)
        answer["series"] = {signal.key: columns.get(signal.key) or column((), window) for signal in chosen}
        if kind in ("namespace", "deployment"):
            answer["coverage"] = columns.get(COVERAGE) or column((), window)
        empty = [signal for signal in chosen if all(value is None for value in answer["series"][signal.key])]
        answer["missing"] = self._reasons(kind, empty, selector, evidence, window)
        return answer

    def _evidence(self, kind: Kind, selector: Selector, window: TimeWindow) -> Evidence:
        pinned = (*selector, DEPLOYMENT) if kind == "deployment" else selector
        query = self._lookup.series_queries.evidence(kind, pinned, window.window)
        return Evidence.of(self._lookup.client.instant(query, window.end))

    def _check(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        selector: Selector,
        rows: Sequence[Series],
        evidence: Evidence,
        window: TimeWindow,
    ) -> None:
        """The name must be of one thing that was there within the window."""
        places = {
            (row.labels.get("cluster", ""), row.labels.get("namespace", ""))
            for row in rows
            if NAME_LABEL[kind] in row.labels
        }
        places |= evidence.places
        if kind in ("node", "namespace"):
            places = {(cluster, "") for cluster, _ in places}
        if not places:
            pinned = (*selector, DEPLOYMENT) if kind == "deployment" else selector
            raise self._lookup.not_found(kind, name, pinned, int(window.end), namespace)
        only_one(kind, name, places)
        evidence.places = places

    def _frame(self, kind: Kind, name: str, evidence: Evidence, window: TimeWindow) -> dict[str, Any]:
        cluster, namespace = next(iter(evidence.places))
        frame: dict[str, Any] = {"name": name}
        if kind in ("pod", "deployment"):
            frame["namespace"] = namespace
        if len(evidence.clusters()) > 1:
            frame["cluster"] = cluster
        return frame | {
            "window": window.window,
            "start": window.start,
            "end": window.end,
            "step": window.step,
            "timestamps": window.timestamps(),
        }

    def _reasons(
        self, kind: Kind, empty: Sequence[Signal], selector: Selector, evidence: Evidence, window: TimeWindow
    ) -> dict[str, str]:
        if not empty:
            return {}
        if kind == "pod":
            return {signal.key: evidence.pod_reason(signal) for signal in empty}
        if kind == "node":
            return {signal.key: evidence.node_reason(signal) for signal in empty}
        keys, pods = (NAMESPACE_KEYS, selector) if kind == "namespace" else (WORKLOAD_KEYS, (*selector, DEPLOYMENT))
        for row in self._lookup.client.instant(self._lookup.queries.homes(pods, keys), window.end):
            evidence.nodes.add((row.labels.get("cluster", ""), row.labels["node"]))
        level = "namespace" if kind == "namespace" else "workload"
        return {signal.key: evidence.total_reason(signal, level) for signal in empty}
