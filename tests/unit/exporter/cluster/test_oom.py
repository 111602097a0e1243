from __future__ import annotations

import pytest

from exporter.cluster.oom import NO_KILLS, Kills, OomKills, timestamp
from tests.replay import Recording
from tests.unit.exporter.objects import Json, container, container_status, oom_killed, pod

KILLS = {"lab-1": 7, "lab-3": 8}


def oomers(recording: str) -> list[Json]:
    """The states of the pod that is killed again and again, moment by moment."""
    return [
        item
        for moment in Recording.named(recording).moments
        for item in moment.items("pods")
        if item["metadata"]["name"].startswith("oomer-")
    ]


@pytest.mark.parametrize("recording", KILLS)
def test_a_whole_recording(recording: str) -> None:
    kills = OomKills()
    counts = [kills.observe(item).count for item in oomers(recording)]
    assert counts[0] == 0
    assert counts[-1] == KILLS[recording]
    assert counts == sorted(counts)


@pytest.mark.parametrize("recording", KILLS)
def test_a_list_again_after_every_state_changes_nothing(recording: str) -> None:
    kills, last = OomKills(), NO_KILLS
    for item in oomers(recording):
        last = kills.observe(item)
        assert kills.observe(item) == last
    assert last.count == KILLS[recording]


def test_times_of_lab_1() -> None:
    kills = OomKills()
    first_look, *later = oomers("lab-1")
    # The last kill is known from the first look on, though it is not counted.
    assert kills.observe(first_look) == Kills(0, timestamp("2026-11-24T02:57:59Z"))
    states = iter(later)
    first = next(found for item in states if (found := kills.observe(item)).count == 1)
    assert first.last_timestamp_seconds == timestamp("2026-11-24T02:59:30Z")
    *_, last = (kills.observe(item) for item in states)
    assert last == Kills(7, timestamp("2026-11-24T03:07:10Z"))


@pytest.mark.parametrize("restart", [0, 6, 7, 33, 55])
def test_what_one_exporter_counted_its_successor_does_not(restart: int) -> None:
    states = oomers("lab-1")
    before, after = OomKills(), OomKills()
    counted = [before.observe(item).count for item in states[: restart + 1]][-1]
    counted += [after.observe(item).count for item in states[restart:]][-1]
    assert counted == KILLS["lab-1"]


A, B, C = oom_killed("a"), oom_killed("b", "2026-11-24T02:00:00Z"), oom_killed("c", "2026-11-24T03:00:00Z")
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
EXIT_1 = {"terminated": {"exitCode": 1, "reason": "Error", "containerID": "containerd://e"}}
# Killed by signal 9, but not for memory.
KILLED = {"terminated": {"exitCode": 137, "reason": "Error", "containerID": "containerd://k"}}


@pytest.mark.parametrize(
    ("states", "count"),
    [
        pytest.param([({}, {}), (A, {})], 1, id="without a restart"),
        pytest.param([({}, {}), (A, {}), (WAITING, A), ({}, A)], 1, id="back-off and restart"),
        pytest.param([({}, {}), ({}, A)], 1, id="the restart is all that was seen"),
        pytest.param([({}, {}), (B, A)], 2, id="two between two looks"),
        pytest.param([({}, A), (B, A), ({}, B), (C, B)], 2, id="the one before the first look is not counted"),
        pytest.param([(B, A), ({}, B)], 0, id="nor are both"),
        pytest.param([({}, {}), (A, {}), ({}, {}), ({}, A)], 1, id="a status that forgets for a moment"),
        pytest.param(
            [({}, {}), (A, {}), (B, A), ({}, B), ({}, A), (C, A)], 3, id="a status that falls back to an older one"
        ),
        pytest.param([({}, {}), (EXIT_1, {}), ({}, EXIT_1), (KILLED, EXIT_1)], 0, id="other ends"),
        pytest.param([({}, {}), (A, {}), (EXIT_1, A), (WAITING, EXIT_1), (B, EXIT_1)], 2, id="among other ends"),
    ],
)
def test_states_of_a_container(states: list[tuple[Json, Json]], count: int) -> None:
    kills, found = OomKills(), NO_KILLS
    for state, last_state in states:
        shown = container_status(state=state, last_state=last_state)
        found = kills.observe(pod(status={"containerStatuses": [shown]}))
    assert found.count == count


def test_a_container_that_is_killed_for_ever_is_remembered_in_little_space() -> None:
    kills = OomKills()
    kills.observe(pod())
    for number in range(100):
        shown = container_status(state=oom_killed(f"{number}"), last_state=oom_killed(f"{number - 1}"))
        found = kills.observe(pod(status={"containerStatuses": [shown]}))
        assert found.count == number + 1 + 1  # and the one before the first
    assert sum(len(ids) for memory in kills._pods.values() for ids in memory.ids.values()) <= 8


def test_a_container_is_seen_when_the_pod_names_it() -> None:
    kills = OomKills()
    kills.observe(pod(status={"phase": "Pending"}))
    assert kills.observe(pod(status={"containerStatuses": [container_status(state=A)]})).count == 1


def test_init_containers_sidecars_and_debug_containers() -> None:
    kills = OomKills()
    spec = {"initContainers": [container("step"), container("side", restartPolicy="Always")]}
    kills.observe(pod(spec=spec))
    init = [container_status("step", state=A), container_status("side", last_state=B)]
    assert kills.observe(pod(spec=spec, status={"initContainerStatuses": init})).count == 2
    # One that was added to a pod after it was first seen, and is seen first when it is dead already.
    spec |= {"ephemeralContainers": [container("debug")]}
    debug = {"initContainerStatuses": init, "ephemeralContainerStatuses": [container_status("debug", state=C)]}
    assert kills.observe(pod(spec=spec, status=debug)).count == 2


def test_containers_of_one_pod_add_up_and_pods_are_counted_apart() -> None:
    kills = OomKills()
    two = (container("one"), container("two"))
    kills.observe(pod(*two))
    kills.observe(pod(uid="other"))
    shown = [container_status("one", state=A), container_status("two", state=B)]
    found = kills.observe(pod(*two, status={"containerStatuses": shown}))
    assert found == Kills(2, timestamp("2026-11-24T02:00:00Z"))
    assert kills.observe(pod(uid="other")) == NO_KILLS


def test_a_pod_that_is_gone_is_forgotten() -> None:
    kills = OomKills()
    kills.observe(pod())
    assert len(kills) == 1
    kills.forget(pod()["metadata"]["uid"])
    kills.forget("never seen")
    assert len(kills) == 0
