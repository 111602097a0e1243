"""Why a value is null. The first of these that holds, as the contract orders them:

``not_running``   the pod is not in phase Running (or no node runs it)
``host_network``  its traffic is the node's
``no_samples``    its node has no current reading of the signal's source
``no_request``, ``no_limit``   what a ratio or a sum would be of
``not_reported``  the kubelet or the runtime gives none

``not_collected`` stands for what only the cluster-scope exporter knows, while that one is silent.
"""

from __future__ import annotations

from typing import Final

from facade.entities.facts import Facts, Sources
from promql import names
from promql.catalogue import Signal

NOT_RUNNING: Final = "not_running"
HOST_NETWORK: Final = "host_network"
NO_SAMPLES: Final = "no_samples"
NO_REQUEST: Final = "no_request"
NO_LIMIT: Final = "no_limit"
NOT_REPORTED: Final = "not_reported"
NOT_COLLECTED: Final = "not_collected"

_ORDER: Final = (NOT_RUNNING, HOST_NETWORK, NO_SAMPLES, NO_REQUEST, NO_LIMIT, NOT_REPORTED)

# All of them as the API tells of them, in that order.
REASONS: Final = {
    NOT_RUNNING: "the pod does not run",
    HOST_NETWORK: "the pod is on the host's network: its traffic is the node's",
    NO_SAMPLES: "the node has no current reading of the signal's source",
    NO_REQUEST: "nothing is requested",
    NO_LIMIT: "there is no limit",
    NOT_REPORTED: "the kubelet or the runtime gives none",
    NOT_COLLECTED: "only the cluster-scope exporter knows, and it is silent",
}

# The node-scope source of what the API server says of a node's pods: requests, readiness, restarts.
NODE_PODS: Final = "node_pods"


def first(*reasons: str | None) -> str | None:
    """The one of ``reasons`` that the contract names first; None where there is none."""
    given = [reason for reason in reasons if reason is not None]
    return min(given, key=_ORDER.index) if given else None


class PodReasons:
    """Reasons for one pod."""

    def __init__(self, pod: Facts, sources: Sources) -> None:
        self._pod = pod
        self._sources = sources
        self._cluster = pod.labels.get("cluster", "")
        self._node = pod.labels.get("node", "")

    @property
    def not_running(self) -> bool:
        phase = self._pod.texts.get("phase")
        return phase != "Running" if phase is not None else not self._node

    def silent(self, source: str) -> bool:
        return bool(self._node) and self._sources.age(self._cluster, self._node, source) is None

    def signal(self, signal: Signal) -> str:
        if self.not_running:
            return NOT_RUNNING
        if signal.network and self._pod.texts.get("host_network") == "true":
            return HOST_NETWORK
        if self.silent(signal.source):
            return NO_SAMPLES
        if signal.network and "host_network" not in self._pod.texts:
            return NOT_COLLECTED
        if signal.limited and self._pod.number(names.POD_CPU_LIMIT_CORES.name) is None:
            return NO_LIMIT
        return NOT_REPORTED

    def asked_for(self, path: str) -> str:
        """Of ``requests.…`` and ``limits.…``, and of the utilization that refers to them."""
        if self.not_running:
            return NOT_RUNNING
        if self.silent(NODE_PODS):
            return NO_SAMPLES
        return NO_REQUEST if "request" in path else NO_LIMIT

    def status(self) -> str:
        """Of what the API server says of a pod on its node: ready, restarts, started."""
        if self.not_running:
            return NOT_RUNNING
        return NO_SAMPLES if self.silent(NODE_PODS) else NOT_REPORTED
