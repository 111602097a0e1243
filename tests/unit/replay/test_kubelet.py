"""The replayed kubelet: rights, recorded answers with the right ages, faults, absence."""

from __future__ import annotations

import json
import re
import time

import pytest
import requests

from tests.harness import wait_until
from tests.replay import Endpoint, Fault, Recording, ReplayedCluster, parse_rfc3339

from .conftest import Ask


def test_its_certificate_is_verified_by_the_ca_file_alone(lab_1: Recording) -> None:
    with ReplayedCluster(lab_1) as cluster, requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(cluster.kubelet.url + "/stats/summary", timeout=10)
        for host in ("127.0.0.1", "localhost"):
            url = cluster.kubelet.url.replace("127.0.0.1", host) + "/stats/summary"
            assert session.get(url, verify=str(cluster.ca_file), timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stats/summary", 200),
        ("/stats/summary?only_cpu_and_memory=true", 200),
        ("/metrics/cadvisor", 200),
        ("/metrics/resource", 404),
        ("/pods", 403),
        ("/runningpods/", 403),
        ("/healthz", 403),
        ("/exec/default/bare/bare", 403),
    ],
)
def test_it_answers_what_scope_node_may_read(lab_1: Recording, ask: Ask, path: str, status: int) -> None:
    with ReplayedCluster(lab_1) as cluster:
        url = cluster.kubelet.url + path

        assert ask(cluster, url).status_code == status
        assert ask(cluster, url, token="").status_code == 401
        assert ask(cluster, url, token="wrong").status_code == 401
        assert ask(cluster, url, scope="cluster").status_code == 403
        assert ask(cluster, url, method="POST").status_code == 403


def test_answers_are_the_recorded_ones_with_the_right_ages(lab_3: Recording, ask: Ask) -> None:
    recorded = {each: lab_3.moments[0].body(each) or b"" for each in Endpoint}
    with ReplayedCluster(lab_3, speed=5) as cluster:
        began = time.time()
        for endpoint in (Endpoint.SUMMARY, Endpoint.CHEAP_SUMMARY):
            answer = ask(cluster, cluster.kubelet.url + endpoint)
            expected, got = json.loads(recorded[endpoint]), answer.json()
            assert got["pods"][0]["cpu"]["usageCoreNanoSeconds"] == expected["pods"][0]["cpu"]["usageCoreNanoSeconds"]
            age = (lab_3.first_instant_unix - parse_rfc3339(expected["node"]["cpu"]["time"])) / 5
            assert began - parse_rfc3339(got["node"]["cpu"]["time"]) == pytest.approx(age, abs=2)
        cadvisor = ask(cluster, cluster.kubelet.url + Endpoint.CADVISOR).content
        times = [int(each) / 1000 for each in re.findall(rb" (\d{13})\n", cadvisor)]
        assert cadvisor.count(b"\n") == recorded[Endpoint.CADVISOR].count(b"\n")
        assert max(times) <= time.time()
        assert max(times) > began - 10


def test_no_answer_speaks_of_a_time_to_come(lab_3: Recording, ask: Ask) -> None:
    with ReplayedCluster(Recording(lab_3.moments[0].directory.parent, 0, 6), speed=40) as cluster:
        cluster.begin()
        while cluster.timeline.now() < lab_3.moments[6].time_unix:
            body = ask(cluster, cluster.kubelet.url + Endpoint.SUMMARY).content
            times = re.findall(rb'"time": "([^"]*)"', body)
            assert max(parse_rfc3339(each.decode()) for each in times) <= time.time()
        moments = [request.moment for request in cluster.kubelet.log.requests(Endpoint.SUMMARY)]
        assert moments == sorted(moments, key=str)
        assert len(set(moments)) >= 5


def answers(cluster: ReplayedCluster, url: str, ask: Ask) -> bool:
    try:
        return ask(cluster, url).status_code == 200
    except requests.exceptions.ConnectionError:
        return False


def test_while_it_was_down_connections_fail_and_then_it_is_back(ask: Ask) -> None:
    with ReplayedCluster(Recording.named("lab-1", 28, 31), speed=20) as cluster:
        url = cluster.kubelet.url + Endpoint.CHEAP_SUMMARY
        assert ask(cluster, url).status_code == 200
        cluster.begin()
        cluster.wait_for_moment(1)
        while cluster.timeline.now() < cluster.recording.moments[2].time_unix:
            with pytest.raises(requests.exceptions.ConnectionError):
                ask(cluster, url)
        cluster.wait_for_moment(3)
        wait_until(lambda: answers(cluster, url, ask), 5, "the kubelet is back")
        assert cluster.kubelet.log.requests()[-1].moment == "031"


def test_an_outage_of_the_tests_own(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        url = cluster.kubelet.url + Endpoint.SUMMARY
        assert ask(cluster, url).status_code == 200
        cluster.kubelet.outage(True)
        with pytest.raises(requests.exceptions.ConnectionError):
            ask(cluster, url)
        cluster.kubelet.outage(False)
        assert ask(cluster, url).status_code == 200


def test_faults_are_of_one_endpoint_and_end(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        faults = cluster.kubelet.faults
        cheap, full = (cluster.kubelet.url + each for each in (Endpoint.CHEAP_SUMMARY, Endpoint.SUMMARY))

        with faults.during(Endpoint.CHEAP_SUMMARY, Fault(status=500)):
            assert ask(cluster, cheap).status_code == 500
            assert ask(cluster, full).status_code == 200
        with faults.during(Endpoint.CHEAP_SUMMARY, Fault(edit=lambda _: b"<html>")):
            assert ask(cluster, cheap).text == "<html>"
        with (
            faults.during(Endpoint.CHEAP_SUMMARY, Fault(truncate_to_bytes=100)),
            pytest.raises(requests.exceptions.RequestException),
        ):
            ask(cluster, cheap)
        with faults.during(Endpoint.CHEAP_SUMMARY, Fault(delay_seconds=0.3)):
            assert ask(cluster, cheap).elapsed.total_seconds() >= 0.3
        assert ask(cluster, cheap).json()["node"]["nodeName"] == "lab-1"


def test_requests_are_counted_by_endpoint(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        for endpoint, times in ((Endpoint.CHEAP_SUMMARY, 3), (Endpoint.SUMMARY, 1)):
            for _ in range(times):
                ask(cluster, cluster.kubelet.url + endpoint)
        cluster.kubelet.log.wait_for(Endpoint.CHEAP_SUMMARY, 3)

        assert cluster.kubelet.log.count(Endpoint.SUMMARY) == 1
        assert cluster.kubelet.log.count(Endpoint.CADVISOR) == 0
        assert cluster.kubelet.log.count() == 4
        with pytest.raises(TimeoutError, match="asked 0 times"):
            cluster.kubelet.log.wait_for(Endpoint.CADVISOR, 1, deadline_seconds=0.05)


def test_a_rotated_token_is_the_only_one_it_knows(lab_1: Recording, ask: Ask) -> None:
    with ReplayedCluster(lab_1) as cluster:
        url, old = cluster.kubelet.url + Endpoint.SUMMARY, cluster.token("node")
        cluster.rotate_kubelet_token()

        assert ask(cluster, url, token=old).status_code == 401
        assert ask(cluster, url, token=cluster.token_file("node").read_text()).status_code == 200
        assert ask(cluster, cluster.api.url + "/api/v1/pods", token=old).status_code == 200


def test_a_failure_of_the_server_itself_fails_the_test(lab_1: Recording, ask: Ask) -> None:
    def fail(_: bytes) -> bytes:
        raise ArithmeticError("an edit that fails")

    cluster = ReplayedCluster(lab_1)
    cluster.__enter__()
    cluster.kubelet.faults.set(Endpoint.SUMMARY, Fault(edit=fail))
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(cluster, cluster.kubelet.url + Endpoint.SUMMARY)
    wait_until(lambda: cluster.kubelet.errors, 5, "the failure is kept")

    with pytest.raises(RuntimeError, match="an edit that fails"):
        cluster.__exit__(None, None, None)
