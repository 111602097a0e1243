"""Nodes and namespaces as the API server describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exporter.cluster.quantity import as_float, quantity, resources
from exporter.model import Node

_STATUS: Final = {"True": True, "False": False}


def condition(status: Mapping[str, Any], type_: str) -> bool | None:
    """A condition of an object's status; None where it is Unknown or absent."""
    for found in status.get("conditions") or ():
        if found.get("type") == type_:
            return _STATUS.get(found.get("status", ""))
    return None


def decode_node(item: Mapping[str, Any]) -> Node:
    status = item.get("status") or {}
    info = status.get("nodeInfo") or {}
    capacity, allocatable = status.get("capacity"), status.get("allocatable")
    addresses = status.get("addresses") or ()
    return Node(
        name=item["metadata"]["name"],
        ready=condition(status, "Ready"),
        capacity=resources(capacity),
        capacity_pods=as_float(quantity(capacity, "pods")),
        allocatable=resources(allocatable),
        allocatable_pods=as_float(quantity(allocatable, "pods")),
        kubelet_version=info.get("kubeletVersion", ""),
        container_runtime_version=info.get("containerRuntimeVersion", ""),
        os_image=info.get("osImage", ""),
        kernel_version=info.get("kernelVersion", ""),
        architecture=info.get("architecture", ""),
        internal_ip=next((at["address"] for at in addresses if at.get("type") == "InternalIP"), ""),
    )


def decode_namespace(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])
