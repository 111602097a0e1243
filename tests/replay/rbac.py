"""What RBAC objects let a service account do: the rights of an identity, from the objects as they would be applied.

Rules are as in https://kubernetes.io/docs/reference/access-authn-authz/rbac/: a RoleBinding grants within its
namespace, a ClusterRoleBinding everywhere, and whatever no rule names is denied. What this does not model (wildcards,
rules for single names, URLs that are no resources, aggregation, groups) is refused, so that it is never granted or
overlooked by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tests.replay.identity import Identity, Right

Object = Mapping[str, Any]

_BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
_MODELLED: Final = {"apiGroups", "resources", "verbs"}


class NotModelled(ValueError):
    """The objects use a part of RBAC that is not modelled here."""


def identity_of(objects: Iterable[Object], namespace: str, account: str) -> Identity:
    """The service account with every right that the objects give it. Raises ``NotModelled``."""
    found = list(objects)
    rights = {right for binding in found for right in _granted(binding, found, namespace, account)}
    return Identity(f"system:serviceaccount:{namespace}:{account}", frozenset(rights))


def _granted(binding: Object, objects: Iterable[Object], namespace: str, account: str) -> Iterator[Right]:
    if binding["kind"] not in _BINDINGS:
        return
    for subject in binding.get("subjects") or ():
        if subject["kind"] != "ServiceAccount":
            raise NotModelled(f"a subject of kind {subject['kind']}")
        if (subject["namespace"], subject["name"]) == (namespace, account):
            within = binding["metadata"]["namespace"] if binding["kind"] == "RoleBinding" else None
            yield from _rights(_role(binding, objects), within)


def _role(binding: Object, objects: Iterable[Object]) -> Object:
    """The role that a binding refers to: a Role is looked for in the binding's own namespace."""
    reference = binding["roleRef"]
    within = binding["metadata"].get("namespace") if reference["kind"] == "Role" else None
    wanted = (reference["kind"], reference["name"], within)
    for item in objects:
        metadata = item["metadata"]
        if (item["kind"], metadata["name"], metadata.get("namespace")) == wanted:
            return item
    raise NotModelled(f"a binding to {reference['kind']} {reference['name']}, which is not among the objects")


def _rights(role: Object, namespace: str | None) -> Iterator[Right]:
    if "aggregationRule" in role:
        raise NotModelled("an aggregated role")
    for rule in role["rules"]:
        if set(rule) != _MODELLED or any("*" in value for values in rule.values() for value in values):
            raise NotModelled(f"the rule {dict(rule)}")
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(group, resource, verb, namespace)
