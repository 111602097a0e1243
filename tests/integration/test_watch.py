"""Lists and watches against a replayed API server: real TLS, real tokens, real ends of watches."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
import requests

from exporter.cluster.api import CONNECTED, NEWEST, KubernetesApi, ResourceExpired
from exporter.cluster.readers import ClusterReader, NodePodsReader
from exporter.cluster.watch import Rhythm
from exporter.errors import ApiServerError, DecodeError
from exporter.model import Pod, Source
from tests.harness import Process, free_port, wait_until
from tests.harness.measured import measured
from tests.replay import Fault, Recording, ReplayedCluster, Scope

QUICK = Rhythm(resync=1.5, watch=1.0, first_pause=0.02, longest_pause=0.1)
# Nothing but events may bring a change within a test.
PATIENT = Rhythm(resync=600, watch=600, first_pause=0.02, longest_pause=0.1)

Error = tuple[Source, str, str]


def api(cluster: ReplayedCluster, scope: Scope) -> KubernetesApi:
    return KubernetesApi.connect(str(cluster.kubeconfig_file(scope)))


class Errors:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.found: list[Error] = []

    def __call__(self, source: Source, stage: str, reason: str) -> None:
        with self._lock:
            self.found.append((source, stage, reason))


@contextmanager
def node_pods(cluster: ReplayedCluster, rhythm: Rhythm, errors: Errors | None = None) -> Iterator[NodePodsReader]:
    reader = NodePodsReader(api(cluster, "node").node_pods(cluster.node_name), errors or Errors(), rhythm=rhythm)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def uids(reader: NodePodsReader) -> set[str]:
    return {pod.uid for pod in reader.items() or ()}


def recorded_uids(recording: Recording, moment: int) -> set[str]:
    pods = recording.moments[moment].items("pods")
    return {pod["metadata"]["uid"] for pod in pods if pod["spec"].get("nodeName")}


def oomer(reader: NodePodsReader) -> Pod:
    (found,) = (pod for pod in reader.items() or () if pod.name.startswith("oomer-"))
    return found


def test_a_nodes_pods_follow_the_recording_by_events_alone() -> None:
    recording = Recording.named("lab-3", 0, 25)
    with ReplayedCluster(recording, speed=100) as cluster, node_pods(cluster, PATIENT) as reader:
        wait_until(lambda: reader.listed, 10, "the first list")
        assert uids(reader) == recorded_uids(recording, 0)
        cluster.api.wait_for_watches("pods")
        cluster.begin()
        cluster.wait_for_moment(25)
        wait_until(lambda: uids(reader) == recorded_uids(recording, 25), 10, "the pods of the last moment")
        assert cluster.api.log.count("list pods") == 1
        (listed,) = cluster.api.log.requests("list pods")
        assert listed.query["fieldSelector"] == f"spec.nodeName={cluster.node_name}"


@pytest.mark.parametrize(("name", "kills"), [("lab-1", 7), ("lab-3", 8)])
def test_no_oom_kill_is_lost_or_counted_twice_by_resyncs_ends_of_watches_and_outages(name: str, kills: int) -> None:
    recording = Recording.named(name)
    last = len(recording.moments) - 1
    with ReplayedCluster(recording, speed=100) as cluster, node_pods(cluster, QUICK) as reader:
        wait_until(lambda: reader.listed, 10, "the first list")
        assert oomer(reader).oom_kills == 0
        cluster.begin()
        # Where nobody is killed for a while: a list shows the last two kills of a container and no more.
        cluster.wait_for_moment(last // 4)
        cluster.api.compact()
        cluster.api.expire_watches()
        cluster.wait_for_moment(last // 2)
        cluster.api.expire_watches()
        cluster.wait_for_moment(3 * last // 4)
        cluster.api.outage(True)
        cluster.wait_for_moment(3 * last // 4 + 2)
        cluster.api.outage(False)
        cluster.wait_for_moment(last)
        wait_until(lambda: oomer(reader).oom_kills == kills, 10, f"{kills} kills")
        lists = cluster.api.log.count("list pods")
        cluster.api.log.wait_for("list pods", lists + 2)
        assert oomer(reader).oom_kills == kills


@pytest.mark.parametrize("gone", ["event", "status"])
def test_a_watch_from_a_forgotten_version_lists_again(gone: Literal["event", "status"]) -> None:
    errors = Errors()
    recording = Recording.named("lab-1", 0, 10)
    with ReplayedCluster(recording, speed=100) as cluster, node_pods(cluster, PATIENT, errors) as reader:
        cluster.api.gone = gone
        cluster.api.wait_for_watches("pods")
        cluster.api.compact()
        cluster.api.expire_watches()
        cluster.api.log.wait_for("list pods", 2)
        cluster.api.wait_for_watches("pods")
        cluster.begin()
        cluster.wait_for_moment(10)
        wait_until(lambda: uids(reader) == recorded_uids(recording, 10), 10, "the pods of the last moment")
        assert errors.found == []


def test_an_outage_is_counted_and_over_when_it_is_over() -> None:
    errors = Errors()
    with ReplayedCluster(Recording.named("lab-1", 0, 0)) as cluster, node_pods(cluster, PATIENT, errors) as reader:
        cluster.api.wait_for_watches("pods")
        assert reader.state().up is True
        cluster.api.outage(True)
        wait_until(lambda: reader.state().up is False, 10, "a source that is down")
        wait_until(lambda: (Source.NODE_PODS, "connect", "unreachable") in errors.found, 10, "refused connections")
        # What is known is quoted on.
        assert uids(reader) == recorded_uids(cluster.recording, 0)
        cluster.api.outage(False)
        wait_until(lambda: reader.state().up is True, 10, "a source that is up")


def cluster_reader(cluster: ReplayedCluster, rhythm: Rhythm, errors: Errors) -> ClusterReader:
    return ClusterReader(api(cluster, "cluster").kind, errors, rhythm=rhythm)


def test_scope_cluster_knows_what_exists() -> None:
    errors = Errors()
    recording = Recording.named("lab-3", 5, 15)
    with ReplayedCluster(recording, speed=50) as cluster:
        reader = cluster_reader(cluster, PATIENT, errors)
        assert reader.ready is False
        assert reader.snapshot().pods == ()
        reader.start()
        wait_until(lambda: reader.ready, 10, "the first lists")
        cluster.begin()
        cluster.wait_for_moment(10)
        last = recording.moments[-1]

        def pods() -> set[str]:
            return {pod.uid for pod in reader.snapshot().pods}

        expected = {pod["metadata"]["uid"] for pod in last.items("pods")}
        wait_until(lambda: pods() == expected, 10, "the pods of the last moment, those without a node too")
        snapshot = reader.snapshot()
        assert [node.name for node in snapshot.nodes] == ["lab-3"]
        assert set(snapshot.namespaces) == {item["metadata"]["name"] for item in last.items("namespaces")}
        desired = {(found.workload.kind, found.workload.name): found.desired for found in snapshot.workloads}
        assert desired["Deployment", "web"] == 5
        assert desired["StatefulSet", "db"] == 2
        assert desired["DaemonSet", "agent"] == 1
        assert all(state.up and state.sample_age_seconds is not None for state in snapshot.sources)
        assert errors.found == []
        reader.stop()


@pytest.mark.parametrize(("kind", "source"), [("deployments", Source.DEPLOYMENTS), ("pods", Source.PODS)])
def test_one_kind_that_is_refused_costs_itself_and_only_pods_hold_readiness_up(kind: str, source: Source) -> None:
    errors = Errors()
    with ReplayedCluster(Recording.named("lab-3", 0, 0)) as cluster:
        cluster.api.faults.set(f"list {kind}", Fault(status=500))
        reader = cluster_reader(cluster, PATIENT, errors)
        reader.start()
        refused = (source, "read", "http_500")
        wait_until(lambda: errors.found.count(refused) >= 6, 10, "a kind that is refused again and again")

        def unlisted() -> set[Source]:
            return {state.source for state in reader.snapshot().sources if state.sample_age_seconds is None}

        assert unlisted() == {source}
        assert reader.ready is (source is not Source.PODS)
        cluster.api.faults.clear()
        wait_until(lambda: reader.ready and not unlisted(), 10, "every kind")
        assert set(errors.found) == {refused}
        reader.stop()


def test_pages_add_up() -> None:
    with ReplayedCluster(Recording.named("lab-3", 0, 0)) as cluster:
        whole = api(cluster, "cluster").kind(Source.PODS).list(None)
        paged = api(cluster, "cluster").kind(Source.PODS, page_size=4).list(None)
        assert paged.resource_version == whole.resource_version
        # A page is asked for when its turn comes: never are all of them held.
        assert [request.query["limit"] for request in cluster.api.log.requests("list pods")] == ["500", "4"]
        assert list(paged.items) == list(whole.items)
        assert [request.query["limit"] for request in cluster.api.log.requests("list pods")] == ["500", *["4"] * 5]


def test_a_nodes_list_is_never_older_than_what_was_seen() -> None:
    with ReplayedCluster(Recording.named("lab-3", 0, 0)) as cluster:
        pods = api(cluster, "node").node_pods(cluster.node_name)
        first = pods.list(None)
        pods.list(first.resource_version)
        pods.list(NEWEST)
        asked = [request.query for request in cluster.api.log.requests("list pods")]
        assert asked[0]["resourceVersion"] == "0"
        assert (asked[1]["resourceVersion"], asked[1]["resourceVersionMatch"]) == (
            first.resource_version,
            "NotOlderThan",
        )
        # Without a version it is a consistent read, past every cache.
        assert asked[2].keys() == {"fieldSelector"}


def test_a_watch_ends_when_it_was_asked_to() -> None:
    with ReplayedCluster(Recording.named("lab-3", 0, 0)) as cluster:
        pods = api(cluster, "node").node_pods(cluster.node_name)
        events = list(pods.watch(pods.list(None).resource_version, 1))
        assert events[0]["type"] == CONNECTED
        assert {event["type"] for event in events[1:]} <= {"BOOKMARK"}


@pytest.mark.parametrize(
    ("fault", "error", "stage", "reason"),
    [
        (Fault(status=500), ApiServerError, "read", "http_500"),
        (Fault(status=429), ApiServerError, "read", "http_429"),
        (Fault(status=410), ResourceExpired, "read", "expired"),
        (Fault(truncate_to_bytes=1000), ApiServerError, "read", "connection_lost"),
        (Fault(edit=lambda body: body[:1000]), DecodeError, "decode", "malformed"),
        (Fault(edit=lambda body: body[:-1000]), DecodeError, "decode", "malformed"),
        (Fault(edit=lambda body: b"[]"), DecodeError, "decode", "malformed"),
        (Fault(edit=lambda body: b"{}"), DecodeError, "decode", "malformed"),
        (
            Fault(edit=lambda body: b'{"metadata": {"resourceVersion": "1"}, "items": 7}'),
            DecodeError,
            "decode",
            "malformed",
        ),
    ],
)
def test_what_goes_wrong_with_a_list(fault: Fault, error: type[Exception], stage: str, reason: str) -> None:
    with ReplayedCluster(Recording.named("lab-3", 0, 0)) as cluster:
        pods = api(cluster, "node").node_pods(cluster.node_name)
        with cluster.api.faults.during("list pods", fault), pytest.raises(error) as raised:
            tuple(pods.list(None).items)
        assert isinstance(raised.value, ApiServerError | DecodeError)
        assert (raised.value.stage, raised.value.reason) == (stage, reason)
        # The connection that failed is not used again.
        assert tuple(pods.list(None).items)


def test_what_this_account_may_not_read() -> None:
    with ReplayedCluster(Recording.named("lab-3", 0, 0)) as cluster:
        with pytest.raises(ApiServerError) as raised:
            api(cluster, "node").kind(Source.NODES).list(None)
        assert raised.value.reason == "http_403"


def test_a_token_and_a_certificate_that_are_not_the_clusters() -> None:
    recording = Recording.named("lab-3", 0, 0)
    with ReplayedCluster(recording) as cluster, ReplayedCluster(recording) as other:
        kubeconfig = cluster.kubeconfig_file("node")
        text = kubeconfig.read_text()
        kubeconfig.write_text(text.replace(cluster.token("node"), "stolen"))
        with pytest.raises(ApiServerError) as raised:
            api(cluster, "node").kind(Source.PODS).list(None)
        assert raised.value.reason == "http_401"
        kubeconfig.write_text(text.replace(str(cluster.ca_file), str(other.ca_file)))
        with pytest.raises(ApiServerError) as raised:
            api(cluster, "node").kind(Source.PODS).list(None)
        assert (raised.value.stage, raised.value.reason) == ("connect", "tls_verification")


# What the surroundings may hold and what must not matter: proxies, and trust for another purpose.
SURROUNDINGS = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "REQUESTS_CA_BUNDLE": "/nowhere/ca.crt",
    "CURL_CA_BUNDLE": "/nowhere/ca.crt",
}


def status(port: int, path: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://127.0.0.1:{port}{path}", timeout=10).status_code


@pytest.mark.parametrize("scope", ["node", "cluster"])
def test_a_process_is_ready_when_the_first_lists_are_in(tmp_path: Path, scope: Scope) -> None:
    port = free_port()
    with ReplayedCluster(Recording.named("lab-1", 0, 0)) as cluster:
        cluster.api.outage(True)
        environment = measured() | cluster.environment(scope) | SURROUNDINGS
        environment |= {"EXPORTER_PORT": str(port), "EXPORTER_SHUTDOWN_GRACE": "0", "SCRAPE_INTERVAL": "1"}
        command = (sys.executable, "-m", "exporter")
        with Process(command, tmp_path / "exporter.log", environment, Path(__file__).parents[2]) as process:
            process.wait_until_answers(f"http://127.0.0.1:{port}/healthz")
            assert status(port, "/readyz") == 503
            assert status(port, "/metrics") == 200
            cluster.api.outage(False)
            process.wait_until_answers(f"http://127.0.0.1:{port}/readyz")
            assert process.returncode is None
