from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.readings import SIGNALS, Readings

LONGEST_AGO = 30.0


def summary(nano_cores: int | None, working_set: int, name: str = "web") -> dict[str, Any]:
    cpu = {} if nano_cores is None else {"usageNanoCores": nano_cores}
    memory = {"workingSetBytes": working_set, "rssBytes": 1, "usageBytes": 2}
    return {"pods": [{"podRef": {"namespace": "shop", "name": name}, "cpu": cpu, "memory": memory}]}


def item(cpu: float | None, working_set: float | None) -> dict[str, Any]:
    usage = dict(zip(SIGNALS, (cpu, working_set, 1, 2), strict=True))
    return {"namespace": "shop", "name": "web", "usage": usage}


@pytest.fixture
def readings() -> Readings:
    heard = Readings()
    heard.note(summary(1_000_000, 100), now=0.0)
    heard.note(summary(2_000_000, 100), now=20.0)
    return heard


def test_the_present_reading_and_one_that_was_just_replaced_are_equal(readings: Readings) -> None:
    for cpu, age in ((0.002, 5.0), (0.001, 25.0)):
        compared = readings.compare([item(cpu, 100)], 25.0, LONGEST_AGO)
        assert compared.problems == []
        assert compared.ages_seconds[0] == age


@pytest.mark.parametrize(
    ("cpu", "working_set", "problem"),
    [
        (0.0015, 100, "shop/web cpu_cores is 0.0015; the kubelet said 0.001, 0.002"),
        (0.001, 100, "shop/web cpu_cores is 0.001, which the kubelet last said 31 s ago"),
        (0.002, None, "shop/web memory_working_set_bytes is null; the kubelet says 100"),
    ],
)
def test_what_the_kubelet_did_not_say_in_time_is_a_problem(
    readings: Readings, cpu: float, working_set: float | None, problem: str
) -> None:
    assert readings.compare([item(cpu, working_set)], 31.0, LONGEST_AGO).problems == [problem]


def test_a_value_that_the_kubelet_does_not_give_is_not_compared() -> None:
    heard = Readings()
    heard.note(summary(None, 100), now=0.0)
    assert heard.compare([item(0.5, 100)], 1.0, LONGEST_AGO).problems == []
    assert heard.pods() == {("shop", "web")}
