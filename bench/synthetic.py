"""Synthetic nodes and clusters for benchmarks, made of recordings and served by ``tests.replay``.

A node's answers are those of a recorded full node, with as many pods as are asked for (0: as many as it had). Whenever
one is given its rows are of that instant, and its counters have counted on. A cluster's pods come and go.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.replay import Endpoint, Fault, Moment, Recording, ReplayedCluster, cheap_summary
from tests.replay.recording import SAMPLE_MILLISECONDS, JsonObject

# Measured at a kubelet of Kubernetes 1.20 with 107 pods on two cores: wall seconds of an answer, and the CPU seconds
# that kubelet and runtime spent for it.
KUBELET_SECONDS: Final = {Endpoint.CHEAP_SUMMARY: 0.38, Endpoint.CADVISOR: 0.4, Endpoint.SUMMARY: 1.4}
KUBELET_CPU_SECONDS: Final = {Endpoint.CHEAP_SUMMARY: 0.13, Endpoint.CADVISOR: 0.36, Endpoint.SUMMARY: 0.36}

_ROW_TIME: Final = re.compile(rb'"time": ?"[^"]*"')
_CPU_COUNTER: Final = re.compile(rb'("usageCoreNanoSeconds": ?)(\d+)')
_TRAFFIC: Final = re.compile(rb"^(container_network_(?:receive|transmit)_bytes_total\{.*\}) \S+", re.MULTILINE)
_POD_OF_LINE: Final = re.compile(rb'[{,]id="[^"]*/pod([0-9a-f-]{36})')
# Stand in the answers for the time of the rows, and for the last digits of counters.
_TIME, _MILLISECONDS, _COUNT = b"@time@", b"@milliseconds@", b"@count@"
_COUNT_DIGITS: Final = 12

_FIRST_UNIX: Final = 1795524000.0
# As every API server sends with every object, at this length.
_MANAGED_FIELDS: Final = [
    {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-11-24T12:43:39Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {f"f:{part}": {f"k:{number}": {".": {}, "f:name": {}} for number in range(12)} for part in parts},
    }
    for manager, parts in (("kube-controller-manager", ("metadata", "spec")), ("kubelet", ("status", "containers")))
]


class SyntheticRecording(Recording):
    """Moments that were never recorded."""

    def __init__(self, name: str, moments: Iterable[Moment]) -> None:
        self.name = name
        self.moments = tuple(moments)


class SyntheticNode:
    """A node of ``pods`` pods: what its kubelet answers, and the recording behind its API server."""

    def __init__(self, pods: int, directory: Path, like: str = "full-node") -> None:
        recorded = Recording.named(like)
        moment = recorded.moments[0]
        items = moment.items("pods")
        copies = [
            (item, number // len(items)) for number, item in zip(range(pods or len(items)), _again(items), strict=False)
        ]
        names = {(item["metadata"]["uid"], copy): _name(item, copy) for item, copy in copies}
        summary = json.dumps(_summary(json.loads(_body(moment, Endpoint.SUMMARY)), names)).encode()
        cadvisor = _cadvisor(_body(moment, Endpoint.CADVISOR), names)
        self.cadvisor_bytes = len(cadvisor)
        self.cadvisor_pod_bytes = sum(len(line) for line in cadvisor.splitlines(keepends=True) if _of_pod(line))
        self.measured_pods = len(json.loads(summary)["pods"])
        self._answers = {
            Endpoint.SUMMARY: _moving_summary(summary),
            Endpoint.CHEAP_SUMMARY: _moving_summary(cheap_summary(summary)),
            Endpoint.CADVISOR: _moving_exposition(cadvisor),
        }
        self._started = time.monotonic()
        lists = {"items": [_pod_copy(item, copy) for item, copy in copies]}
        listed = {**moment.lists, "pods": {**moment.lists["pods"], **lists}}
        self.recording = SyntheticRecording(like, [_moment("000", directory, recorded.node_name, _FIRST_UNIX, listed)])

    def serve(self, cluster: ReplayedCluster, kubelet_seconds: float = 1.0) -> None:
        """Let the kubelet of a cluster answer for this node; ``kubelet_seconds`` is a factor of what it takes."""
        for endpoint in Endpoint:
            fault = Fault(delay_seconds=KUBELET_SECONDS[endpoint] * kubelet_seconds, edit=self._answer(endpoint))
            cluster.kubelet.faults.set(endpoint, fault)

    def _answer(self, endpoint: Endpoint) -> Callable[[bytes], bytes]:
        def edit(_: bytes) -> bytes:
            now = datetime.now(UTC)
            count = b"%0*d" % (_COUNT_DIGITS, round((time.monotonic() - self._started) * 1e9))
            body = self._answers[endpoint].replace(_COUNT, count)
            if endpoint is Endpoint.CADVISOR:
                return body.replace(_MILLISECONDS, b"%d" % round(now.timestamp() * 1000))
            return body.replace(_TIME, now.strftime("%Y-%m-%dT%H:%M:%SZ").encode())

        return edit


def cluster_recording(pods: int, moments: int, seconds: float, churn: int, directory: Path) -> Recording:
    """A cluster of ``pods`` pods, 100 a node. Every ``seconds`` ``churn`` of them are replaced and three times as many
    change.
    """
    dice = random.Random(7)
    fleet = _Fleet(pods)
    found = []
    for number in range(moments):
        if number:
            fleet.churn(dice, churn)
        found.append(_moment(f"{number:03}", directory, "node-000", _FIRST_UNIX + number * seconds, fleet.lists()))
    return SyntheticRecording("synthetic", found)


class _Fleet:
    """The objects of a synthetic cluster as they are at one moment."""

    def __init__(self, pods: int) -> None:
        recorded = Recording.named("full-node-1.36").moments[0]
        self._template = next(item for item in recorded.items("pods") if len(item["spec"]["containers"]) == 2)
        self._nodes = max(1, pods // 100)
        self._made = 0
        self._revision = 1000
        self._pods = [self._pod(number) for number in range(pods)]
        self._others = {
            "nodes": _renamed(recorded.items("nodes")[0], "node", self._nodes),
            "namespaces": _renamed(recorded.items("namespaces")[0], "ns", 40),
            "deployments": _renamed(recorded.items("deployments")[0], "web", max(1, pods // 20)),
            "statefulsets": _renamed(recorded.items("statefulsets")[0], "db", 50),
            "daemonsets": _renamed(recorded.items("daemonsets")[0], "agent", 10),
        }

    def lists(self) -> dict[str, JsonObject]:
        version = {"resourceVersion": str(self._revision)}
        others = {plural: {"metadata": version, "items": items} for plural, items in self._others.items()}
        return {**others, "pods": {"metadata": version, "items": list(self._pods)}}

    def churn(self, dice: random.Random, replaced: int) -> None:
        places = dice.sample(range(len(self._pods)), 4 * replaced)
        for place in places[:replaced]:
            self._pods[place] = self._pod(place)
        for place in places[replaced:]:
            pod = self._pods[place]
            self._revision += 1
            status = {**pod["status"], "phase": dice.choice(("Running", "Running", "Succeeded"))}
            metadata = {**pod["metadata"], "resourceVersion": str(self._revision)}
            self._pods[place] = {**pod, "metadata": metadata, "status": status}
        self._revision += 1

    def _pod(self, place: int) -> JsonObject:
        self._made += 1
        self._revision += 1
        deployment = f"web-{place // 20:03}"
        template_hash = f"{place // 20 + 0x7F0000:08x}"
        replicaset = f"{deployment}-{template_hash}"
        owner = {**self._template["metadata"]["ownerReferences"][0], "name": replicaset}
        metadata = {
            **self._template["metadata"],
            "name": f"{replicaset}-{self._made:05x}",
            "namespace": f"ns-{place // 20 % 40:03}",
            "uid": f"00000000-0000-4000-8000-{self._made:012x}",
            "resourceVersion": str(self._revision),
            "labels": {"pod-template-hash": template_hash, "app": deployment},
            "ownerReferences": [owner],
            "managedFields": _MANAGED_FIELDS,
        }
        return {
            **self._template,
            "metadata": metadata,
            "spec": {**self._template["spec"], "nodeName": f"node-{place % self._nodes:03}"},
        }


def _again(items: list[JsonObject]) -> Iterable[JsonObject]:
    while True:
        yield from items


def _name(item: JsonObject, copy: int) -> str:
    name: str = item["metadata"]["name"]
    return f"{name}-{copy}" if copy else name


def _uid(uid: str, copy: int) -> str:
    return f"{copy:08x}{uid[8:]}" if copy else uid


def _pod_copy(item: JsonObject, copy: int) -> JsonObject:
    metadata = item["metadata"]
    named = {"name": _name(item, copy), "uid": _uid(metadata["uid"], copy), "managedFields": _MANAGED_FIELDS}
    return {**item, "metadata": {**metadata, **named}}


def _renamed(item: JsonObject, name: str, count: int) -> list[JsonObject]:
    return [
        {
            **item,
            "metadata": {
                **item["metadata"],
                "name": f"{name}-{number:03}",
                "uid": f"{name}-{number}",
                "resourceVersion": "1",
                **({"namespace": f"ns-{number % 40:03}"} if "namespace" in item["metadata"] else {}),
            },
        }
        for number in range(count)
    ]


def _summary(summary: JsonObject, names: dict[tuple[str, int], str]) -> JsonObject:
    measured = {pod["podRef"]["uid"]: pod for pod in summary["pods"]}
    pods = [
        {**pod, "podRef": {**pod["podRef"], "name": name, "uid": _uid(uid, copy)}}
        for (uid, copy), name in names.items()
        if (pod := measured.get(uid)) is not None
    ]
    return {**summary, "pods": pods}


def _cadvisor(text: bytes, names: dict[tuple[str, int], str]) -> bytes:
    """The lines family by family, those of each pod again for each of its copies."""
    copies: dict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
    originals = {uid: name for (uid, copy), name in names.items() if copy == 0}
    for (uid, copy), name in names.items():
        if copy:
            copies[uid.encode()].append((_uid(uid, copy).encode(), name.encode()))
    lines: list[bytes] = []
    for line in text.splitlines(keepends=True):
        found = _POD_OF_LINE.search(line)
        if found is None:
            lines.append(line)
        elif (original := originals.get(found[1].decode())) is not None:
            lines.append(line)
            label = b'pod="%s"' % original.encode()
            lines += (
                line.replace(found[1], uid).replace(label, b'pod="%s"' % copied) for uid, copied in copies[found[1]]
            )
    return b"".join(lines)


def _of_pod(line: bytes) -> bool:
    return _POD_OF_LINE.search(line) is not None


def _moving_summary(body: bytes) -> bytes:
    body = _ROW_TIME.sub(b'"time":"%s"' % _TIME, body)
    return _CPU_COUNTER.sub(lambda found: b"%s%d%s" % (found[1], int(found[2]) // 10**_COUNT_DIGITS + 1, _COUNT), body)


def _moving_exposition(text: bytes) -> bytes:
    return SAMPLE_MILLISECONDS.sub(b" " + _MILLISECONDS, _TRAFFIC.sub(rb"\1 1" + _COUNT, text))


def _body(moment: Moment, endpoint: Endpoint) -> bytes:
    body = moment.body(endpoint)
    if body is None:
        raise LookupError(f"{endpoint} was not recorded in {moment.directory}")
    return body


def _moment(name: str, directory: Path, node: str, at: float, lists: dict[str, JsonObject]) -> Moment:
    """A moment whose kubelet has next to nothing to say by itself: its answers are replaced."""
    return _SyntheticMoment(name, directory / node, at, at, lists)


class _SyntheticMoment(Moment):
    __slots__ = ()

    def body(self, endpoint: Endpoint) -> bytes | None:
        if endpoint is Endpoint.CADVISOR:
            return b"# nothing\n"
        return json.dumps({"node": {"nodeName": self.directory.name}, "pods": []}).encode()
