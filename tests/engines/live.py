"""Two clusters that the chart's own Prometheus servers scrape now, and one VictoriaMetrics that all of them write to.

``blue`` has two shards, one that reads them and evaluates the rules, and scope cluster in two shards too; ``green`` has
one Prometheus. Both have the same names and uids, and other values. Discovery alone is left out: it is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import yaml
from flask import Flask

from exporter.shard import Shard
from local.chart import objects, render
from promql import names
from tests.harness import Prometheus, VictoriaMetrics
from tests.harness.fleet import DAY, Fleet, FleetPod, Sample, row
from tests.harness.serving import serving
from tests.helm.cases import one
from tests.helm.discovered import DiscoveredPod, told

WEB: Final = ("Deployment", "web")
NODES: Final = {"blue": ("n1", "n2", "n3"), "green": ("n1", "n2")}
SCOPE_CLUSTER_SHARDS: Final = {"blue": 2, "green": 1}
# Every second: of what the rules and the facade look at, a few seconds then hold as much as minutes do.
INTERVALS: Final = {"scrape": 1, "detail": 1, "storage": 1}
VALUES: Final[dict[str, dict[str, Any]]] = {
    "blue": {"shards": 2, "externalLabels": {"region": "north"}},
    "green": {"externalLabels": {"region": "south"}},
}


def fleet(name: str, factor: float) -> Fleet:
    """Web pods on every node, one of another namespace, and one that no node runs."""
    created = time.time() - DAY
    nodes = NODES[name]
    web = [
        FleetPod("shop", f"web-{i}", f"w{i}", WEB, created, node=nodes[i % len(nodes)], value=factor * (i + 1))
        for i in range(4)
    ]
    other = FleetPod("infra", "agent", "a1", ("DaemonSet", "agent"), created, value=factor, host_network=True)
    waiting = FleetPod("shop", "waiting", "p1", ("Job", "waiting"), created, node="", phase="Pending")
    return Fleet(
        (*web, other, waiting), nodes, ("shop", "infra", "empty"), (("shop", "web", len(web)), ("shop", "none", 0))
    )


FLEETS: Final = {"blue": fleet("blue", 1.0), "green": fleet("green", 100.0)}


def exposition(cluster: str, target: str) -> str:
    """What a node's exporter says, or that of scope cluster's shard ``target``, a number."""
    node = "" if target.isdecimal() else target
    rows: Iterable[Sample] = FLEETS[cluster].samples("node" if node else "cluster", node, time.time())
    if not node:
        rows = _share(rows, Shard(int(target), SCOPE_CLUSTER_SHARDS[cluster]))
    texts = []
    for name, labels, value in rows:
        text = ",".join(f'{label}="{content}"' for label, content in labels)
        texts.append(f"{name}{{{text}}} {value!r}\n")
    return "".join(texts)


def _share(rows: Iterable[Sample], shard: Shard) -> Iterator[Sample]:
    """Objects by their uid, or name; what is said of sources, by every shard."""
    for name, labels, value in rows:
        known = dict(labels)
        identity = known.get("uid") or known.get("workload") or known.get("namespace") or known.get("node")
        if identity is None or shard.keeps(identity):
            yield name, labels, value
        if name == names.SOURCE_SAMPLE_AGE_SECONDS.name and shard.count > 1:
            yield row(names.SOURCE_SHARDS, {"source": known["source"]}, shard.count)


def targets(cluster: str, address: str) -> list[dict[str, Any]]:
    shards = SCOPE_CLUSTER_SHARDS[cluster]
    pods = {node: DiscoveredPod("exporter-node", node) for node in NODES[cluster]}
    pods |= {
        str(shard): DiscoveredPod("exporter-cluster", "n1", shard=shard if shards > 1 else None)
        for shard in range(shards)
    }
    found = told("endpointslice", address, pods.values())
    for name, target in zip(pods, found, strict=True):
        target["labels"]["__metrics_path__"] = f"/{cluster}/{name}"
    return found


@dataclass(frozen=True)
class Rendered:
    """The configurations of a cluster's servers by the names of their files, with discovery and own files left out."""

    configs: dict[str, dict[str, Any]]
    rules: str


def rendered(cluster: str, address: str, written_to: str) -> Rendered:
    # Prometheus waits five seconds for more to send: here, a tenth.
    write = {"url": f"{written_to}/api/v1/write", "queue_config": {"batch_send_deadline": "100ms"}}
    values = {
        "clusterName": cluster,
        "intervals": INTERVALS,
        "prometheus": VALUES[cluster] | {"remoteWrite": [write]},
        "exporter": {"cluster": {"shards": SCOPE_CLUSTER_SHARDS[cluster]}},
    }
    found = objects(render(values))
    texts: dict[str, str] = {}
    for item in found:
        if item["kind"] == "ConfigMap" and item["metadata"]["name"].endswith(("-prometheus", "-prom-shard")):
            texts |= item["data"]
    configs = {name: yaml.safe_load(text) for name, text in texts.items()}
    for config in configs.values():
        if "rule_files" in config:
            config["rule_files"] = ["recording.yaml"]
        config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] == names.EXPORTER_JOB]
        for job in config["scrape_configs"]:
            job.pop("kubernetes_sd_configs")
            job["static_configs"] = targets(cluster, address)
    return Rendered(configs, one(found, "ConfigMap", "-prometheus-rules")["data"]["recording.yaml"])


@dataclass(frozen=True)
class Live:
    """``answering`` has the Prometheus of each cluster that the facade asks."""

    answering: Mapping[str, Prometheus]
    shards: tuple[Prometheus, ...]
    common: VictoriaMetrics


@contextmanager
def live() -> Iterator[Live]:
    app = Flask(__name__)
    app.add_url_rule("/<cluster>/<target>", view_func=_metrics)
    with ExitStack() as running:
        url = running.enter_context(serving(app))
        common = running.enter_context(VictoriaMetrics())
        answering: dict[str, Prometheus] = {}
        shards: tuple[Prometheus, ...] = ()
        for cluster in NODES:
            made = rendered(cluster, url.removeprefix("http://"), common.url)
            main = made.configs.pop("prometheus.yml")
            own = [running.enter_context(Prometheus(yaml.safe_dump(config))) for config in made.configs.values()]
            for read, shard in zip(main.get("remote_read", ()), own, strict=True):
                read["url"] = f"{shard.url}/api/v1/read"
            server = Prometheus(yaml.safe_dump(main), {"recording.yaml": made.rules})
            answering[cluster] = running.enter_context(server)
            shards += tuple(own)
        yield Live(answering, shards, common)


def _metrics(cluster: str, target: str) -> tuple[str, dict[str, str]]:
    return exposition(cluster, target), {"Content-Type": "text/plain; version=0.0.4"}
