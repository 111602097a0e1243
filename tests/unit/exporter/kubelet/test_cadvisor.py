from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import DecodeError
from exporter.kubelet.cadvisor import Detail, Figure, scan_cadvisor
from exporter.kubelet.cgroups import ROOT, Cgroup, parse_cgroup
from exporter.kubelet.endpoints import Signal
from tests.unit.exporter.kubelet.bodies import START, cadvisor, line, recorded

UID = "0e7b0aa0-805e-4bf8-ad65-7da75983f399"
SLICE = f"pod{UID.replace('-', '_')}.slice"
POD = f"/kubepods/burstable/pod{UID}"
RECEIVED = "container_network_receive_bytes_total"
PERIODS = "container_cpu_cfs_periods_total"
WRITTEN = "container_fs_writes_bytes_total"


def scan(*lines: str) -> Detail:
    return scan_cadvisor([cadvisor(*lines)], START)


def figure(detail: Detail, signal: Signal, uid: str = UID) -> Figure:
    return detail.pods[uid].figures[signal]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", Cgroup(ROOT, False, "")),
        ("/kubepods", Cgroup(None, True, "")),
        ("/kubepods/besteffort", Cgroup(None, True, "")),
        (f"/kubepods/pod{UID}", Cgroup(UID, True, "")),
        (f"/kubepods/besteffort/pod{UID}/abc", Cgroup(UID, True, "abc")),
        (f"/kubepods/besteffort/pod{UID}/abc/init", None),
        (
            "/kubepods/burstable/pod5f3cd09baf3e1a2b5f3cd09baf3e1a2b",
            Cgroup("5f3cd09baf3e1a2b5f3cd09baf3e1a2b", True, ""),
        ),
        ("/kubepods.slice", Cgroup(None, True, "")),
        ("/kubepods.slice/kubepods-burstable.slice", Cgroup(None, True, "")),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-{SLICE}/cri-containerd-abc.scope",
            Cgroup(UID, True, "cri-containerd-abc.scope"),
        ),
        ("/kubepods.slice/kubepods-pod0e7b0aa0_805e_4bf8_ad65_7da75983f399.slice", Cgroup(UID, True, "")),
        (
            f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort-{SLICE}/cri-containerd-abc.scope",
            Cgroup(UID, True, "cri-containerd-abc.scope"),
        ),
        (f"/docker/1234/kubelet/kubepods/pod{UID}/abc", Cgroup(UID, True, "abc")),
        ("/system.slice/kubelet.service", None),
        ("/runtime/containerd", None),
        ("/podman/pod1", None),
        ("", None),
    ],
)
def test_cgroup_names(path: str, expected: Cgroup | None) -> None:
    assert parse_cgroup(path) == expected


def test_kubernetes_1_20() -> None:
    detail = scan_cadvisor([recorded("lab-1/010", "metrics-cadvisor")], START)

    assert detail.rejected == 0
    assert not detail.disk_per_pod
    assert detail.root is not None
    assert detail.root.figures[Signal.NETWORK_RECEIVE].parts == {
        "cni-lab": 49684,
        "eth0": 1.36381593e08,
        "ifb0": 0,
        "ifb1": 0,
    }
    # The root has a line per overlay mount and volume in other families, and none of bytes.
    assert Signal.DISK_READ not in detail.root.figures
    db = "e5fa70a7-c496-4530-a89c-d6567b2d86a2"
    assert figure(detail, Signal.CPU_PERIODS, db) == Figure(1795489208.735, {"": 144}, True)
    assert detail.pods[db].namespace == "shop"
    assert detail.pods[db].name == "db-0"
    assert not any(Signal.IO_PRESSURE in pod.figures for pod in detail.pods.values())


def test_kubernetes_1_36() -> None:
    detail = scan_cadvisor([recorded("lab-3/010", "metrics-cadvisor")], START)

    assert detail.rejected == 0
    assert detail.disk_per_pod
    assert detail.root is not None
    assert detail.root.figures[Signal.DISK_WRITTEN].parts == {"/dev/root": 1.118359552e09}
    api = "3a6ecf0c-9644-4947-84c6-243db1c79262"
    assert figure(detail, Signal.DISK_WRITTEN, api) == Figure(1795523100.761, {"/dev/ubda": 4.6272512e08}, True)
    assert all(Signal.IO_PRESSURE in pod.figures for pod in detail.pods.values())


def test_cfs_periods_count_once_on_a_full_node() -> None:
    """Compared with the lines themselves: the pod's where it stands, else those of its containers."""
    body = recorded("full-node/001", "metrics-cadvisor")
    detail = scan_cadvisor([body], START)
    lines = re.findall(
        rb'^%s\{container="(.*?)",id="/kubepods.*?/pod([^/"]+).*?\} (\S+) ' % PERIODS.encode(), body, re.MULTILINE
    )
    expected: dict[str, float] = {}
    for uid in {uid for _, uid, _ in lines}:
        own = [float(value) for container, owner, value in lines if owner == uid and container == b""]
        inner = [float(value) for container, owner, value in lines if owner == uid and container != b""]
        expected[uid.decode()] = sum(own or inner)

    counted = {
        uid: sum(pod.figures[Signal.CPU_PERIODS].parts.values())
        for uid, pod in detail.pods.items()
        if Signal.CPU_PERIODS in pod.figures
    }
    assert counted == expected
    assert len(counted) == 96
    whole = [uid for uid in counted if detail.pods[uid].figures[Signal.CPU_PERIODS].whole]
    assert 0 < len(whole) < len(counted)


def test_degraded_network_is_missing_not_zero() -> None:
    detail = scan_cadvisor([recorded("lab-1-degraded", "metrics-cadvisor")], START)

    assert len(detail.pods) == 12
    assert not any(Signal.NETWORK_RECEIVE in pod.figures for pod in detail.pods.values())
    # Containers have lost their labels, not their cgroup.
    assert all(Signal.CPU in pod.figures for pod in detail.pods.values())
    assert detail.root is not None
    assert detail.root.figures[Signal.NETWORK_RECEIVE].parts["eth0"] > 0


def test_labels_in_any_order_with_escapes() -> None:
    detail = scan(
        line(RECEIVED, 5, START, pod='q"uo,te}', interface='a"b\\c\nd{', namespace="back\\", id=f"{POD}/s", image="x"),
    )

    assert detail.pods[UID].name == 'q"uo,te}'
    assert detail.pods[UID].namespace == "back\\"
    assert figure(detail, Signal.NETWORK_RECEIVE).parts == {'a"b\\c\nd{': 5}


def test_an_id_inside_another_label_is_not_the_id() -> None:
    detail = scan(line(RECEIVED, 5, START, image=f',id="/kubepods/pod{"f" * 8}"', id=f"{POD}/s", interface="eth0"))

    assert list(detail.pods) == [UID]


def test_container_lines_add_up_where_the_pod_has_none() -> None:
    detail = scan(
        line(PERIODS, 3, START, id=f"{POD}/a", container="a"),
        line(PERIODS, 4, START + 1, id=f"{POD}/b", container="b"),
    )

    assert figure(detail, Signal.CPU_PERIODS) == Figure(START + 1, {"a": 3, "b": 4}, False)


def test_line_without_timestamp_is_of_the_reading() -> None:
    assert figure(scan(line(PERIODS, 3, None, id=POD)), Signal.CPU_PERIODS).time == START


def test_of_two_sandboxes_the_newest_line_counts() -> None:
    detail = scan(
        line(RECEIVED, 900, START, id=f"{POD}/old", interface="eth0"),
        line(RECEIVED, 5, START + 1, id=f"{POD}/new", interface="eth0"),
        line(RECEIVED, 6, START + 1, id=f"{POD}/new", interface="net1"),
    )

    assert figure(detail, Signal.NETWORK_RECEIVE).parts == {"eth0": 5, "net1": 6}


def test_a_stacked_device_is_not_counted_beside_the_disk_below_it() -> None:
    both = scan(
        line(WRITTEN, 10, START, id="/", device="/dev/dm-0"), line(WRITTEN, 12, START, id="/", device="/dev/sda")
    )
    alone = scan(line(WRITTEN, 10, START, id="/", device="/dev/dm-0"))

    assert both.root is not None
    assert both.root.figures[Signal.DISK_WRITTEN].parts == {"/dev/sda": 12}
    assert alone.root is not None
    assert alone.root.figures[Signal.DISK_WRITTEN].parts == {"/dev/dm-0": 10}


def test_disk_is_per_pod_once_any_cgroup_of_pods_has_a_line() -> None:
    assert scan(line(WRITTEN, 1, START, id="/kubepods", device="/dev/sda")).disk_per_pod
    assert not scan(line(WRITTEN, 1, START, id="/runtime/kubelet", device="/dev/sda")).disk_per_pod


@pytest.mark.parametrize("tail", ["} x 1", "} 1 x", "} NaN 1", "} -1 1", "} +Inf 1", "", "} 1 1 1", ',b="} 1 1'])
def test_a_line_that_is_none_costs_itself_alone(tail: str) -> None:
    detail = scan(f'{PERIODS}{{id="/kubepods/podbad"{tail}', line(PERIODS, 3, START, id=POD))

    assert list(detail.pods) == [UID]
    assert detail.rejected == 1


@pytest.mark.parametrize("body", [b"", b"<html>not found</html>", b"{}"])
def test_what_is_no_exposition_raises_its_own_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        scan_cadvisor([body], START)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunks_end_anywhere(size: int) -> None:
    body = recorded("lab-3/010", "metrics-cadvisor")
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    assert scan_cadvisor(chunks, START) == scan_cadvisor([body], START)
    with pytest.raises(DecodeError):
        scan_cadvisor([b"<", *chunks], START)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_else(body: bytes) -> None:
    scan_cadvisor([b"# HELP\n" + f'{PERIODS}{{id="{POD}"'.encode() + body], START)


@given(st.text(max_size=20), st.text(max_size=20), st.permutations(["id", "interface", "pod", "namespace"]))
def test_any_label_value_comes_back(interface: str, name: str, order: list[str]) -> None:
    values = {"id": f"{POD}/s", "interface": interface, "pod": "p" + name, "namespace": "n"}
    detail = scan(line(RECEIVED, 1, START, **{key: values[key] for key in order}))

    assert figure(detail, Signal.NETWORK_RECEIVE).parts == {interface: 1}
    assert detail.pods[UID].name == "p" + name


@pytest.mark.parametrize("recording", ["full-node", "full-node-1.36"])
def test_a_full_node_is_scanned_fast(recording: str) -> None:
    """About 35 ms on one core; the bound leaves room for a machine that is busy with other things."""
    body = recorded(f"{recording}/001", "metrics-cadvisor")
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        scan_cadvisor([body], START)
        best = min(best, time.perf_counter() - begin)

    assert best < 1.0


PLAIN = st.text(st.sampled_from("abc/-,={} "), max_size=5)


@given(PLAIN, PLAIN, st.sampled_from(["", " "]), st.sampled_from(["", ",", ", "]))
def test_a_usual_line_says_what_an_odd_one_does(interface: str, name: str, room: str, end: str) -> None:
    """Lines are taken apart at their quotes; one with an escape, or with room in it, label by label."""

    def read(pod: str) -> Detail:
        labels = f'id="{POD}/s",{room}interface="{interface}",{room}namespace="n",pod="{pod}"{end}'
        return scan(f"{RECEIVED}{{{labels}}} 7 1000")

    usual, odd = read(f"p{name}"), read(f"\\p{name}")
    assert usual == odd
    assert figure(usual, Signal.NETWORK_RECEIVE).parts == {interface: 7}
