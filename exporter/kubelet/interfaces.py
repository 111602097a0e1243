"""Which of a node's or a pod's network interfaces count.

The kubelet names an interface in the full summary where the one it looks for is there (``eth0``; see
``NetworkStats.name`` in https://pkg.go.dev/k8s.io/kubelet/pkg/apis/stats/v1alpha1). Where it names none, a node counts
those whose name the setting ``EXPORTER_NODE_INTERFACES`` admits: not the bridges, tunnels and virtual pairs through
which the same bytes pass a second time.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

DEFAULT_NODE_INTERFACES: Final = (
    r"(?!lo$|veth|cni|cali|cilium|docker|br-|flannel|ifb|tun|dummy|kube-ipvs).+"  # matched against the whole name
)

# What the kubelet looks for: until it has been asked, an interface of this name is the one that it will name.
_KUBELET_DEFAULT: Final = "eth0"
_LOOPBACK: Final = "lo"


@dataclass(frozen=True, slots=True)
class Selection:
    """The interfaces that count, and ``rule``: while it stays the same, one that appears counts from its first byte."""

    rule: str
    names: frozenset[str]


def of_node(present: Collection[str], named: str | None, asked: bool, admitted: re.Pattern[str]) -> Selection:
    """The node's interfaces. ``named``: by the full summary, which has been read if ``asked``."""
    one = named or (None if asked else _KUBELET_DEFAULT)
    if one is not None and one in present:
        return Selection(one, frozenset((one,)))
    return Selection("", frozenset(name for name in present if admitted.fullmatch(name)))


def of_pod(present: Collection[str], named: str | None) -> Selection:
    """The interfaces of a pod's sandbox: the named one, else the kubelet's usual one, else all but the loopback."""
    for one in (named, _KUBELET_DEFAULT):
        if one is not None and one in present:
            return Selection(one, frozenset((one,)))
    return Selection("", frozenset(name for name in present if name != _LOOPBACK))
