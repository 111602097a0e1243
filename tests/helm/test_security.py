"""Rules that hold for every object of every case (decision: unprivileged, one service account each, no wildcard)."""

from __future__ import annotations

import pytest

from exporter.config import SETTINGS
from facade.config import VARIABLES
from tests.helm.cases import CASES, FACADE_ALONE, VERSIONS, environment, one, pod_specs, rendered

EVERY = [(case, version) for case in CASES for version in (VERSIONS[0], VERSIONS[-1])]
NODE_RULES = {("", "nodes/stats", "get"), ("", "nodes/metrics", "get"), ("", "pods", "list"), ("", "pods", "watch")}
CLUSTER_RESOURCES = {"": ("pods", "nodes", "namespaces"), "apps": ("deployments", "statefulsets", "daemonsets")}
CLUSTER_RULES = {
    (group, resource, verb)
    for group, resources in CLUSTER_RESOURCES.items()
    for resource in resources
    for verb in ("list", "watch")
}


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_pods_are_unprivileged(case: str, version: str) -> None:
    specs = list(pod_specs(rendered(case, version)))
    assert len(specs) >= (2 if case in FACADE_ALONE else 3)
    for name, spec in specs:
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        assert spec["enableServiceLinks"] is False, name
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] >= 1000, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= {"configMap", "emptyDir", "persistentVolumeClaim"}, name


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_containers_are_confined(case: str, version: str) -> None:
    for name, spec in pod_specs(rendered(case, version)):
        assert "initContainers" not in spec
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["privileged"] is False, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            for kind in ("requests", "limits"):
                assert {"cpu", "memory"} <= set(container["resources"][kind]), name
            assert not any("hostPort" in port for port in container.get("ports", [])), name
            assert not container["image"].endswith((":latest", ":")), name


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_probes(case: str, version: str) -> None:
    for name, spec in pod_specs(rendered(case, version)):
        if not name.startswith("Pod "):
            assert all({"livenessProbe", "readinessProbe"} <= set(container) for container in spec["containers"]), name


@pytest.mark.parametrize(("case", "version"), EVERY)
def test_rights_are_the_least(case: str, version: str) -> None:
    found = rendered(case, version)
    granted = {
        f"{item['kind']}{item['metadata']['name'].removeprefix('cloud-monitoring')}": {
            (group, resource, verb)
            for rule in item["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for item in found
        if item["kind"] in ("Role", "ClusterRole")
    }
    prometheus = granted.pop("Role-prometheus", set()) | granted.pop("Role-prom-shard", set())
    of_exporters = {"ClusterRole-exporter-node": NODE_RULES, "ClusterRole-exporter-cluster": CLUSTER_RULES}
    assert granted == ({} if case in FACADE_ALONE else of_exporters)
    assert {verb for _, _, verb in prometheus} <= {"list", "watch"}
    assert "nodes/proxy" not in str(found)
    assert not any("*" in right for rights in (*granted.values(), prometheus) for right in rights)


@pytest.mark.parametrize("case", CASES)
def test_a_service_account_each_and_none_for_the_facade(case: str) -> None:
    found = rendered(case)
    accounts = {item["metadata"]["name"] for item in found if item["kind"] == "ServiceAccount"}
    owners = {spec["serviceAccountName"]: name for name, spec in pod_specs(found) if not name.startswith("Pod ")}
    assert set(owners) == accounts
    subjects = [
        (item["roleRef"]["name"], subject["name"])
        for item in found
        if item["kind"].endswith("RoleBinding") or item["kind"] == "RoleBinding"
        for subject in item["subjects"]
    ]
    assert all(role == account for role, account in subjects)
    assert "cloud-monitoring-facade" not in {account for _, account in subjects}
    for name, spec in pod_specs(found):
        if spec["serviceAccountName"].endswith("-facade"):
            assert spec["automountServiceAccountToken"] is False, name
    assert one(found, "ServiceAccount", "-facade")["automountServiceAccountToken"] is False


@pytest.mark.parametrize("case", CASES)
def test_processes_know_every_variable(case: str) -> None:
    known = {setting.name for setting in SETTINGS} | {variable.name for variable in VARIABLES}
    for name, spec in pod_specs(rendered(case)):
        for container in spec["containers"]:
            # A shard of Prometheus has its name in its arguments.
            own = {"POD_NAME"} if name.endswith("-prom-shard") else known
            assert {variable["name"] for variable in container.get("env", [])} <= own, name


def test_one_value_for_each_interval() -> None:
    found = rendered("hardened")
    for kind, name in (("DaemonSet", "-exporter-node"), ("Deployment", "-exporter-cluster"), ("Deployment", "-facade")):
        (container,) = one(found, kind, name)["spec"]["template"]["spec"]["containers"]
        given = environment(container)
        assert (given["SCRAPE_INTERVAL"], given["DETAIL_INTERVAL"], given["STORAGE_INTERVAL"]) == ("30", "90", "600")
    assert "scrape_interval: 30s" in one(found, "ConfigMap", "-prometheus")["data"]["prometheus.yml"]


@pytest.mark.parametrize(("case", "scrape"), [("default", 15), ("hardened", 30)])
def test_an_exporter_may_answer_on_for_two_scrapes(case: str, scrape: int) -> None:
    found = rendered(case)
    for kind, name in (("DaemonSet", "-exporter-node"), ("Deployment", "-exporter-cluster")):
        item = one(found, kind, name)["spec"]
        assert item["template"]["spec"]["terminationGracePeriodSeconds"] > max(30, 2 * scrape)
        # A new exporter takes the old one to be gone some seconds after its first ready answer.
        assert "minReadySeconds" not in item
    strategy = one(found, "Deployment", "-exporter-cluster")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}


def test_network_policies() -> None:
    found = rendered("hardened")
    exporter = one(found, "NetworkPolicy", "-exporter-node")["spec"]["ingress"][0]["from"]
    assert [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in exporter] == ["prometheus"]
    facade = one(found, "NetworkPolicy", "-facade")["spec"]["ingress"][0]["from"]
    components = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in facade[1:]]
    assert components == ["prometheus", "test"]
    assert "from" not in one(rendered("default"), "NetworkPolicy", "-facade")["spec"]["ingress"][0]
    outside = one(rendered("operator"), "NetworkPolicy", "-exporter-node")["spec"]["ingress"][0]["from"]
    assert outside[0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
