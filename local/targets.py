"""The scrape targets of a Prometheus configuration, with the labels that every series of theirs gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promql.yaml_text import read_yaml


@dataclass(frozen=True, slots=True)
class Target:
    """One exporter. ``labels`` are all of its target labels, ``job`` and ``instance`` among them."""

    labels: Mapping[str, str]

    @property
    def node(self) -> str | None:
        """The node it measures; None for the exporter of scope cluster."""
        return self.labels.get("node")

    @property
    def scope(self) -> str:
        return "cluster" if self.node is None else "node"


def targets_of(prometheus_yaml: str) -> list[Target]:
    """The targets of ``static_configs``, in order. The configuration has no relabelling and no other discovery."""
    found = []
    for job in read_yaml(prometheus_yaml)["scrape_configs"]:
        for group in job.get("static_configs", ()):
            for address in group["targets"]:
                labels = {"job": job["job_name"], "instance": address, **group.get("labels", {})}
                found.append(Target({name: str(value) for name, value in labels.items()}))
    return found
