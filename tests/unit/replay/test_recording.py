"""The recordings are whole, and read as what their README says they are."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.replay import Endpoint, Recording, cheap_summary
from tests.replay.recording import RECORDINGS_DIRECTORY, newest_time_unix


@pytest.mark.parametrize(
    ("name", "moments", "node", "down"),
    [
        ("lab-1", 56, "lab-1", ["029", "030"]),
        ("lab-3", 60, "lab-3", ["032", "033"]),
        ("lab-1-degraded", 1, "lab-1", []),
        ("full-node", 1, "lab-1", []),
        ("full-node-1.36", 1, "lab-4", []),
    ],
)
def test_recordings_hold_what_their_readme_says(name: str, moments: int, node: str, down: list[str]) -> None:
    recording = Recording.named(name)

    assert len(recording.moments) == moments
    assert recording.node_name == node
    assert [moment.name for moment in recording.moments if moment.kubelet_down] == down
    for moment in recording.moments:
        for endpoint in Endpoint:
            assert (moment.body(endpoint) is None) == moment.kubelet_down, (moment.name, endpoint)


def test_a_part_of_a_recording_can_be_chosen() -> None:
    part = Recording.named("lab-1", first=28, last=31)

    assert [moment.name for moment in part.moments] == ["028", "029", "030", "031"]
    assert part.moments[0].items("pods")[0]["metadata"]["uid"]


def test_no_moments_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no moments"):
        Recording(tmp_path)


def test_moments_are_ten_seconds_apart(lab_1: Recording, lab_3: Recording) -> None:
    for recording in (lab_1, lab_3):
        times = [moment.time_unix for moment in recording.moments]
        assert all(9 < after - before < 11 for before, after in itertools.pairwise(times))


@pytest.mark.parametrize("recorded", ["full-node-1.36/001", "lab-3/010"])
def test_the_derived_cheap_summary_has_the_shape_of_a_recorded_one(recorded: str) -> None:
    directory = RECORDINGS_DIRECTORY / recorded
    full, cheap = (
        gzip.decompress((directory / file).read_bytes())
        for file in ("kubelet-stats-summary.gz", "kubelet-stats-summary-only-cpu-and-memory.gz")
    )

    derived = json.loads(cheap_summary(full))

    assert _paths(derived) == _paths(json.loads(cheap))
    assert _paths(derived) < _paths(json.loads(full))


def test_lab_1_has_the_cheap_summary_of_its_full_one(lab_1: Recording) -> None:
    moment = lab_1.moments[0]
    full, cheap = (json.loads(moment.body(each) or b"") for each in (Endpoint.SUMMARY, Endpoint.CHEAP_SUMMARY))

    assert [pod["cpu"] for pod in cheap["pods"]] == [pod["cpu"] for pod in full["pods"]]
    assert all("network" in pod for pod in full["pods"])
    assert not any("network" in pod for pod in cheap["pods"])


def test_newest_time_leaves_out_the_end_of_a_grace_period() -> None:
    body = b'{"a": "2026-11-24T02:58:33Z", "deletionTimestamp": "2026-11-24T02:59:33Z", "b": "2026-11-24T02:58:30Z"}'

    assert newest_time_unix(body) == 1795489113
    assert newest_time_unix(b'up 1 1795489118123\nup{a="b"} 2 1795489117000\n') == 1795489118.123
    assert newest_time_unix(b"{}") == 0


def _paths(value: Any, at: str = "") -> set[str]:
    """Every path of names in a JSON value, the elements of arrays taken together."""
    if isinstance(value, dict):
        return {at}.union(*(_paths(part, f"{at}.{name}") for name, part in value.items()))
    if isinstance(value, list):
        return {at}.union(*(_paths(part, f"{at}[]") for part in value))
    return {at}
