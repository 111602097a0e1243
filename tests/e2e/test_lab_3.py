"""Kubernetes 1.36, cgroup v2: pressure, disk I/O, sidecars, pod-level resources and a resize in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.claims import (
    check_levels_are_recorded,
    check_rates_are_recorded_differences,
    check_totals_are_sums,
    check_workloads,
)
from tests.e2e.observed import Observed
from tests.e2e.stack import Stack
from tests.replay import Recording

pytestmark = pytest.mark.timeout(330)

WORKLOADS = {
    "web-": ("Deployment", "web"),
    "api-": ("Deployment", "api"),
    "loadgen-": ("Deployment", "loadgen"),
    "oomer-": ("Deployment", "oomer"),
    "crasher-": ("Deployment", "crasher"),
    "pending-": ("Deployment", "pending"),
    "db-": ("StatefulSet", "db"),
    "agent-": ("DaemonSet", "agent"),
    "batch-": ("Job", "batch"),
    "tick-": ("CronJob", "tick"),
    "bare": ("Pod", "bare"),
    "resizable": ("Pod", "resizable"),
    "podlevel": ("Pod", "podlevel"),
}


@pytest.fixture(scope="module")
def observed() -> Iterator[Observed]:
    with Stack("lab-3") as stack:
        watched = Observed(stack, Recording.named("lab-3"))
        watched.watch()
        yield watched


def test_current_cpu_and_memory_are_recorded_samples(observed: Observed) -> None:
    check_levels_are_recorded(observed)


def test_cpu_and_network_of_a_window_are_the_recorded_counters_differences(observed: Observed) -> None:
    check_rates_are_recorded_differences(observed, ("web-", "api-", "loadgen-", "db-"))


def test_totals_are_the_sums_of_their_pods_at_their_time(observed: Observed) -> None:
    check_totals_are_sums(observed)


def test_every_pod_has_its_workload(observed: Observed) -> None:
    check_workloads(observed, WORKLOADS)


def test_oom_kills_are_as_recorded(observed: Observed) -> None:
    (oomer,) = {item["name"] for _, item in observed.pod_items("oomer-")}
    assert observed.stack.get(f"/api/pods/{oomer}")["oom_kills"] == 8


def test_a_resize_in_place_is_followed(observed: Observed) -> None:
    asked = [item["requests"]["cpu_cores"] for _, item in observed.pod_items("resizable")]
    limits = [item["limits"]["cpu_cores"] for _, item in observed.pod_items("resizable")]
    assert list(dict.fromkeys(asked)) == [0.05, 0.15]
    assert list(dict.fromkeys(limits)) == [0.05, 0.15]


def test_pod_level_resources_win(observed: Observed) -> None:
    (pod,) = {str([item["requests"], item["limits"]]) for _, item in observed.pod_items("podlevel")}
    wanted = [{"cpu_cores": 0.1, "memory_bytes": 67108864}, {"cpu_cores": 0.2, "memory_bytes": 134217728}]
    assert pod == str(wanted)


def test_pressure_and_disk_are_given_where_the_kubelet_gives_them(observed: Observed) -> None:
    node = observed.polls[-1][1]["nodes"]["items"][0]
    for signal in ("cpu", "memory", "io"):
        assert node["usage"][f"{signal}_pressure_ratio"] >= 0
    running = [item for _, item in observed.pod_items("api-") if item["usage"]["disk_write_bytes_per_second"]]
    assert running, "no api pod ever wrote to its disk"
    # A pod that did no I/O has no line of its own, and the node has such lines: it read nothing, which is a number.
    last_web = observed.pod_items("web-")[-1][1]
    assert last_web["usage"]["disk_read_bytes_per_second"] == 0
    assert any("cpu_pressure_ratio" in item["usage"] for _, item in observed.pod_items("web-"))


def test_a_bare_pod_made_again_is_another(observed: Observed) -> None:
    assert len({item["uid"] for _, item in observed.pod_items("bare")}) == 2


def test_an_empty_deployment_is_listed(observed: Observed) -> None:
    idle = observed.stack.get("/api/deployments/idle")
    assert idle["pods"] == idle["replicas"]["desired"] == idle["usage"]["cpu_cores"] == 0
