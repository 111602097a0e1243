"""Queries that find a page of pods before anything else of them is asked (decision 7).

A pod is its cluster and uid; which namespace and name it has comes with it, since ties go by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from promql import names
from promql.catalogue import Signal
from promql.queries import Queries, aggregate, named, union
from promql.selectors import Selector, equal, one_of, select

ORDER_KEYS: Final = ("cluster", "node", "namespace", "pod", "uid")
_NAME: Final = ("cluster", "namespace", "pod")
_POD: Final = (*_NAME, "uid")
_UID: Final = ("cluster", "uid")
# Either says that a pod is there.
_PRESENT: Final = (names.POD_INFO.name, names.POD_READY.name)
# The label of ``name_counts``.
SHARING: Final = "sharing"
# Labels of which a pod's namesake may have another value: a pod that is made again may be on another node.
_OWN: Final = ("node", "workload", "workload_kind", "uid")


def matching(values: Sequence[str], label: str, most: int) -> Selector:
    """A matcher for ``values`` that came from the store, unless they are more than ``most``: then all are asked."""
    return (one_of(label, values),) if len(values) <= most else ()


def whole_names(selector: Selector) -> Selector:
    """``selector`` without what could let through one pod of a name and not another."""
    return tuple(matcher for matcher in selector if matcher.label not in _OWN)


class PageQueries:
    """The queries for pages of pods."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def top(self, selector: Selector, signal: Signal, count: int, *, descending: bool) -> str:
        """The ``count`` pods with the greatest or least value of a signal that has a gauge, with all their labels.

        Where the last value repeats, which of those pods are among them is arbitrary; and a pod is there twice where
        two exporters give it.
        """
        return f"{'topk' if descending else 'bottomk'}({count}, {select(str(signal.pod.gauge), selector)})"

    def name_counts(self, selector: Selector) -> str:
        """How many names there are, by how many pods share one: a row for each such number, which is its label."""
        pods = aggregate("group", _POD, select(_PRESENT, selector))
        return f'count_values("{SHARING}", {aggregate("count", _NAME, pods)})'

    def order(self, selector: Selector, key: Signal | str | None, phase: str | None) -> list[str]:
        """What sorts and filters all pods: who they are, as rows of ``ORDER_KEYS``, and that scope cluster speaks; then
        those in the phase, if one is asked for; then what they are sorted by, a signal, ``restarts`` or ``started``.
        """
        queries = self._queries
        who = named(aggregate("group", ORDER_KEYS, select(_PRESENT, selector)), names.POD_INFO.name)
        asked = [union([who, queries.evaluations(), queries.sources()])]
        if phase is not None:
            phases = select(names.POD_PHASE.name, (*selector, *equal(phase=phase)))
            asked.append(aggregate("max", ("__name__", *_UID, "phase"), phases))
        if isinstance(key, Signal):
            asked.append(self._signal(key, selector))
        elif key == "restarts":
            asked.append(queries.restarts(_UID, selector))
        elif key == "started":
            asked.append(aggregate("max", ("__name__", *_UID), select(names.POD_START_TIME_SECONDS.name, selector)))
        return asked

    def present(self, selector: Selector) -> str:
        """Which pods are there: rows of cluster and uid."""
        return aggregate("group", _UID, select(_PRESENT, selector))

    def namesakes(self, selector: Selector, pods: Iterable[str], most: int) -> str:
        """When the pods by these names came, those that ``selector`` would keep apart from a namesake too: rows of
        cluster, namespace, pod and uid.
        """
        facts = (*_PRESENT, names.POD_CREATED_TIMESTAMP_SECONDS.name, names.POD_START_TIME_SECONDS.name)
        chosen = (*whole_names(selector), *matching(sorted(set(pods)), "pod", most))
        return aggregate("max", ("__name__", *_POD), select(facts, chosen))

    def _signal(self, signal: Signal, selector: Selector) -> str:
        if signal.pod.gauge:
            return aggregate("max", ("__name__", *_UID), select(signal.pod.gauge, selector))
        return named(self._queries.computed(signal.pod, signal.source, _UID, selector), signal.key)


def narrowed(selector: Selector) -> bool:
    """Whether ``selector`` may let through one pod of a name and not another."""
    return any(matcher.label in _OWN for matcher in selector)
