"""Who may ask a replayed cluster, and for what: the service accounts of the exporter's two scopes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Scope = Literal["node", "cluster"]

_USER_PREFIX: Final = "system:serviceaccount:cloud-monitoring:"
_WORKLOADS: Final = ("deployments", "statefulsets", "daemonsets")


class Right(NamedTuple):
    """One thing that may be done: a resource has its subresource behind a slash, ``namespace`` is None for all."""

    group: str
    resource: str
    verb: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and all its rights."""

    user: str
    rights: frozenset[Right] = field(default_factory=frozenset)

    def may(self, verb: str, group: str, resource: str, namespace: str | None = None) -> bool:
        """Whether a request is allowed. ``namespace`` is that of the request, None for one of the whole cluster."""
        asked = Right(group, resource, verb)
        return asked in self.rights or (namespace is not None and asked._replace(namespace=namespace) in self.rights)


def _followed(group: str, resources: Iterable[str]) -> set[Right]:
    return {Right(group, resource, verb) for resource in resources for verb in ("list", "watch")}


IDENTITIES: Final[dict[Scope, Identity]] = {
    "node": Identity(
        _USER_PREFIX + "exporter-node",
        frozenset({Right("", "nodes/stats", "get"), Right("", "nodes/metrics", "get"), *_followed("", ("pods",))}),
    ),
    "cluster": Identity(
        _USER_PREFIX + "exporter-cluster",
        frozenset({*_followed("", ("pods", "nodes", "namespaces")), *_followed("apps", _WORKLOADS)}),
    ),
}
