"""Kubernetes 1.20, cgroup v1: nine and a half eventful minutes, from the kubelet to the API's answers."""

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
from tests.e2e.stack import SPEED, Stack
from tests.replay import Recording

pytestmark = pytest.mark.timeout(330)

WORKLOADS = {
    "web-": ("Deployment", "web"),
    "api-": ("Deployment", "api"),
    "loadgen-": ("Deployment", "loadgen"),
    "oomer-": ("Deployment", "oomer"),
    "crasher-": ("Deployment", "crasher"),
    "pending-": ("Deployment", "pending"),
    "lonely-rs-": ("ReplicaSet", "lonely-rs"),
    "db-": ("StatefulSet", "db"),
    "agent-": ("DaemonSet", "agent"),
    "batch-": ("Job", "batch"),
    "tick-": ("CronJob", "tick"),
    "bare": ("Pod", "bare"),
}
OOMER = "oomer-78bb5684fd-79dr7"
DB_DELETED = 1795489267
KUBELET_KILLED, KUBELET_BACK = 1795489401, 1795489422
BARE_DELETED = 1795489561
LAST_KILL = 1795489630  # 03:07:10 UTC


@pytest.fixture(scope="module")
def observed() -> Iterator[Observed]:
    with Stack("lab-1") as stack:
        watched = Observed(stack, Recording.named("lab-1"))
        watched.watch()
        yield watched


def test_current_cpu_and_memory_are_recorded_samples(observed: Observed) -> None:
    check_levels_are_recorded(observed)


def test_cpu_and_network_of_a_window_are_the_recorded_counters_differences(observed: Observed) -> None:
    check_rates_are_recorded_differences(observed, ("web-", "api-", "loadgen-"))


def test_totals_are_the_sums_of_their_pods_at_their_time(observed: Observed) -> None:
    check_totals_are_sums(observed)


def test_every_pod_has_its_workload(observed: Observed) -> None:
    check_workloads(observed, WORKLOADS)


def test_restarts_and_oom_kills_are_as_recorded(observed: Observed) -> None:
    oomer = observed.stack.get(f"/api/pods/{OOMER}?namespace=default")
    assert oomer["oom_kills"] == 7
    assert oomer["restarts"] == 15
    (killed,) = observed.stack.prometheus.query(f'cloudmon_pod_last_oom_kill_timestamp_seconds{{pod="{OOMER}"}}')
    # Both the served time and this one are in whole seconds; a second of the clock is SPEED recorded ones.
    assert observed.stack.cluster.timeline.to_recorded(killed.value) == pytest.approx(LAST_KILL, abs=2 * SPEED)
    restarts = [item["restarts"] for _, item in observed.pod_items("crasher-")]
    assert restarts == sorted(restarts)


def test_a_pod_made_again_under_its_name_is_two_uids_and_one_series(observed: Observed) -> None:
    uids = list(dict.fromkeys(item["uid"] for _, item in observed.pod_items("db-0")))
    assert len(uids) == 2
    deleted = observed.stack.cluster.timeline.to_wall(DB_DELETED)
    first_of_second = next(time for time, item in observed.pod_items("db-0") if item["uid"] == uids[1])
    assert deleted < first_of_second < deleted + 15
    series = observed.stack.get("/api/pods/db-0/timeseries?namespace=shop&window=2m&metrics=memory_working_set_bytes")
    values = series["series"]["memory_working_set_bytes"]
    assert sum(value is None for value in values) < len(values) / 4


def test_a_deleted_pod_is_gone_from_the_lists_and_stays_in_its_series(observed: Observed) -> None:
    deleted = observed.stack.cluster.timeline.to_wall(BARE_DELETED)
    seen = [time for time, item in observed.pod_items("bare")]
    assert deleted - 5 < max(seen) < deleted + 10
    assert "last seen" in observed.stack.get("/api/pods/bare", 404)["detail"]
    series = observed.stack.get("/api/pods/bare/timeseries?window=2m&metrics=memory_rss_bytes")["series"]
    values = series["memory_rss_bytes"]
    assert values[-1] is None
    assert any(values)


def test_the_kubelets_outage_is_said_and_nothing_turns_into_zero(observed: Observed) -> None:
    timeline, prometheus = observed.stack.cluster.timeline, observed.stack.prometheus
    killed, back = timeline.to_wall(KUBELET_KILLED), timeline.to_wall(KUBELET_BACK)
    (up,) = prometheus.query_range('cloudmon_source_up{source="resource"}', killed - 6, back + 12, 1)
    values = [value for _, value in up.points]
    assert values[0] == values[-1] == 1
    assert 0 in values
    lost = 'sum(cloudmon_source_errors_total{source="resource", stage="connect"})'
    assert prometheus.value(lost) > 0
    # Shorter than a reading may be quoted: the last one stands, and the node never leaves the list.
    during = [item for time, item in observed.items("nodes") if killed <= time <= back + 6]
    assert during
    assert all(item["usage"]["memory_working_set_bytes"] for item in during)
    ages = [item["age"] for item in during]
    assert max(ages) > min(ages)


def test_what_this_kernel_does_not_give_is_missing_with_its_reason(observed: Observed) -> None:
    for _, item in observed.pod_items("web-"):
        assert "cpu_pressure_ratio" not in item["usage"]
        assert item["usage"]["disk_read_bytes_per_second"] is None
        assert item["missing"]["disk_read_bytes_per_second"] in ("not_reported", "not_running")
    for _, item in observed.pod_items("agent-"):
        assert item["missing"]["network_receive_bytes_per_second"] == "host_network"
    for _, item in observed.pod_items("pending-"):
        assert item["phase"] == "Pending"
        assert item["missing"]["cpu_cores"] == "not_running"
        assert item["requests"]["cpu_cores"] is not None


def test_replicas_follow_the_deployment(observed: Observed) -> None:
    desired = [item["replicas"]["desired"] for _, item in observed.items("deployments") if item["name"] == "web"]
    assert list(dict.fromkeys(desired)) == [3, 5, 2]
    names = {item["name"] for item in observed.polls[-1][1]["deployments"]["items"]}
    assert "crasher" not in names
