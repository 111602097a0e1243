"""Lists of the replayed API server: rights, selectors, chunks, and what it refuses."""

from __future__ import annotations

import pytest

from tests.replay import Fault, Recording, ReplayedCluster

from .conftest import Ask

PODS = "/api/v1/pods"


@pytest.mark.parametrize(
    ("path", "node", "cluster"),
    [
        ("/api/v1/pods", 200, 200),
        ("/api/v1/namespaces/shop/pods", 200, 200),
        ("/api/v1/nodes", 403, 200),
        ("/api/v1/namespaces", 403, 200),
        ("/apis/apps/v1/deployments", 403, 200),
        ("/apis/apps/v1/statefulsets", 403, 200),
        ("/apis/apps/v1/daemonsets", 403, 200),
        ("/apis/apps/v1/replicasets", 403, 403),
        ("/apis/batch/v1/jobs", 403, 403),
        ("/api/v1/secrets", 403, 403),
        ("/api/v1/nodes/lab-1", 403, 403),
        ("/api/v1/nodes/lab-1/proxy/pods", 403, 403),
        ("/api/v1/namespaces/shop/pods/db-0", 403, 403),
        ("/apis/apps/v1beta1/deployments", 403, 404),
        ("/version", 403, 403),
    ],
)
def test_rights_are_list_and_watch_of_what_each_scope_needs(
    lab_1: Recording, ask: Ask, path: str, node: int, cluster: int
) -> None:
    with ReplayedCluster(lab_1) as replayed:
        assert ask(replayed, replayed.api.url + path, scope="node").status_code == node
        assert ask(replayed, replayed.api.url + path, scope="cluster").status_code == cluster


def test_refusals_are_status_objects(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        forbidden = ask(cluster, cluster.api.url + "/apis/apps/v1/replicasets")
        unauthorised = ask(cluster, cluster.api.url + PODS, token="wrong")
        created = ask(cluster, cluster.api.url + PODS, method="POST")

        assert forbidden.json() == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'replicasets.apps is forbidden: User "system:serviceaccount:cloud-monitoring:exporter-node" '
            'cannot list resource "replicasets" in API group "apps" at the cluster scope',
            "reason": "Forbidden",
            "details": {"group": "apps", "kind": "replicasets"},
            "code": 403,
        }
        assert (unauthorised.status_code, unauthorised.json()["reason"]) == (401, "Unauthorized")
        assert (created.status_code, "cannot create resource" in created.json()["message"]) == (403, True)


@pytest.mark.parametrize(
    ("path", "kind", "api_version", "plural"),
    [
        (PODS, "PodList", "v1", "pods"),
        ("/api/v1/nodes", "NodeList", "v1", "nodes"),
        ("/apis/apps/v1/deployments", "DeploymentList", "apps/v1", "deployments"),
    ],
)
def test_a_list_is_the_recorded_one(
    lab_3: Recording, ask: Ask, path: str, kind: str, api_version: str, plural: str
) -> None:
    recorded = lab_3.moments[0]
    with ReplayedCluster(lab_3) as cluster:
        answer = ask(cluster, cluster.api.url + path, scope="cluster").json()

        assert (answer["kind"], answer["apiVersion"]) == (kind, api_version)
        assert answer["metadata"] == {"resourceVersion": "1073000"}
        assert sorted(item["metadata"]["uid"] for item in answer["items"]) == sorted(
            item["metadata"]["uid"] for item in recorded.items(plural)
        )
        assert [list(item) for item in answer["items"]] == [["metadata", "spec", "status"]] * len(answer["items"])


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("spec.nodeName=lab-1,status.phase=Running,metadata.namespace==monitoring", ["agent"]),
        ("metadata.name=bare", ["bare"]),
        ("spec.nodeName=", ["pending"]),
        ("spec.nodeName=elsewhere", []),
        ("metadata.namespace=default,status.phase!=Running", ["pending"]),
    ],
)
def test_field_selectors(ask: Ask, selector: str, names: list[str]) -> None:
    with ReplayedCluster(Recording.named("lab-1", 10, 10)) as cluster:
        items = ask(cluster, cluster.api.url + PODS, fieldSelector=selector).json()["items"]

        assert [item["metadata"].get("labels", {}).get("app", item["metadata"]["name"]) for item in items] == names


def test_a_namespace_in_the_path_selects(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        items = ask(cluster, cluster.api.url + "/api/v1/namespaces/shop/pods").json()["items"]

        assert {item["metadata"]["namespace"] for item in items} == {"shop"}


def test_a_list_in_chunks_is_the_whole_list(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        whole = ask(cluster, cluster.api.url + PODS).json()
        items, token, left = [], "", []
        while True:
            page = ask(cluster, cluster.api.url + PODS, limit=5, **{"continue": token}).json()
            assert len(page["items"]) <= 5
            assert page["metadata"]["resourceVersion"] == whole["metadata"]["resourceVersion"]
            items += page["items"]
            left.append(page["metadata"].get("remainingItemCount"))
            token = page["metadata"].get("continue", "")
            if not token:
                break

        assert items == whole["items"]
        assert left == [13, 8, 3, None]


def test_a_chunked_list_is_of_the_moment_it_began_in(ask: Ask) -> None:
    recording = Recording.named("lab-1", 8, 12)
    with ReplayedCluster(recording, speed=200) as cluster:
        first = ask(cluster, cluster.api.url + PODS, limit=2).json()
        cluster.begin()
        cluster.wait_for_moment(4)
        rest = ask(cluster, cluster.api.url + PODS, **{"continue": first["metadata"]["continue"]}).json()
        now = ask(cluster, cluster.api.url + PODS).json()

        uids = {item["metadata"]["uid"] for item in first["items"] + rest["items"]}
        assert uids == {item["metadata"]["uid"] for item in recording.moments[0].items("pods")}
        assert uids != {item["metadata"]["uid"] for item in now["items"]}
        assert int(now["metadata"]["resourceVersion"]) > int(rest["metadata"]["resourceVersion"])


def test_a_continue_token_from_before_a_compaction_is_gone(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        token = ask(cluster, cluster.api.url + PODS, limit=5).json()["metadata"]["continue"]
        cluster.api.compact()
        gone = ask(cluster, cluster.api.url + PODS, limit=5, **{"continue": token})
        again = ask(cluster, cluster.api.url + PODS, limit=5)

        assert (gone.status_code, gone.json()["reason"]) == (410, "Expired")
        assert again.status_code == 200


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fieldSelector": "spec.hostNetwork=true"}, "field label not supported: spec.hostNetwork"),
        ({"fieldSelector": "nonsense"}, "can't understand 'nonsense'"),
        ({"labelSelector": "app=web"}, "not replayed: labelSelector"),
        ({"limit": "many"}, "limit: invalid value"),
        ({"continue": "bm90IGpzb24="}, "continue key is not valid"),
    ],
)
def test_what_it_cannot_do_it_refuses(lab_1: Recording, ask: Ask, parameters: dict[str, str], message: str) -> None:
    with ReplayedCluster(lab_1) as cluster:
        answer = ask(cluster, cluster.api.url + PODS, **parameters)

        assert answer.status_code == 400
        assert message in answer.json()["message"]


def test_faults_of_lists(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster, cluster.api.faults.during("list pods", Fault(status=503)):
        assert ask(cluster, cluster.api.url + PODS).status_code == 503
        assert ask(cluster, cluster.api.url + "/api/v1/nodes", scope="cluster").status_code == 200
        assert cluster.api.log.count("list pods") == 1
