"""The API server's side of both scopes: a node's pods, and everything in the cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from exporter.cluster.api import Item, ObjectApi
from exporter.cluster.nodes import decode_namespace, decode_node
from exporter.cluster.oom import OomKills
from exporter.cluster.pods import decode_pod
from exporter.cluster.watch import DEFAULT_RHYTHM, ErrorCount, Rhythm, Watch
from exporter.cluster.workloads import decode_daemonset, decode_deployment, decode_statefulset
from exporter.model import ClusterSnapshot, Node, Pod, Source, SourceState, WorkloadReplicas

T = TypeVar("T")

_WORKLOADS: Final[Mapping[Source, Callable[[Item], WorkloadReplicas]]] = {
    Source.DEPLOYMENTS: decode_deployment,
    Source.STATEFULSETS: decode_statefulset,
    Source.DAEMONSETS: decode_daemonset,
}


class PodDecoder:
    """Decodes pods and counts their OOM kills on the way."""

    def __init__(self) -> None:
        self._kills = OomKills()

    def decode(self, item: Item) -> Pod:
        return decode_pod(item, self._kills.observe(item))

    def forget(self, uid: str) -> None:
        self._kills.forget(uid)


class PlainDecoder(Generic[T]):
    """Decodes objects that need no memory."""

    def __init__(self, decode: Callable[[Item], T]) -> None:
        self.decode = decode

    def forget(self, uid: str) -> None:
        """There is nothing to forget."""


class NodePodsReader:
    """The pods of one node, with their OOM kills.

    Kills count from when this exporter may first be scraped: those it sees before that, while it becomes ready in
    another's place, are still published by the other, and would count twice.
    """

    def __init__(
        self,
        api: ObjectApi,
        errors: ErrorCount,
        clock: Callable[[], float] = time.monotonic,
        rhythm: Rhythm = DEFAULT_RHYTHM,
    ) -> None:
        self._watch: Watch[Pod] = Watch(Source.NODE_PODS, api, PodDecoder(), errors, clock, rhythm)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        # By uid, the kills of before; None until they are known.
        self._kills_before: Mapping[str, int] | None = None

    @property
    def listed(self) -> bool:
        return self._watch.listed

    def items(self) -> tuple[Pod, ...] | None:
        """The node's pods; None before the first list and after too long a silence. Whoever asks publishes them."""
        pods = self._watch.items()
        if pods is None:
            return None
        before = self._counting_from(pods)
        if not before:
            return pods
        return tuple(
            replace(pod, oom_kills=pod.oom_kills - before[pod.uid]) if pod.uid in before else pod for pod in pods
        )

    def begin_serving(self) -> None:
        """From now on a scraper may come."""
        self._counting_from(self._watch.items() or ())

    def _counting_from(self, pods: Iterable[Pod]) -> Mapping[str, int]:
        with self._lock:
            if self._kills_before is None:
                self._kills_before = {pod.uid: pod.oom_kills for pod in pods if pod.oom_kills}
            return self._kills_before

    def state(self) -> SourceState:
        return self._watch.state()

    def start(self) -> None:
        _run(self._watch, self._stop)

    def stop(self) -> None:
        self._stop.set()


class ClusterReader:
    """Everything scope cluster says, one watch a kind. ``apis`` gives the API of each kind."""

    def __init__(
        self,
        apis: Callable[[Source], ObjectApi],
        errors: ErrorCount,
        clock: Callable[[], float] = time.monotonic,
        rhythm: Rhythm = DEFAULT_RHYTHM,
    ) -> None:
        def watch(source: Source, decode: Callable[[Item], T]) -> Watch[T]:
            return Watch(source, apis(source), PlainDecoder(decode), errors, clock, rhythm)

        self._pods: Watch[Pod] = watch(Source.PODS, decode_pod)
        self._nodes: Watch[Node] = watch(Source.NODES, decode_node)
        self._namespaces: Watch[str] = watch(Source.NAMESPACES, decode_namespace)
        self._workloads = [watch(source, decode) for source, decode in _WORKLOADS.items()]
        self._all: list[Watch[Any]] = [self._pods, self._nodes, self._namespaces, *self._workloads]
        self._stop = threading.Event()

    @property
    def ready(self) -> bool:
        """Whether the pods are listed, and what can be had of the other kinds: a refused one costs only itself."""
        return self._pods.listed and all(watch.settled for watch in self._all)

    def snapshot(self) -> ClusterSnapshot:
        return ClusterSnapshot(
            pods=self._pods.items() or (),
            nodes=self._nodes.items() or (),
            namespaces=self._namespaces.items() or (),
            workloads=tuple(workload for watch in self._workloads for workload in watch.items() or ()),
            sources=tuple(watch.state() for watch in self._all),
        )

    def start(self) -> None:
        for watch in self._all:
            _run(watch, self._stop)

    def stop(self) -> None:
        self._stop.set()


def _run(watch: Watch[Any], stop: threading.Event) -> None:
    threading.Thread(target=watch.run, args=(stop,), name="watch", daemon=True).start()
