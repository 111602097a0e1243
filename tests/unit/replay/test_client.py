"""The `kubernetes` client against the replayed API server, and serving by hand."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from kubernetes import client, config, watch

from tests.harness import Process, wait_until
from tests.replay import Recording, ReplayedCluster, Scope


@contextmanager
def connected(cluster: ReplayedCluster, scope: Scope) -> Iterator[client.CoreV1Api]:
    """The client as the kubeconfig of a scope describes it."""
    configuration = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig_file(scope)), client_configuration=configuration)
    with client.ApiClient(configuration) as api_client:
        yield client.CoreV1Api(api_client)


def list_version(api: client.CoreV1Api) -> str:
    """The resourceVersion of the list of pods."""
    metadata = api.list_pod_for_all_namespaces().metadata
    assert metadata is not None
    assert metadata.resource_version is not None
    return metadata.resource_version


def test_it_lists_and_is_refused(lab_3: Recording) -> None:
    with ReplayedCluster(lab_3) as cluster, connected(cluster, "node") as api:
        pods = api.list_pod_for_all_namespaces(field_selector="spec.nodeName=lab-3", limit=500)
        with pytest.raises(client.ApiException) as refusal:
            api.list_node()

        assert len(pods.items) == sum("nodeName" in item["spec"] for item in lab_3.moments[0].items("pods"))
        assert refusal.value.status == 403


def test_it_watches_through_expiry(lab_1: Recording) -> None:
    """The watch is ended every few events; the client asks again from where it was, and misses none."""
    names: list[tuple[str, str]] = []
    with ReplayedCluster(lab_1, speed=400) as cluster, connected(cluster, "cluster") as api:
        version = list_version(api)
        cluster.begin()
        watcher = watch.Watch()
        for event in watcher.stream(
            api.list_pod_for_all_namespaces, resource_version=version, allow_watch_bookmarks=True
        ):
            if event["type"] != "BOOKMARK":
                names.append((event["type"], event["raw_object"]["metadata"]["name"]))
                if len(names) % 10 == 0:
                    cluster.api.expire_watches()
            elif cluster.timeline.now() >= lab_1.moments[-1].lists_time_unix:
                watcher.stop()
        expected = len(cluster.api.history("pods").events)

        assert len(names) == expected
        assert ("DELETED", "db-0") in names
        assert cluster.api.log.count("watch pods") > 3


@pytest.mark.parametrize("gone", ["event", "status"])
def test_it_is_told_that_its_version_is_gone(lab_1: Recording, gone: str) -> None:
    with ReplayedCluster(lab_1) as cluster, connected(cluster, "cluster") as api:
        cluster.api.gone = "status" if gone == "status" else "event"
        version = list_version(api)
        cluster.api.compact()

        with pytest.raises(client.ApiException) as error:
            next(iter(watch.Watch().stream(api.list_pod_for_all_namespaces, resource_version=version)))

        assert error.value.status == 410


def test_serving_by_hand_prints_the_environments(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.replay", "lab-1", "--speed", "5", "--last", "3", "--hold")
    root = Path(__file__).resolve().parents[3]
    with Process(command, tmp_path / "replay.log", directory=root) as served:
        wait_until(lambda: "Ctrl-C" in served.output(), 20, "the servers are up")
        lines = [line for line in served.output().splitlines() if line.startswith("export ")]
        node, _ = (dict(word.split("=", 1) for word in shlex.split(line)[1:]) for line in lines)
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                node["KUBELET_URL"] + "/stats/summary",
                headers={"Authorization": "Bearer " + Path(node["KUBELET_TOKEN_FILE"]).read_text()},
                verify=node["KUBELET_CA_FILE"],
                timeout=10,
            )
        served.send_signal(signal.SIGINT)

        assert answer.json()["node"]["nodeName"] == node["NODE_NAME"] == "lab-1"
        assert served.wait(10) == 0
        assert not Path(node["KUBECONFIG"]).exists()
