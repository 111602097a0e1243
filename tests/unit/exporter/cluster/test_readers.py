"""Which OOM kills an exporter publishes: those since it may be scraped, each once, whichever exporter saw it first."""

from __future__ import annotations

import queue
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from exporter.cluster.api import CONNECTED, Item, Listing
from exporter.cluster.readers import NodePodsReader
from exporter.cluster.watch import Rhythm
from exporter.model import Source
from tests.harness import wait_until
from tests.unit.exporter.objects import Json, container_status, oom_killed, pod

UID = "00000000-0000-4000-8000-000000000001"


class Api:
    """Lists one pod, then gives the events that a test puts in."""

    def __init__(self, first: Json) -> None:
        self._first = first
        self._events: queue.Queue[Item | None] = queue.Queue()
        self._taken = 0

    def list(self, not_older_than: str | None) -> Listing:
        return Listing((self._first,), "1")

    def watch(self, resource_version: str, seconds: int) -> Generator[Item, None, None]:
        yield {"type": CONNECTED}
        while (event := self._events.get()) is not None:
            yield event
            self._taken += 1  # asked for the next, it has dealt with this one

    def show(self, item: Json, kind: str = "MODIFIED") -> None:
        taken = self._taken
        self._events.put({"type": kind, "object": item})
        wait_until(lambda: self._taken > taken, 10, "the event to be taken")

    def end(self) -> None:
        self._events.put(None)


def killed(*ids: str) -> Json:
    """The pod, whose container shows the last two of its ``ids``."""
    state, last_state = ([oom_killed(one) for one in reversed(ids)] + [None, None])[:2]
    return pod(status={"containerStatuses": [container_status(state=state, last_state=last_state)]})


@contextmanager
def reading(first: Json) -> Iterator[tuple[Api, NodePodsReader]]:
    api = Api(first)
    reader = NodePodsReader(api, lambda source, stage, reason: None, rhythm=Rhythm(first_pause=0.01))
    reader.start()
    wait_until(lambda: reader.listed, 10, "the first list")
    try:
        yield api, reader
    finally:
        reader.stop()
        api.end()


def kills(reader: NodePodsReader) -> dict[str, int]:
    return {one.uid: one.oom_kills for one in reader.items() or ()}


def test_kills_seen_while_becoming_ready_are_the_predecessors() -> None:
    with reading(killed()) as (api, reader):
        api.show(killed("a"))
        reader.begin_serving()
        assert kills(reader) == {UID: 0}
        api.show(killed("a", "b"))
        assert kills(reader) == {UID: 1}
        assert [one.last_oom_kill_timestamp_seconds for one in reader.items() or ()] == [1795482000.0]


@pytest.mark.parametrize("ready_later", [False, True])
def test_whoever_is_scraped_before_it_is_ready_counts_from_then_on(ready_later: bool) -> None:
    with reading(killed()) as (api, reader):
        api.show(killed("a"))
        assert kills(reader) == {UID: 0}
        api.show(killed("a", "b"))
        if ready_later:
            reader.begin_serving()
        assert kills(reader) == {UID: 1}


def test_a_pod_that_comes_later_counts_all_of_its_kills() -> None:
    with reading(killed("a")) as (api, reader):
        reader.begin_serving()
        other = pod(uid="other")
        api.show(other, "ADDED")
        api.show({**other, "status": killed("x")["status"]})
        assert kills(reader) == {UID: 0, "other": 1}


def test_two_exporters_in_turn_count_every_kill_once() -> None:
    """The second begins to look while the first is scraped, and is scraped from when the first ends."""
    shown: list[str] = []
    with reading(killed()) as (first_api, first):
        first.begin_serving()
        for number in range(3):
            shown.append(f"before-{number}")
            first_api.show(killed(*shown))
        with reading(killed(*shown)) as (second_api, second):
            shown.append("both-look")
            first_api.show(killed(*shown))
            second_api.show(killed(*shown))
            by_first = kills(first)[UID]
            second.begin_serving()
            shown.append("after")
            second_api.show(killed(*shown))
            assert by_first + kills(second)[UID] == len(shown)


def test_an_api_server_that_answers_after_readiness_is_first_seen_then() -> None:
    api = Api(killed("a"))
    reader = NodePodsReader(api, lambda source, stage, reason: None, rhythm=Rhythm(first_pause=0.01))
    assert reader.items() is None
    reader.begin_serving()
    reader.start()
    wait_until(lambda: reader.listed, 10, "the first list")
    assert kills(reader) == {UID: 0}
    api.show(killed("a", "b"))
    assert kills(reader) == {UID: 1}
    reader.stop()
    api.end()
    assert reader.state().source is Source.NODE_PODS
