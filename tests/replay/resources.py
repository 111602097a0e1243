"""The API server's resources: their paths, their field selectors, and the Status objects that refuse a request.

Formats: https://kubernetes.io/docs/reference/using-api/api-concepts/ and
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.replay.identity import Identity
from tests.replay.recording import JsonObject

_PATH: Final = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>.+))?)?/?"
)
_REQUIREMENT: Final = re.compile(r"([A-Za-z.]+)(==|=|!=)(.*)")


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind that the replayed API server has. ``fields`` are those that a field selector may name."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    fields: tuple[str, ...] = ("metadata.name", "metadata.namespace")

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name by which rights are given: ``pods``, ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_POD_FIELDS: Final = ("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase")
RESOURCES: Final = {
    resource.qualified: resource
    for resource in (
        Resource("", "v1", "pods", "Pod", True, _POD_FIELDS),
        Resource("", "v1", "nodes", "Node", False, ("metadata.name",)),
        Resource("", "v1", "namespaces", "Namespace", False, ("metadata.name",)),
        Resource("apps", "v1", "deployments", "Deployment", True),
        Resource("apps", "v1", "statefulsets", "StatefulSet", True),
        Resource("apps", "v1", "daemonsets", "DaemonSet", True),
    )
}


class StatusError(Exception):
    """A refusal; ``status`` is the Kubernetes Status object that is its answer."""

    def __init__(self, code: int, reason: str, message: str, details: JsonObject | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details or {},
            "code": code,
        }


def too_old(resource_version: int, oldest: int) -> StatusError:
    """What a watch from a forgotten resourceVersion is told."""
    return StatusError(410, "Expired", f"too old resource version: {resource_version} ({oldest})")


@dataclass(frozen=True, slots=True)
class Target:
    """What a path asks for: a list or watch of ``resource``, in one namespace or in all."""

    resource: Resource
    namespace: str | None


def authorise(method: str, path: str, verb: str, identity: Identity) -> Target:
    """The target of a path, if ``identity`` may ``verb`` it. Raises ``StatusError`` 403, 404 otherwise."""
    match = _PATH.fullmatch(path)
    if match is None:
        message = f'forbidden: User "{identity.user}" cannot {method.lower()} path "{path}"'
        raise StatusError(403, "Forbidden", message)
    group, plural, namespace = match["group"] or "", match["plural"], match["namespace"]
    qualified = f"{plural}.{group}" if group else plural
    if method != "GET":
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())
    elif match["name"]:
        verb = "get"
    what = plural + (f"/{match['subresource']}" if match["subresource"] else "")
    if not identity.may(verb, group, what, namespace):
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        message = (
            f'{qualified} is forbidden: User "{identity.user}" cannot {verb} resource "{what}" '
            f'in API group "{group}" {where}'
        )
        raise StatusError(403, "Forbidden", message, {"group": group, "kind": plural})
    resource = RESOURCES.get(qualified)
    served = resource is not None and (match["version"] or match["core"]) == resource.version
    # No more than lists and watches are replayed.
    served = served and not match["name"] and method == "GET"
    if resource is None or not served or (namespace and not resource.namespaced):
        raise StatusError(404, "NotFound", "the server could not find the requested resource")
    return Target(resource, namespace)


def field_filter(target: Target, selector: str) -> Callable[[JsonObject], bool]:
    """Whether an object is in the target's namespace and matches its field selector. Raises ``StatusError`` 400."""
    requirements: list[tuple[str, bool, str]] = []
    for part in filter(None, selector.split(",")):
        match = _REQUIREMENT.fullmatch(part)
        if match is None:
            raise StatusError(400, "BadRequest", f"invalid selector: '{selector}'; can't understand '{part}'")
        if match[1] not in target.resource.fields:
            raise StatusError(400, "BadRequest", f"field label not supported: {match[1]}")
        requirements.append((match[1], match[2] != "!=", match[3]))
    if target.namespace is not None:
        requirements.append(("metadata.namespace", True, target.namespace))
    return lambda item: all((_field(item, name) == value) == equal for name, equal, value in requirements)


def _field(item: JsonObject, path: str) -> str:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)
