"""Namespaces and Deployments as the API gives them: recorded totals of pods, each with how many pods stand behind it.

A sum over no pods is 0. A sum over pods is the sum of those that report; where those are fewer than all that should,
the coverage says so; where none does, there is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from facade.entities.facts import Facts, Key, Sources
from facade.entities.missing import (
    HOST_NETWORK,
    NO_LIMIT,
    NO_REQUEST,
    NO_SAMPLES,
    NODE_PODS,
    NOT_COLLECTED,
    NOT_REPORTED,
    NOT_RUNNING,
)
from facade.entities.pods import block
from facade.listing import Place
from promql import names
from promql.catalogue import Signal, Totals, Utilization, record
from promql.queries import ASKED_FOR

Number = int | float
# Whether any node that holds pods of the entity is without a reading of a source: (entity's key, source) → bool.
Silent = Callable[[Key, str], bool]

REPLICA_STATES: Final = ("desired", "ready", "available", "updated")


def namespace_key(labels: Mapping[str, str]) -> Key | None:
    namespace = labels.get("namespace")
    return (labels.get("cluster", ""), namespace) if namespace else None


def deployment_key(labels: Mapping[str, str]) -> Key | None:
    workload, namespace = labels.get("workload"), labels.get("namespace")
    return (labels.get("cluster", ""), namespace, workload) if workload and namespace else None


def total_place(key: Key) -> Place:
    return ("" if len(key) == 2 else key[1]), key[-1], key[0], ""


class TotalsView:
    """Reads the recorded totals of one level."""

    def __init__(self, level: Literal["namespace", "workload"], totals: Totals, signals: Sequence[Signal]) -> None:
        self._level = level
        self._totals = totals
        self._signals = signals

    def entity(self, key: Key, facts: Facts, sources: Sources, silent: Silent, *, with_cluster: bool) -> dict[str, Any]:
        entity = self._identity(key, with_cluster=with_cluster)
        answer = _Answer(self, key, facts, sources, silent)
        entity |= answer.counts()
        entity["usage"] = answer.usage(self._signals)
        asked = answer.asked_for()
        entity["requests"], entity["limits"] = block(asked, "requests"), block(asked, "limits")
        entity["utilization"] = answer.utilization(self._totals.utilizations)
        if answer.coverage:
            entity["coverage"] = answer.coverage
        entity["missing"] = answer.missing
        return entity

    def brief_entity(
        self, key: Key, facts: Facts, sources: Sources, silent: Silent, signals: Sequence[Signal], *, with_cluster: bool
    ) -> dict[str, Any]:
        """What it is called, and those signals with their coverage."""
        answer = _Answer(self, key, facts, sources, silent)
        entity = self._identity(key, with_cluster=with_cluster)
        entity["usage"] = answer.usage(signals)
        if answer.coverage:
            entity["coverage"] = answer.coverage
        entity["missing"] = answer.missing
        return entity

    def signal_value(self, key: Key, facts: Facts, sources: Sources, signal: Signal) -> Number | None:
        """The signal as an answer gives it."""
        return _Answer(self, key, facts, sources, lambda _key, _source: False).usage((signal,))[signal.key]

    def _identity(self, key: Key, *, with_cluster: bool) -> dict[str, Any]:
        entity: dict[str, Any] = {"name": key[-1]}
        if self._level == "workload":
            entity["namespace"] = key[1]
        if with_cluster:
            entity["cluster"] = key[0]
        return entity

    def value(self, facts: Facts, metric: str, what: str) -> Number | None:
        return facts.number(record(self._level, metric, what))

    def expected(self, facts: Facts, metric: str) -> Number | None:
        expected = self._totals.expected_of(metric)
        return self.value(facts, expected, "count") if expected else self.value(facts, self._totals.pods, "count")

    def pods(self, facts: Facts) -> Number | None:
        return self.value(facts, self._totals.pods, "count")

    def running(self, facts: Facts) -> Number | None:
        return self.value(facts, self._totals.running, "count")


class _Answer:
    """One entity on its way to JSON: collects reasons and coverage beside the values."""

    def __init__(self, view: TotalsView, key: Key, facts: Facts, sources: Sources, silent: Silent) -> None:
        self._view = view
        self._key = key
        self._facts = facts
        self._silent = silent
        self._evaluated = sources.evaluated(key[0]) is not None
        # Counts exist only while scope cluster says what there is; then an absent count is 0.
        self._pods_known = sources.counted(key[0])
        self._deployments_known = sources.collected(key[0], "deployments")
        self.missing: dict[str, str] = {}
        self.coverage: dict[str, list[Number]] = {}

    def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = {}
        if self._view._level == "workload":
            counts["replicas"] = {state: self._replicas(state) for state in REPLICA_STATES}
        counts["pods"] = self._known(self._view.pods(self._facts), self._pods_known, "pods")
        if self._view._level == "namespace":
            counts["deployments"] = self._known(
                self._facts.number("deployments"), self._deployments_known, "deployments"
            )
        return counts

    def _replicas(self, state: str) -> Number | None:
        value = self._facts.number(f"{names.WORKLOAD_REPLICAS.name}:{state}")
        if value is None:
            self.missing[f"replicas.{state}"] = NOT_COLLECTED
        return value

    def _known(self, value: Number | None, known: bool, name: str) -> Number | None:
        if not known:
            # A shard of scope cluster may be silent: then what is counted is not all.
            self.missing[name] = NOT_COLLECTED
            return None
        return value or 0

    def usage(self, signals: Sequence[Signal]) -> dict[str, Number | None]:
        return {
            signal.key: self._throttled(signal) if signal.totals == "ratio" else self._sum(signal) for signal in signals
        }

    def _sum(self, signal: Signal) -> Number | None:
        metric = str(signal.pod.gauge)
        total = self._view.value(self._facts, metric, "sum")
        expected = self._view.expected(self._facts, metric)
        if not self._pods_known:
            if total is None:
                self.missing[signal.key] = NOT_COLLECTED if self._evaluated else NO_SAMPLES
            return total
        count = self._view.value(self._facts, metric, "count") or 0
        if expected and count < expected:
            self.coverage[signal.key] = [count, expected]
        if total is not None:
            return total
        reason = self._no_sum(signal, expected)
        if reason is None:
            return 0
        self.missing[signal.key] = reason
        return None

    def _no_sum(self, signal: Signal, expected: Number | None) -> str | None:
        """Why pods have no sum; None where there is no pod that could have one, and their sum is 0."""
        if expected:
            return self._absent(signal.source)
        # Pods that run have traffic, if not one of their own.
        return HOST_NETWORK if signal.network and self._view.running(self._facts) else None

    def _throttled(self, signal: Signal) -> Number | None:
        part, whole = (self._view.value(self._facts, metric, "sum_rate") for metric in signal.pod.counters)
        if part is not None and whole is not None:
            return part / whole if whole else 0
        limits = self._view.value(self._facts, names.POD_CPU_LIMIT_CORES.name, "count")
        self.missing[signal.key] = self._without_pods() or (
            self._absent(signal.source, NOT_REPORTED if limits else NO_LIMIT)
        )
        return None

    def asked_for(self) -> dict[str, Number | None]:
        return {path: self._asked(path, metric) for path, metric in ASKED_FOR.items()}

    def _asked(self, path: str, metric: str) -> Number | None:
        total = self._view.value(self._facts, metric, "sum")
        if not self._pods_known:
            if total is None:
                self.missing[path] = NOT_COLLECTED if self._evaluated else NO_SAMPLES
            return total
        pods = self._view.pods(self._facts) or 0
        count = self._view.value(self._facts, metric, "count") or 0
        if count < pods:
            self.coverage[path] = [count, pods]
        if total is None and pods:
            self.missing[path] = self._absent(NODE_PODS, NO_REQUEST if path.startswith("requests") else NO_LIMIT)
        return 0 if total is None and not pods else total

    def utilization(self, utilizations: Sequence[Utilization]) -> dict[str, float | None]:
        return {ratio.key: self._ratio(ratio) for ratio in utilizations}

    def _ratio(self, ratio: Utilization) -> float | None:
        of = self._view.value(self._facts, ratio.of, ratio.of_what)
        to = self._view.value(self._facts, ratio.to, ratio.to_what)
        if of is not None and to:
            return of / to
        # No pod has both: either none has a request or limit, or those that have one do not report.
        asked = self._view.value(self._facts, ratio.to, "count")
        nothing_asked = NO_REQUEST if ratio.key.endswith("request") else NO_LIMIT
        self.missing[ratio.key] = self._without_pods() or self._absent(
            "resource", NOT_REPORTED if asked else nothing_asked
        )
        return None

    def _without_pods(self) -> str | None:
        if not self._evaluated:
            return NO_SAMPLES
        return NOT_RUNNING if self._pods_known and not self._view.pods(self._facts) else None

    def _absent(self, source: str, otherwise: str = NOT_REPORTED) -> str:
        return NO_SAMPLES if self._silent(self._key, source) else otherwise
