"""Which of the reasons that hold is given."""

from __future__ import annotations

import itertools

import pytest

from facade.entities.facts import Facts, Sources
from facade.entities.missing import PodReasons, first
from promql import names
from promql.catalogue import Catalogue

SIGNALS = Catalogue.load().signals
CPU, TRAFFIC, THROTTLED = (
    SIGNALS[key] for key in ("cpu_cores", "network_receive_bytes_per_second", "cpu_throttled_ratio")
)
ORDER = ["not_running", "host_network", "no_samples", "no_request", "no_limit", "not_reported"]


def reasons(
    phase: str | None = "Running",
    node: str = "n1",
    host_network: str | None = "false",
    sources: str = "",
    limit: float | None = None,
) -> PodReasons:
    texts = {"phase": phase, "host_network": host_network}
    values = {} if limit is None else {names.POD_CPU_LIMIT_CORES.name: limit}
    pod = Facts({"cluster": "c", "node": node}, values, {key: text for key, text in texts.items() if text is not None})
    known = Sources()
    known.ages["c", "n1"].update(dict.fromkeys(sources.split(), 1.0))
    return PodReasons(pod, known)


def test_the_first_is_the_contracts() -> None:
    for one, other in itertools.combinations(ORDER, 2):
        assert first(one, other) == first(other, one) == first(None, other, one) == one
    assert first() is first(None, None) is None


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed", "Unknown"])
def test_what_does_not_run_is_not_running_before_all_else(phase: str) -> None:
    """Also on the host's network, on a silent node, and without a limit."""
    pod = reasons(phase, host_network="true")
    assert {pod.signal(signal) for signal in SIGNALS.values()} == {"not_running"}
    assert {pod.asked_for(path) for path in ("requests.cpu_cores", "limits.memory_bytes")} == {"not_running"}
    assert pod.status() == "not_running"


def test_a_pod_that_no_node_runs_is_not_running_though_nobody_tells_its_phase() -> None:
    assert reasons(phase=None, node="").signal(CPU) == "not_running"
    assert reasons(phase=None, sources="resource").signal(CPU) == "not_reported"


def test_the_hosts_network_comes_before_a_silent_node() -> None:
    assert reasons(host_network="true").signal(TRAFFIC) == "host_network"
    assert reasons(host_network="true").signal(CPU) == "no_samples"


def test_a_silent_source_comes_before_a_limit_that_there_is_not() -> None:
    assert reasons(sources="resource").signal(THROTTLED) == "no_samples"
    assert reasons(sources="detail").signal(THROTTLED) == "no_limit"
    assert reasons(sources="detail", limit=1).signal(THROTTLED) == "not_reported"


def test_each_signal_has_the_silence_of_its_own_source() -> None:
    for signal in SIGNALS.values():
        assert reasons(sources="node_pods").signal(signal) == "no_samples"
        assert reasons(sources=signal.source).signal(signal) in ("not_reported", "no_limit")


def test_while_nobody_tells_whose_network_a_pod_is_on() -> None:
    assert reasons(host_network=None, sources="detail").signal(TRAFFIC) == "not_collected"
    assert reasons(host_network=None).signal(TRAFFIC) == "no_samples"


def test_requests_limits_and_status() -> None:
    assert reasons().asked_for("requests.cpu_cores") == reasons().status() == "no_samples"
    known = reasons(sources="node_pods")
    assert known.asked_for("requests.cpu_cores") == "no_request"
    assert known.asked_for("limits.cpu_cores") == "no_limit"
    assert known.status() == "not_reported"
