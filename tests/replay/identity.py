"""Who may ask a replayed cluster, and for what: the service accounts of the exporter's two scopes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Scope = Literal["node", "cluster"]

_USER_PREFIX: Final = "system:serviceaccount:cloud-monitoring:"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and its rights: ``get`` on the kubelet's resources, ``list`` and ``watch`` on the API server's."""

    user: str
    kubelet_resources: frozenset[str] = field(default_factory=frozenset)
    api_resources: frozenset[str] = field(default_factory=frozenset)


IDENTITIES: Final[dict[Scope, Identity]] = {
    "node": Identity(
        user=_USER_PREFIX + "exporter-node",
        kubelet_resources=frozenset({"nodes/stats", "nodes/metrics"}),
        api_resources=frozenset({"pods"}),
    ),
    "cluster": Identity(
        user=_USER_PREFIX + "exporter-cluster",
        api_resources=frozenset(
            {"pods", "nodes", "namespaces", "deployments.apps", "statefulsets.apps", "daemonsets.apps"}
        ),
    ),
}
