"""A pod's requests and limits: the scheduler's sum, with what is in force after a resize in place.

The request follows ``PodRequests`` of https://github.com/kubernetes/component-helpers (resource/helpers.go), KEP-753
(native sidecars), KEP-1287 (resize in place) and KEP-2837 (pod-level resources). Two things differ on purpose: a
container's request in force is its status's ``allocatedResources`` (its ``resources.requests`` is read back from the
cgroup and wrong), and a limit exists only where every container has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from exporter.cluster.nodes import condition
from exporter.cluster.quantity import as_float, quantity
from exporter.model import Container, Resources

_NAMES: Final = ("cpu", "memory")

# Amounts by resource name; a resource of which there is none is absent, and so is an amount of 0, which to Kubernetes
# is the same: it reserves nothing, and limits nothing. Sums are exact: 0.1 and 0.2 cores are 0.3.
Amounts = dict[str, Decimal]

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class PodResources:
    requests: Resources
    limits: Resources
    # The pod's containers and native sidecars, in the order of their start.
    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A container's amounts in force; a sidecar is an init container that stays (restartPolicy Always)."""

    name: str
    requests: Amounts
    limits: Amounts
    sidecar: bool = False

    def record(self) -> Container:
        return Container(self.name, _record(self.requests), _record(self.limits))


def pod_resources(item: Mapping[str, Any]) -> PodResources:
    """Requests and limits in force of a pod as the API server gives it. Raises DecodeError on a bad quantity."""
    spec, status = item["spec"], item.get("status") or {}
    init = _parts(spec.get("initContainers"), status, "initContainerStatuses", spec)
    containers = _parts(spec.get("containers"), status, "containerStatuses", spec)
    staying = [part for part in init if part.sidecar] + containers
    overhead = _amounts(spec.get("overhead"))

    requests = _largest(_sum(part.requests for part in staying), _largest_init_step(init))
    requests |= _pod_level(spec, status, "requests")
    limits = _common([part.limits for part in staying])
    limits |= _pod_level(spec, status, "limits")
    return PodResources(
        requests=_record(_sum((requests, overhead))),
        # The pod's cgroup has room for the overhead beside the containers' limits, if it is limited at all.
        limits=_record({name: amount + overhead.get(name, _ZERO) for name, amount in limits.items()}),
        containers=tuple(part.record() for part in staying),
    )


def _largest_init_step(init: Sequence[_Part]) -> Amounts:
    """Init containers run one after another, each beside the sidecars that were started before it."""
    largest: Amounts = {}
    sidecars: Amounts = {}
    for part in init:
        step = _sum((sidecars, part.requests))
        if part.sidecar:
            sidecars = step
        largest = _largest(largest, step)
    return largest


def _parts(
    containers: Iterable[Mapping[str, Any]] | None, status: Mapping[str, Any], statuses: str, spec: Mapping[str, Any]
) -> list[_Part]:
    by_name = {found["name"]: found for found in status.get(statuses) or ()}
    pod_limits = (spec.get("resources") or {}).get("limits") or {}
    return [_part(container, by_name.get(container["name"], {}), status, pod_limits) for container in containers or ()]


def _part(
    container: Mapping[str, Any], found: Mapping[str, Any], status: Mapping[str, Any], pod_limits: Mapping[str, Any]
) -> _Part:
    wished = container.get("resources") or {}
    resizing = _resizing(status)
    own_limits = _amounts(wished.get("limits"))
    limits = _in_force(own_limits, found.get("resources"), "limits", resizing)
    # Under a limit of the pod, the status of a container without one of its own shows the pod's.
    limits = {name: amount for name, amount in limits.items() if name in own_limits or name not in pod_limits}
    allocated = {"requests": found["allocatedResources"]} if found.get("allocatedResources") is not None else None
    return _Part(
        name=container["name"],
        requests=_in_force(_amounts(wished.get("requests")), allocated, "requests", resizing),
        limits=limits,
        sidecar=container.get("restartPolicy") == "Always",
    )


def _in_force(wished: Amounts, status: Mapping[str, Any] | None, which: str, resizing: bool) -> Amounts:
    """What the status gives, and for what it is silent about the spec, which is the wish.

    While a resize is on its way or put off, the status is all that is in force: what it lacks is only wished for.
    """
    if status is None:
        return wished
    given = _amounts(status.get(which))
    return given if resizing and status.get(which) else wished | given


def _resizing(status: Mapping[str, Any]) -> bool:
    """Conditions since Kubernetes 1.33; before, the field ``resize``."""
    under_way = condition(status, "PodResizePending") or condition(status, "PodResizeInProgress")
    return bool(under_way or status.get("resize"))


def _pod_level(spec: Mapping[str, Any], status: Mapping[str, Any], which: str) -> Amounts:
    """Pod-level resources where set, as in force. Every pod has such fields in its status: alone they say nothing."""
    wished = _amounts((spec.get("resources") or {}).get(which))
    in_force = status.get("allocatedResources") if which == "requests" else (status.get("resources") or {}).get(which)
    return wished | {name: amount for name, amount in _amounts(in_force).items() if name in wished}


def _amounts(found: Mapping[str, Any] | None) -> Amounts:
    amounts = {name: quantity(found, name) for name in _NAMES}
    return {name: amount for name, amount in amounts.items() if amount}


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, _ZERO) + amount
    return total


def _common(parts: Sequence[Amounts]) -> Amounts:
    """The sum of what every part has."""
    return {name: amount for name, amount in _sum(parts).items() if all(name in part for part in parts)}


def _largest(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, _ZERO), other.get(name, _ZERO)) for name in one | other}


def _record(amounts: Amounts) -> Resources:
    return Resources(as_float(amounts.get("cpu")), as_float(amounts.get("memory")))
