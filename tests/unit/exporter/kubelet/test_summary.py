from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import DecodeError
from exporter.kubelet.summary import decode_summary
from tests.unit.exporter.kubelet.bodies import START, cpu, memory, network, pod, recorded, rfc3339, summary

# Any JSON, with the keys of the format strewn in: the deeper the decoder gets, the better.
_KEYS = st.sampled_from(
    ["node", "pods", "podRef", "uid", "name", "namespace", "cpu", "memory", "network", "time", "psi", "some", "total"]
) | st.text(max_size=3)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(rfc3339(START)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=25,
)


def test_kubernetes_1_20() -> None:
    decoded = decode_summary(recorded("lab-1/010", "stats-summary"))

    assert decoded.rejected == ()
    assert len(decoded.pods) == 13
    assert decoded.node.cpu is not None
    assert decoded.node.cpu.time == 1795489214.0
    assert decoded.node.cpu.usage_cores == 1.217332040
    assert decoded.node.cpu.usage_seconds_total == 963.976854926
    assert decoded.node.cpu.pressure_some_seconds_total is None
    assert decoded.node.io is None
    assert decoded.node.memory is not None
    assert decoded.node.memory.available_bytes == 23643041792
    assert decoded.node.filesystem is not None
    assert decoded.node.filesystem.capacity_bytes == 270553174016
    assert decoded.node.network is not None
    assert decoded.node.network.name == "eth0"
    assert decoded.node.network.interfaces["eth0"].receive_bytes_total == 136381593
    assert set(decoded.node.network.interfaces) == {"ifb0", "ifb1", "eth0", "cni-lab"}
    tick = decoded.pods["b15f0b20-2571-41f0-a0e4-fb78edede9a5"]
    assert (tick.namespace, tick.name) == ("shop", "tick-1795489200-n6x65")
    assert tick.volumes == {}  # its token is no persistent volume
    assert tick.ephemeral_storage is not None
    assert tick.ephemeral_storage.used_bytes == 4096
    assert tick.containers["c"].memory is not None
    assert tick.containers["c"].memory.working_set_bytes == 2781184


def test_kubernetes_1_36_has_pressure_in_microseconds() -> None:
    decoded = decode_summary(recorded("lab-3/010", "stats-summary"))

    assert decoded.node.cpu is not None
    assert decoded.node.cpu.pressure_some_seconds_total == 191.318883
    assert decoded.node.memory is not None
    assert decoded.node.memory.pressure_some_seconds_total == 0.0749
    assert decoded.node.io is not None
    assert decoded.node.io.pressure_some_seconds_total == 1.104085
    web = decoded.pods["81d26b87-b6fd-4748-b753-f24d9c49c8aa"]
    assert web.cpu is not None
    assert web.cpu.pressure_some_seconds_total == 79.782901


def test_cheap_form_has_cpu_and_memory_alone() -> None:
    cheap = decode_summary(recorded("lab-3/010", "stats-summary-only-cpu-and-memory"))

    assert len(cheap.pods) == 16
    for row in cheap.pods.values():
        assert row.cpu is not None
        assert row.memory is not None
        assert row.network is None
        assert row.ephemeral_storage is None


def test_degraded_pods_have_no_network() -> None:
    decoded = decode_summary(recorded("lab-1-degraded", "stats-summary"))

    assert decoded.node.network is not None
    assert [row.network for row in decoded.pods.values()] == [None] * 10


def test_full_node() -> None:
    assert len(decode_summary(recorded("full-node/001", "stats-summary")).pods) == 106
    assert len(decode_summary(recorded("full-node-1.36/001", "stats-summary")).pods) == 107


def test_what_a_row_lacks_is_none() -> None:
    decoded = decode_summary(summary(pod("bare"), pod("count", cpu=cpu(START, total=2.5))))

    assert decoded.pods["bare"].cpu is None
    assert decoded.pods["bare"].memory is None
    assert decoded.pods["bare"].network is None
    counted = decoded.pods["count"].cpu
    assert counted is not None
    assert (counted.usage_cores, counted.usage_seconds_total) == (None, 2.5)


def test_times_with_fractions_and_offsets_and_times_never_set() -> None:
    def time_of(text: str) -> float | None:
        row = decode_summary(summary(pod("a", cpu={"time": text, "usageNanoCores": 1}))).pods["a"].cpu
        return None if row is None else row.time

    assert time_of("2026-11-24T03:00:14Z") == 1795489214.0
    assert time_of("2026-11-24T03:00:14.25Z") == 1795489214.25
    assert time_of("2026-11-24T03:00:14.123456789Z") == 1795489214.123456
    assert time_of("2026-11-24T04:00:14+01:00") == 1795489214.0
    assert time_of("1970-01-01T00:00:00Z") is None
    assert time_of("0001-01-01T00:00:00Z") is None


def test_container_listed_twice_newest_start_wins_in_either_order() -> None:
    old = {"name": "c", "startTime": rfc3339(START), "memory": memory(START, 1)}
    new = {"name": "c", "startTime": rfc3339(START + 5), "memory": memory(START, 2)}
    decoded = decode_summary(summary(pod("a", containers=[old, new]), pod("b", containers=[new, old])))

    for uid in ("a", "b"):
        row = decoded.pods[uid].containers["c"].memory
        assert row is not None
        assert row.working_set_bytes == 2


def test_volumes_are_those_of_a_claim() -> None:
    claimed = {
        "name": "data",
        "time": rfc3339(START),
        "usedBytes": 7,
        "capacityBytes": 10,
        "pvcRef": {"name": "data-db-0", "namespace": "shop"},
    }
    scratch = {"name": "scratch", "time": rfc3339(START), "usedBytes": 1, "capacityBytes": 2}
    volumes = decode_summary(summary(pod("a", volume=[claimed, scratch]))).pods["a"].volumes

    assert list(volumes) == [("data", "data-db-0")]
    assert volumes["data", "data-db-0"].used_bytes == 7
    assert volumes["data", "data-db-0"].capacity_bytes == 10


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (None, "entry is not an object"),
        ({"podRef": {}}, "uid is not a string"),
        ({"podRef": {"uid": "", "name": "", "namespace": ""}}, "podRef.uid is empty"),
        (pod("x", cpu="much"), "cpu: block is not an object"),
        (pod("x", cpu={"time": "yesterday"}), "cpu: 'yesterday' is not an RFC 3339 time"),
        (pod("x", cpu={"time": rfc3339(START), "usageNanoCores": "1"}), "cpu: usageNanoCores is not a number"),
        (pod("x", cpu={"time": rfc3339(START), "usageNanoCores": True}), "cpu: usageNanoCores is not a number"),
        (pod("x", memory={"time": rfc3339(START), "rssBytes": -1}), "memory: rssBytes is -1"),
        (pod("x", memory={"time": rfc3339(START), "rssBytes": float("nan")}), "memory: rssBytes is nan"),
        (pod("x", memory={"time": rfc3339(START), "rssBytes": 10**400}), "memory: rssBytes is out of range"),
        (pod("x", containers={}), "containers is not a list"),
        (pod("x", network={"time": rfc3339(START), "interfaces": [3]}), "network: interfaces is not an object"),
        (pod("x", cpu={"time": rfc3339(START), "psi": []}), "cpu: psi is not an object"),
    ],
)
def test_a_bad_entry_costs_itself_alone(entry: object, reason: str) -> None:
    decoded = decode_summary(summary(pod("before", cpu=cpu(START, 1)), entry, pod("after", cpu=cpu(START, 1))))

    assert set(decoded.pods) == {"before", "after"}
    assert decoded.rejected == (f"pods[1]: {reason}",)


def test_a_bad_block_of_the_node_costs_that_block_alone() -> None:
    decoded = decode_summary(summary(cpu=cpu(START, 1), memory=[], network=network(START, "eth0", eth0=(1, 2))))

    assert decoded.node.memory is None
    assert decoded.node.cpu is not None
    assert decoded.node.network is not None
    assert decoded.rejected == ("node: memory: block is not an object",)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"node": 1, "pods": []}', b"\xff\xfe\x00", b"[" * 100_000]
)
def test_what_is_no_summary_raises_its_own_error(body: bytes) -> None:
    with pytest.raises(DecodeError, match="not a kubelet's summary"):
        decode_summary(body)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(body: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_summary(body)


@given(_JSON, _JSON)
def test_arbitrary_json_raises_nothing_else(node: object, pods: object) -> None:
    body = json.dumps({"node": node, "pods": pods}).encode()
    if isinstance(node, dict) and isinstance(pods, list | None):
        decode_summary(body)
    else:
        with pytest.raises(DecodeError):
            decode_summary(body)


@given(st.integers(min_value=0, max_value=3_000), st.binary(min_size=1, max_size=3))
def test_a_damaged_answer_raises_nothing_else(position: int, damage: bytes) -> None:
    body = summary(pod("a", cpu=cpu(START, 1, 0.5), memory=memory(START, 3), containers=[{"name": "c"}]))
    position %= len(body)
    with contextlib.suppress(DecodeError):
        decode_summary(body[:position] + damage + body[position + len(damage) :])
