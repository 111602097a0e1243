"""What is served of what was read: hand-made rows for what no recording has."""

from __future__ import annotations

import pytest

from exporter.errors import KubeletUnreachable
from exporter.kubelet.interfaces import DEFAULT_NODE_INTERFACES
from exporter.model import ContainerUsage, NodeSnapshot, VolumeUsage
from tests.unit.exporter.kubelet.bodies import (
    CADVISOR,
    CHEAP,
    START,
    SUMMARY,
    FakeClock,
    FakeKubelet,
    cadvisor,
    cpu,
    line,
    memory,
    network,
    pod,
    recorded,
    rfc3339,
    summary,
)
from tests.unit.exporter.kubelet.conftest import MakeReader

DEADLINE = 10.0
RECEIVED = "container_network_receive_bytes_total"
SENT = "container_network_transmit_bytes_total"
PERIODS = "container_cpu_cfs_periods_total"
READ = "container_fs_reads_bytes_total"
USAGE = "container_cpu_usage_seconds_total"
WORKING_SET = "container_memory_working_set_bytes"


class Node:
    """A reader with a kubelet whose three answers are set, and a clock that a scrape moves on by 15 s."""

    def __init__(self, clock: FakeClock, make_reader: MakeReader, interfaces: str = DEFAULT_NODE_INTERFACES) -> None:
        self.clock = clock
        self.kubelet = FakeKubelet({CHEAP: summary(), SUMMARY: summary(), CADVISOR: cadvisor()})
        self.reader = make_reader(self.kubelet, interfaces=interfaces)
        self._first = True

    def both(self, body: bytes | Exception) -> None:
        self.kubelet.answers[CHEAP] = self.kubelet.answers[SUMMARY] = body

    def scrape(self, times: int = 1) -> NodeSnapshot:
        snapshot: NodeSnapshot | None = None
        for _ in range(times):
            if not self._first:
                self.clock.now += 15
            self._first = False
            snapshot = self.reader.snapshot(DEADLINE)
        assert snapshot is not None
        return snapshot


@pytest.fixture
def node(clock: FakeClock, make_reader: MakeReader) -> Node:
    return Node(clock, make_reader)


def at(pod_uid: str, below: str = "") -> str:
    return f"/kubepods/burstable/pod{pod_uid}" + (f"/{below}" if below else "")


def test_cores_are_the_kubelets_own_else_the_difference_of_two_rows(node: Node) -> None:
    node.both(summary(pod("stated", cpu=cpu(START, 10, 0.25)), pod("counted", cpu=cpu(START, 10))))
    first = node.scrape()
    assert first.pods["stated"].cpu_usage_cores == 0.25
    assert first.pods["counted"].cpu_usage_cores is None
    assert first.pods["counted"].cpu_usage_seconds_total == 10

    node.both(summary(pod("stated", cpu=cpu(START + 10, 12, 0.5)), pod("counted", cpu=cpu(START + 10, 12))))
    second = node.scrape()
    assert second.pods["stated"].cpu_usage_cores == 0.5
    assert second.pods["counted"].cpu_usage_cores == 0.2
    # The row has not moved since: the gauge stands.
    assert node.scrape().pods["counted"].cpu_usage_cores == 0.2


def test_a_row_whose_time_runs_backwards_is_ignored(node: Node) -> None:
    node.both(summary(pod("a", cpu=cpu(START, 10, 1), memory=memory(START, 7))))
    node.scrape()
    node.both(summary(pod("a", cpu=cpu(START - 5, 9, 2), memory=memory(START - 5, 8))))
    usage = node.scrape().pods["a"]

    assert (usage.cpu_usage_seconds_total, usage.cpu_usage_cores) == (10, 1)
    assert usage.memory_working_set_bytes == 7


def test_one_pods_row_that_stopped_ends_while_the_others_go_on(node: Node) -> None:
    ends: dict[float, bool] = {}
    for _ in range(7):
        now = START + 15 * len(ends)
        node.both(summary(pod("stuck", cpu=cpu(START, 1, 1)), pod("live", cpu=cpu(now, 1, 1))))
        snapshot = node.scrape()
        assert "live" in snapshot.pods
        ends[node.clock.now - START] = "stuck" in snapshot.pods

    assert [age for age, served in ends.items() if served] == [0, 15, 30, 45, 60]


def test_a_pod_no_longer_listed_is_gone_at_once_and_counts_on_when_it_is_back(node: Node) -> None:
    node.both(summary(pod("a", cpu=cpu(START, 10)), pod("b", cpu=cpu(START, 1))))
    node.scrape()
    node.both(summary(pod("b", cpu=cpu(START + 15, 1))))
    assert list(node.scrape().pods) == ["b"]

    node.both(summary(pod("a", cpu=cpu(START + 30, 16)), pod("b", cpu=cpu(START + 30, 1))))
    usage = node.scrape().pods["a"]
    assert (usage.cpu_usage_seconds_total, usage.cpu_usage_cores) == (16, 0.2)


def test_two_uids_of_one_name_share_nothing(node: Node) -> None:
    node.both(summary(pod("old", cpu=cpu(START, 500))))
    node.scrape()
    node.both(summary(pod("new", cpu=cpu(START + 15, 1))))
    usage = node.scrape().pods

    assert list(usage) == ["new"]
    assert (usage["new"].cpu_usage_seconds_total, usage["new"].cpu_usage_cores) == (1, None)


def test_memory_and_cpu_that_the_summary_lacks_come_from_cadvisor(node: Node) -> None:
    node.both(summary(pod("a"), pod("whole", cpu=cpu(START, 1, 1), memory=memory(START, 5))))
    node.kubelet.answers[CADVISOR] = cadvisor(
        line(USAGE, 30, START + 1, id=at("a"), cpu="total"),
        line(WORKING_SET, 4096, START + 1, id=at("a")),
        line(WORKING_SET, 1024, START + 1, id=at("a", "c")),
        line(WORKING_SET, 6, START + 1, id=at("whole")),
        line(WORKING_SET, 6, START + 1, id=at("not-in-the-summary")),
    )
    assert "a" not in node.scrape().pods
    pods = node.scrape().pods

    assert pods["a"].memory_working_set_bytes == 4096
    assert pods["a"].cpu_usage_seconds_total == 30
    assert pods["whole"].memory_working_set_bytes == 5
    assert "not-in-the-summary" not in pods


def test_the_summary_takes_over_from_cadvisor_with_the_row_that_both_have(node: Node) -> None:
    """cadvisor gave it first, to the millisecond: without a move, the rate that only the summary states is taken."""
    both = summary(pod("a", cpu=cpu(START, 10, 0.5), memory=memory(START, 5)), cpu=cpu(START, 100, 2))
    node.kubelet.answers[CADVISOR] = cadvisor(
        line(USAGE, 100, START + 0.7, id="/", cpu="total"),
        line(USAGE, 10, START + 0.7, id=at("a"), cpu="total"),
        line(WORKING_SET, 6, START + 0.7, id=at("a")),
    )
    node.both(KubeletUnreachable("down"))
    assert node.scrape(2).pods["a"].cpu_usage_cores is None
    node.both(both)
    snapshot = node.scrape()

    assert snapshot.pods["a"].cpu_usage_cores == 0.5
    assert snapshot.pods["a"].memory_working_set_bytes == 5
    assert snapshot.node.cpu_usage_cores == 2


def test_everything_comes_from_cadvisor_while_the_summary_fails(node: Node) -> None:
    node.kubelet.answers[CHEAP] = node.kubelet.answers[SUMMARY] = KubeletUnreachable("down")
    node.kubelet.answers[CADVISOR] = cadvisor(
        line(USAGE, 900, START, id="/", cpu="total"),
        line(USAGE, 30, START, id=at("a"), cpu="total"),
        line(RECEIVED, 8, START, id=at("a", "s"), interface="eth0"),
    )
    snapshot = node.scrape(2)

    assert snapshot.node.cpu_usage_seconds_total == 900
    assert snapshot.pods["a"].cpu_usage_seconds_total == 30
    assert snapshot.pods["a"].network_receive_bytes_total == 8


def test_a_pod_without_network_anywhere_has_none(clock: FakeClock, make_reader: MakeReader) -> None:
    clock.now = 1795488942.0
    node = Node(clock, make_reader)
    node.both(recorded("lab-1-degraded", "stats-summary"))
    node.kubelet.answers[CADVISOR] = recorded("lab-1-degraded", "metrics-cadvisor")
    snapshot = node.scrape(2)

    assert len(snapshot.pods) == 11
    for usage in snapshot.pods.values():
        assert usage.network_receive_bytes_total is None
        assert usage.network_receive_bytes_per_second is None
        assert usage.disk_read_bytes_total is None
        assert usage.io_pressure_some_seconds_total is None
    assert snapshot.node.network_receive_bytes_total == 130804329
    assert snapshot.node.disk_read_bytes_total is None


def test_network_that_cadvisor_lacks_comes_from_the_full_summary(node: Node) -> None:
    row = network(START, "eth0", eth0=(10, 20), lo=(5, 5))
    node.kubelet.answers[SUMMARY] = summary(pod("a", cpu=cpu(START, 1, 1), network=row), network=row)
    node.kubelet.answers[CHEAP] = summary(pod("a", cpu=cpu(START, 1, 1)))
    node.kubelet.answers[CADVISOR] = cadvisor(line(USAGE, 1, START, id=at("a"), cpu="total"))
    snapshot = node.scrape(3)

    assert snapshot.pods["a"].network_receive_bytes_total == 10
    assert snapshot.pods["a"].network_transmit_bytes_total == 20
    assert snapshot.node.network_transmit_bytes_total == 20
    assert snapshot.node.network_interfaces == ("eth0",)


def test_cadvisors_network_goes_before_and_starts_no_rate_from_the_summarys(node: Node) -> None:
    """The summary cuts times to seconds: both may show one and the same row some milliseconds apart."""
    row = network(START, "eth0", eth0=(1000, 20))
    node.kubelet.answers[SUMMARY] = summary(pod("a", network=row))
    node.kubelet.answers[CHEAP] = summary(pod("a"))
    node.kubelet.answers[CADVISOR] = cadvisor(line(RECEIVED, 1000, START + 0.4, id=at("a", "s"), interface="eth0"))
    node.scrape()
    assert node.scrape().pods["a"].network_receive_bytes_per_second is None

    node.kubelet.answers[CADVISOR] = cadvisor(line(RECEIVED, 3000, START + 20.4, id=at("a", "s"), interface="eth0"))
    assert node.scrape().pods["a"].network_receive_bytes_per_second == 100


def interfaces_of(node: Node, named: str | None, **values: int) -> NodeSnapshot:
    node.kubelet.answers[SUMMARY] = summary(
        network=network(START, named, **{key: (value, 0) for key, value in values.items()})
    )
    node.kubelet.answers[CADVISOR] = cadvisor(
        *(line(RECEIVED, value, START + 1, id="/", interface=key) for key, value in values.items())
    )
    return node.scrape(2)


def test_the_node_counts_the_interface_that_the_summary_names(node: Node) -> None:
    snapshot = interfaces_of(node, "ens5", ens5=7, ens6=100, eth0=50)

    assert snapshot.node.network_receive_bytes_total == 7
    assert snapshot.node.network_interfaces == ("ens5",)


def test_where_it_names_none_the_node_counts_those_admitted(node: Node) -> None:
    virtual = ("lo", "veth12", "cni0", "cali3", "cilium_host", "docker0", "br-1", "flannel.1", "ifb0", "tun0", "dummy0")
    snapshot = interfaces_of(node, None, ens5=7, ens6=100, bond0=1, **dict.fromkeys((*virtual, "kube-ipvs0"), 5000))

    assert snapshot.node.network_receive_bytes_total == 108
    assert snapshot.node.network_interfaces == ("bond0", "ens5", "ens6")


def test_the_setting_decides_which_are_admitted(clock: FakeClock, make_reader: MakeReader) -> None:
    snapshot = interfaces_of(Node(clock, make_reader, interfaces="ens[0-9]"), None, ens5=7, ens66=100, bond0=1)

    assert snapshot.node.network_interfaces == ("ens5",)


def test_a_node_none_of_whose_interfaces_count_has_no_network(node: Node) -> None:
    snapshot = interfaces_of(node, None, lo=7, veth1=8)

    assert snapshot.node.network_receive_bytes_total is None
    assert snapshot.node.network_interfaces == ()


def test_an_interface_that_goes_away_leaves_its_bytes_in_the_sum(node: Node) -> None:
    interfaces_of(node, None, ens5=7, ens6=100)
    node.kubelet.answers[CADVISOR] = cadvisor(line(RECEIVED, 10, START + 30, id="/", interface="ens5"))
    snapshot = node.scrape()

    assert snapshot.node.network_receive_bytes_total == 110
    assert snapshot.node.network_interfaces == ("ens5",)


def test_a_pod_counts_the_usual_interface_else_all_but_the_loopback(node: Node) -> None:
    node.kubelet.answers[CADVISOR] = cadvisor(
        *(
            line(RECEIVED, value, START, id=at("usual", "s"), interface=key)
            for key, value in {"eth0": 5, "net1": 50, "lo": 500}.items()
        ),
        *(
            line(RECEIVED, value, START, id=at("other", "s"), interface=key)
            for key, value in {"net1": 50, "net2": 1, "lo": 500}.items()
        ),
    )
    pods = node.scrape(2).pods

    assert pods["usual"].network_receive_bytes_total == 5
    assert pods["other"].network_receive_bytes_total == 51


def test_a_new_sandbox_is_a_restart_of_the_counter_and_no_jump(node: Node) -> None:
    node.kubelet.answers[CADVISOR] = cadvisor(line(RECEIVED, 1_000_000, START, id=at("a", "old"), interface="eth0"))
    node.scrape(2)
    node.kubelet.answers[CADVISOR] = cadvisor(line(RECEIVED, 300, START + 30, id=at("a", "new"), interface="eth0"))
    usage = node.scrape().pods["a"]

    assert (usage.network_receive_bytes_total, usage.network_receive_bytes_per_second) == (300, 10)


def test_throttling_of_a_container_that_restarts_adds_up(node: Node) -> None:
    node.kubelet.answers[CADVISOR] = cadvisor(
        line(PERIODS, 100, START, id=at("a", "first")), line(PERIODS, 10, START, id=at("a", "sidecar"))
    )
    assert node.scrape(2).pods["a"].cpu_periods_total == 110

    node.kubelet.answers[CADVISOR] = cadvisor(
        line(PERIODS, 4, START + 20, id=at("a", "second")), line(PERIODS, 12, START + 20, id=at("a", "sidecar"))
    )
    assert node.scrape().pods["a"].cpu_periods_total == 116


def test_a_pod_without_disk_lines_read_nothing_only_where_pods_have_such_lines(node: Node) -> None:
    quiet = line(USAGE, 1, START, id=at("quiet"), cpu="total")
    busy = line(READ, 4096, START, id=at("busy"), device="/dev/sda")
    node.kubelet.answers[CADVISOR] = cadvisor(quiet, busy)
    pods = node.scrape(2).pods
    assert pods["quiet"].disk_read_bytes_total == 0
    assert pods["quiet"].disk_written_bytes_total == 0
    assert pods["busy"].disk_read_bytes_total == 4096
    assert pods["busy"].disk_written_bytes_total == 0

    later = [line(USAGE, 1, START + 20, id=at("quiet"), cpu="total")]
    later += [
        line(READ, value, START + 20, id=at("quiet"), device=name)
        for name, value in (("/dev/sda", 60), ("/dev/sdb", 40))
    ]
    node.kubelet.answers[CADVISOR] = cadvisor(*later)
    usage = node.scrape().pods["quiet"]
    assert (usage.disk_read_bytes_total, usage.disk_read_bytes_per_second) == (100, 5)


def test_static_pod_and_systemd_cgroups_go_by_the_kubelets_uid(node: Node) -> None:
    config_hash = "5f3cd09baf3e1a2b5f3cd09baf3e1a2b"
    uid = "0e7b0aa0-805e-4bf8-ad65-7da75983f399"
    node.both(summary(pod(config_hash, cpu=cpu(START, 1, 0.1)), pod(uid, cpu=cpu(START, 1, 0.1))))
    node.kubelet.answers[CADVISOR] = cadvisor(
        line(RECEIVED, 5, START, id=f"/kubepods/burstable/pod{config_hash}/s", interface="eth0"),
        line(
            RECEIVED,
            6,
            START,
            id=f"/kubepods.slice/kubepods-pod{uid.replace('-', '_')}.slice/cri-containerd-s.scope",
            interface="eth0",
        ),
    )
    pods = node.scrape(2).pods

    assert pods[config_hash].network_receive_bytes_total == 5
    assert pods[config_hash].cpu_usage_cores == 0.1
    assert pods[uid].network_receive_bytes_total == 6


def test_containers_and_volumes(node: Node) -> None:
    started = {"old": rfc3339(START - 50), "new": rfc3339(START - 5)}
    volume = {
        "name": "data",
        "time": rfc3339(START),
        "usedBytes": 7,
        "capacityBytes": 10,
        "pvcRef": {"name": "claim", "namespace": "default"},
    }
    node.both(
        summary(
            pod(
                "a",
                cpu=cpu(START, 1, 1),
                containers=[
                    {"name": "c", "startTime": started["new"], "cpu": cpu(START, 1, 0.5), "memory": memory(START, 6)},
                    {"name": "c", "startTime": started["old"], "cpu": cpu(START, 9, 0.9), "memory": memory(START, 9)},
                    {"name": "d", "startTime": started["old"], "memory": memory(START, 3)},
                ],
                volume=[volume],
            )
        )
    )
    usage = node.scrape().pods["a"]

    assert usage.containers == {"c": ContainerUsage(0.5, 6), "d": ContainerUsage(None, 3)}
    assert usage.volumes == (VolumeUsage("data", "claim", 7, 10),)
    assert (usage.namespace, usage.name) == ("default", "name-a")


def test_storage_ends_after_two_and_a_half_of_its_intervals(node: Node) -> None:
    filesystem = {"time": rfc3339(START), "usedBytes": 3, "capacityBytes": 9}
    node.both(summary(fs=filesystem))
    assert node.scrape().node.filesystem_used_bytes == 3
    node.kubelet.answers[SUMMARY] = KubeletUnreachable("down")

    node.clock.now = START + 735
    assert node.scrape().node.filesystem_capacity_bytes == 9
    assert node.scrape().node.filesystem_capacity_bytes is None
