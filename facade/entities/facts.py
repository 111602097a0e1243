"""Rows of an answer, gathered by entity.

A row's fact is named by its ``signal`` label where it has one, else by its metric name (see ``promql.queries``). Rows
of ``source_sample_age_seconds`` and of the chain's evaluations belong to no entity: they say how far the store can be
trusted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from facade.answer import Sample
from promql import names
from promql.catalogue import Totals
from promql.queries import SIGNAL

Key = tuple[str, ...]
# Below this, every whole number is a float of its own.
_WHOLE: Final = 2.0**53


@dataclass(slots=True)
class Facts:
    """What is known of one entity: ``labels`` of any of its rows, and the value of each fact.

    ``texts`` holds facts whose value is a label (the phase, whether a pod is on the host's network).
    """

    labels: dict[str, str] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def number(self, fact: str | None) -> int | float | None:
        """A fact as a JSON number, whole where it is whole; None where it is absent or not finite."""
        return number(self.values.get(fact)) if fact is not None else None


@dataclass(slots=True)
class Sources:
    """Whose readings are being served: ages in seconds by (cluster, node) and source; ``""`` is scope cluster's
    node.

    ``evaluations`` and ``collections`` are Unix seconds by cluster: when the totals were recorded, and the same where
    it was known then which pods there are.
    """

    ages: dict[tuple[str, str], dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    evaluations: dict[str, float] = field(default_factory=dict)
    collections: dict[str, float] = field(default_factory=dict)

    def age(self, cluster: str, node: str, source: str) -> float | None:
        """The age of the node's reading of ``source``; None while there is none."""
        return self.ages.get((cluster, node), {}).get(source)

    def collected(self, cluster: str, kind: str) -> bool:
        """Whether scope cluster's view of ``kind`` (``pods``, ``nodes``, …) is being served."""
        return self.age(cluster, "", kind) is not None

    def clusters(self) -> set[str]:
        return {cluster for cluster, _ in self.ages} | set(self.evaluations)

    def evaluated(self, cluster: str) -> float | None:
        """When the recorded totals of the cluster were evaluated, Unix seconds; None while the chain is silent."""
        return self.evaluations.get(cluster)

    def counted(self, cluster: str) -> bool:
        """Whether the recorded totals of the cluster are of all its pods: then one that is not there is of none."""
        return cluster in self.collections


@dataclass(slots=True)
class Gathered:
    """What rows are filed into; ``totals`` names those that tell of the chain."""

    totals: Totals
    entities: dict[Key, Facts] = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)

    def add(self, rows: Iterable[Sample], key: Callable[[Mapping[str, str]], Key | None]) -> None:
        """File each row under ``key(labels)``; a row without a key is left out."""
        chain = {self.totals.evaluation: self.sources.evaluations, self.totals.collection: self.sources.collections}
        age, entities = names.SOURCE_SAMPLE_AGE_SECONDS.name, self.entities
        for row in rows:
            labels = row.labels
            fact = labels.get(SIGNAL) or labels.get("__name__", "")
            if fact == age:
                node = (labels.get("cluster", ""), labels.get("node", ""))
                self.sources.ages[node][labels.get("source", "")] = row.value
            elif fact in chain:
                chain[fact][labels.get("cluster", "")] = row.value
            elif (entity := key(labels)) is not None:
                # Most rows of long lists say no more than which fact of which entity: a name, and what the key is of.
                facts = entities.get(entity)
                if facts is not None and len(labels) == len(entity) + ("cluster" in labels):
                    facts.values[fact] = row.value
                else:
                    self._file(entity, fact, labels, row.value)

    def _file(self, entity: Key, fact: str, labels: Mapping[str, str], value: float) -> None:
        facts = self.entities.setdefault(entity, Facts())
        for label, text in labels.items():
            if label not in ("__name__", SIGNAL, "phase", "host_network", "state"):
                facts.labels.setdefault(label, text)
        if (state := labels.get("state")) is not None:
            fact = f"{fact}:{state}"
        facts.values[fact] = value
        for text in ("phase", "host_network"):
            if text in labels:
                facts.texts[text] = labels[text]


def number(value: float | None) -> int | float | None:
    """A JSON number: whole numbers as integers; None for what JSON has no number for."""
    if value is None or value - value != 0:  # neither infinity nor NaN is itself less itself
        return None
    return int(value) if -_WHOLE < value < _WHOLE and value == int(value) else value
