"""The chart's rights are what the exporters need: with exactly them all works, without any one of them it does not.

The exporters ask a replayed cluster over TLS, which decides as Kubernetes's RBAC does, by the roles and bindings that
the chart renders.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
import requests
import yaml

from exporter.cluster.api import KubernetesApi
from exporter.cluster.readers import ClusterReader
from exporter.collectors import ClusterCollector, ErrorCounts
from exporter.collectors.exposition import text
from local.chart import RELEASE
from tests.golden import FOLDER
from tests.harness import Process, free_port, wait_until
from tests.helm.cases import pod_specs, rendered
from tests.replay import Identity, NotModelled, Recording, ReplayedCluster, Right, Scope, identity_of

ROOT: Final = Path(__file__).parents[2]
SPEED: Final = 20.0
SERIES: Final = re.compile(r"^(cloudmon_(\w+?)(?:\{.*\})?) \S+$", re.MULTILINE)
PODS: Final = {
    *("pod_info", "pod_phase", "pod_created_timestamp_seconds", "pods_seen"),
    "pod_cpu_request_cores",
}
NODES: Final = {
    *("node_info", "node_ready", "node_cpu_capacity_cores", "node_cpu_allocatable_cores"),
    *("node_memory_capacity_bytes", "node_memory_allocatable_bytes", "node_pods_capacity", "node_pods_allocatable"),
}
# What breaks without a right: the sources that are down, and metrics that are missing. Without the right to watch, what
# was listed is still there, until it is too old.
BROKEN: Final[dict[Scope, dict[Right, tuple[set[str], set[str]]]]] = {
    "node": {
        Right("", "nodes/stats", "get"): (
            {"resource", "storage"},
            {"node_memory_available_bytes", "node_filesystem_used_bytes", "pod_ephemeral_storage_used_bytes"},
        ),
        Right("", "nodes/metrics", "get"): ({"detail"}, {"pod_cpu_periods_total", "pod_disk_read_bytes_total"}),
        Right("", "pods", "list"): ({"node_pods"}, {"pod_cpu_usage_cores", "pod_cpu_request_cores", "pod_ready"}),
        Right("", "pods", "watch"): ({"node_pods"}, set()),
    },
    "cluster": {
        Right("", "pods", "list"): ({"pods"}, PODS),
        Right("", "pods", "watch"): ({"pods"}, set()),
        Right("", "nodes", "list"): ({"nodes"}, NODES),
        Right("", "nodes", "watch"): ({"nodes"}, set()),
        Right("", "namespaces", "list"): ({"namespaces"}, {"namespace_info"}),
        Right("", "namespaces", "watch"): ({"namespaces"}, set()),
        Right("apps", "deployments", "list"): ({"deployments"}, {"workload_replicas Deployment"}),
        Right("apps", "deployments", "watch"): ({"deployments"}, set()),
        Right("apps", "statefulsets", "list"): ({"statefulsets"}, {"workload_replicas StatefulSet"}),
        Right("apps", "statefulsets", "watch"): ({"statefulsets"}, set()),
        Right("apps", "daemonsets", "list"): ({"daemonsets"}, {"workload_replicas DaemonSet"}),
        Right("apps", "daemonsets", "watch"): ({"daemonsets"}, set()),
    },
}
SOURCES: Final[dict[Scope, set[str]]] = {
    scope: {source for sources, _ in broken.values() for source in sources} for scope, broken in BROKEN.items()
}
# The golden exposition has a claim and errors made up.
MADE_UP: Final = {"pod_volume_used_bytes", "pod_volume_capacity_bytes", "source_errors_total"}
# Discovery lists and watches what it makes targets of, and the pods and Services that they get labels from
# (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config, of each role).
DISCOVERY: Final = {
    "v1.20.2": {("", "endpoints"), ("", "services"), ("", "pods")},
    "v1.34.0": {("discovery.k8s.io", "endpointslices"), ("", "services"), ("", "pods")},
}


def identity(component: str, version: str = "v1.34.0") -> Identity:
    return identity_of(rendered("default", version), RELEASE, f"{RELEASE}-{component}")


def lacking(scope: Scope) -> dict[str, Identity]:
    """By name, the scope's identity without each of its rights."""
    whole = identity(f"exporter-{scope}")
    return {named(right): replace(whole, rights=whole.rights - {right}) for right in whole.rights}


def named(right: Right) -> str:
    return "-".join(filter(None, right[:3])).replace("/", "-")


def sources(exposition: str) -> dict[str, bool]:
    found = re.findall(r'^cloudmon_source_up\{.*source="(\w+)"\} (\S+)$', exposition, re.MULTILINE)
    return {source: float(up) == 1 for source, up in found}


def denied(exposition: str) -> set[str]:
    """The sources whose requests were answered with 403."""
    pattern = r'^cloudmon_source_errors_total\{.*reason="http_403",source="(\w+)",stage="read"\}'
    return set(re.findall(pattern, exposition, re.MULTILINE))


def metrics(exposition: str) -> set[str]:
    """Names without their prefix; of workloads with their kind."""
    found = set()
    for series, name in SERIES.findall(exposition):
        kind = re.search(r'workload_kind="(\w+)"', series)
        found.add(f"{name} {kind[1]}" if kind and name == "workload_replicas" else name)
    return found


def golden(scope: Scope) -> str:
    return (FOLDER / "exporter" / f"{scope}-lab-3.prom").read_text()


def denials(cluster: ReplayedCluster) -> list[str]:
    """What was asked of either server without success."""
    logs = (cluster.kubelet.log, cluster.api.log)
    return [
        f"{request.endpoint}: {request.status}" for log in logs for request in log.requests() if request.status != 200
    ]


class Exporter:
    """A real exporter, asking with one of the cluster's identities."""

    def __init__(self, cluster: ReplayedCluster, scope: Scope, name: str, directory: Path) -> None:
        self._port = free_port()
        environment = cluster.environment(scope, name) | {
            "EXPORTER_PORT": str(self._port),
            "EXPORTER_SHUTDOWN_GRACE": "0",
            "SCRAPE_INTERVAL": "1",
            "DETAIL_INTERVAL": "4",
            "STORAGE_INTERVAL": "20",
        }
        command = (sys.executable, "-W", "error", "-m", "exporter")
        self.process = Process(command, directory / f"{name}.log", environment, ROOT)

    def get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"http://127.0.0.1:{self._port}{path}", timeout=10)

    def wait_until_ready(self) -> None:
        self.process.wait_until_answers(f"http://127.0.0.1:{self._port}/readyz")

    def wait_until_tried(self, scope: Scope) -> str:
        """The exposition once every source was tried; the exporter need not be ready."""
        self.process.wait_until_answers(f"http://127.0.0.1:{self._port}/healthz")

        def scrape() -> str | None:
            found = self.get("/metrics").text
            return found if sources(found).keys() == SOURCES[scope] else None

        return wait_until(scrape, 20, "every source was tried")


@dataclass(frozen=True)
class Running:
    """Exporters of both scopes with exactly the chart's rights, and those of scope node that lack one each."""

    clusters: dict[Scope, ReplayedCluster]
    whole: dict[Scope, Exporter]
    lacking: dict[str, Exporter]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scopes: tuple[Scope, ...] = ("node", "cluster")
    identities: dict[str, Identity] = {scope: identity(f"exporter-{scope}") for scope in scopes}
    less = lacking("node")
    directory = tmp_path_factory.mktemp("exporters")
    with ExitStack() as stack:
        # A node's throughput needs time to pass; the cluster of the golden file stands.
        moving = stack.enter_context(ReplayedCluster(Recording.named("lab-3", 0, 30), SPEED, identities=identities))
        standing = stack.enter_context(ReplayedCluster(Recording.named("lab-3", 25, 25), identities=identities))
        refusing = stack.enter_context(ReplayedCluster(Recording.named("lab-3", 25, 25), identities=less))
        clusters: dict[Scope, ReplayedCluster] = {"node": moving, "cluster": standing}
        whole = {scope: Exporter(clusters[scope], scope, scope, directory) for scope in scopes}
        without = {name: Exporter(refusing, "node", name, directory) for name in less}
        for exporter in (*whole.values(), *without.values()):
            stack.enter_context(exporter.process)
        moving.begin()
        yield Running(clusters, whole, without)
        for exporter in (*whole.values(), *without.values()):
            exporter.process.send_signal(signal.SIGTERM)  # all at once: one after the other they would take longer


@pytest.fixture(scope="module")
def refused_readers() -> Iterator[dict[str, tuple[ClusterReader, ClusterCollector]]]:
    """Scope cluster's reader and collector without each of the rights: in this process, since there are so many."""
    less = lacking("cluster")
    with ReplayedCluster(Recording.named("lab-3", 25, 25), identities=less) as cluster:
        found = {}
        for name in less:
            errors = ErrorCounts()
            reader = ClusterReader(KubernetesApi.connect(str(cluster.kubeconfig_file(name))).kind, errors.count)
            reader.start()
            found[name] = (reader, ClusterCollector(reader, errors))
        yield found
        for reader, _ in found.values():
            reader.stop()


def test_with_exactly_the_charts_rights_scope_cluster_publishes_everything(running: Running) -> None:
    exporter = running.whole["cluster"]
    exporter.wait_until_ready()
    found = exporter.get("/metrics").text
    recorded = {series for series, _ in SERIES.findall(golden("cluster"))}
    missing = recorded - {series for series, _ in SERIES.findall(found)}
    assert not missing
    assert len(recorded) > 100
    assert sources(found) == dict.fromkeys(SOURCES["cluster"], True)
    assert denials(running.clusters["cluster"]) == []


def test_with_exactly_the_charts_rights_scope_node_publishes_everything(running: Running) -> None:
    exporter = running.whole["node"]
    exporter.wait_until_tried("node")
    recorded = metrics(golden("node"))

    def scrape() -> str | None:
        found = exporter.get("/metrics").text
        return found if recorded - metrics(found) <= MADE_UP else None

    found = wait_until(scrape, 20, "every metric of the golden exposition")
    assert sources(found) == dict.fromkeys(SOURCES["node"], True)
    assert "source_errors_total" not in metrics(found)
    assert denials(running.clusters["node"]) == []
    # Asked last: one that is listed leaves some counters out for as long as another may still be there.
    exporter.wait_until_ready()


@pytest.mark.parametrize("right", BROKEN["node"], ids=named)
def test_scope_node_without_one_right(right: Right, running: Running) -> None:
    found = running.lacking[named(right)].wait_until_tried("node")
    down, missing = BROKEN["node"][right]
    assert {source for source, up in sources(found).items() if not up} == down
    assert denied(found) == down
    assert missing <= metrics(golden("node"))
    assert not missing & metrics(found)
    if right == Right("", "pods", "list"):
        assert running.lacking[named(right)].get("/readyz").status_code == 503


@pytest.mark.parametrize("right", BROKEN["cluster"], ids=named)
def test_scope_cluster_without_one_right(
    right: Right, refused_readers: dict[str, tuple[ClusterReader, ClusterCollector]]
) -> None:
    reader, collector = refused_readers[named(right)]
    down, missing = BROKEN["cluster"][right]

    def scrape() -> str | None:
        found = text(collector.collect()).decode()
        return found if sources(found).keys() == SOURCES["cluster"] and denied(found) else None

    found = wait_until(scrape, 20, "every source was tried")
    assert {source for source, up in sources(found).items() if not up} == down
    assert denied(found) == down
    expected = metrics(golden("cluster"))
    assert expected - metrics(found) == missing
    if right == Right("", "pods", "list"):
        assert not reader.ready


def test_every_right_of_the_chart_is_one_without_which_something_breaks() -> None:
    for scope, broken in BROKEN.items():
        assert identity(f"exporter-{scope}").rights == broken.keys()


@pytest.mark.parametrize("version", DISCOVERY)
def test_prometheus_may_do_what_its_discovery_does(version: str) -> None:
    prometheus = identity("prometheus", version)
    assert prometheus.rights == {
        Right(group, resource, verb, RELEASE) for group, resource in DISCOVERY[version] for verb in ("list", "watch")
    }
    (config,) = [
        item["data"]["prometheus.yml"]
        for item in rendered("default", version)
        if item["kind"] == "ConfigMap" and "prometheus.yml" in item["data"]
    ]
    # Discovery asks within this namespace, and for no node or namespace metadata.
    for job in yaml.safe_load(config)["scrape_configs"]:
        for discovery in job.get("kubernetes_sd_configs", ()):
            (role,) = {resource for _, resource in DISCOVERY[version]} - {"services", "pods"}
            assert discovery == {"role": role.removesuffix("s") if role == "endpointslices" else role,
                                 "namespaces": {"names": [RELEASE]}}  # fmt: skip


def test_who_asks_the_api_server_has_an_account_and_nobody_else_a_token() -> None:
    accounts = {spec["serviceAccountName"]: spec for _, spec in pod_specs(rendered("default"))}
    assert accounts.keys() == {
        f"{RELEASE}-{name}" for name in ("exporter-node", "exporter-cluster", "prometheus", "facade")
    }
    for account, spec in accounts.items():
        holds_rights = bool(identity(account.removeprefix(f"{RELEASE}-")).rights)
        assert spec.get("automountServiceAccountToken", True) is holds_rights


def test_a_right_holds_in_its_namespace_alone() -> None:
    prometheus = identity("prometheus")
    assert prometheus.may("list", "", "pods", RELEASE)
    assert not prometheus.may("list", "", "pods", "kube-system")
    assert not prometheus.may("list", "", "pods")
    assert not prometheus.may("get", "", "pods", RELEASE)
    assert identity("exporter-node").may("list", "", "pods", "kube-system")


@pytest.mark.parametrize(
    "change",
    [
        {"verbs": ["*"]},
        {"resourceNames": ["node-1"]},
        {"nonResourceURLs": ["/metrics"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rules_that_are_not_modelled_are_refused(change: dict[str, list[str]]) -> None:
    found = rendered("default")
    for item in found:
        if item["kind"] == "ClusterRole":
            item["rules"][0] |= change
    with pytest.raises(NotModelled):
        identity_of(found, RELEASE, f"{RELEASE}-exporter-node")
