from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import pytest

from exporter.cluster.api import CONNECTED, NEWEST, Item, Listing, ResourceExpired
from exporter.cluster.watch import Rhythm, Watch
from exporter.errors import ApiServerError, DecodeError
from exporter.model import Source, SourceState

QUICK = Rhythm(resync=1000, watch=1000, first_pause=0.001, longest_pause=0.002)

Step = Listing | Exception | Sequence[Item | Exception]

# An event without meaning, at which the script lets more than a resync's time pass.
LATER: Item = {"type": "BOOKMARK", "object": {"later": 2000.0}}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Script:
    """An API that answers as written, list and watch in turn, and then leaves its last watch open without a word."""

    def __init__(self, *steps: Step) -> None:
        self.clock = Clock()
        self.steps = list(steps)
        self.asked: list[tuple[str, str | None]] = []
        self.exhausted = threading.Event()
        self.end = threading.Event()

    def list(self, not_older_than: str | None) -> Listing:
        self.asked.append(("list", not_older_than))
        step = self._next()
        assert isinstance(step, Listing), f"the script has {step!r} where a list was asked for"
        return step

    def watch(self, resource_version: str, seconds: int) -> Generator[Item, None, None]:
        self.asked.append(("watch", resource_version))
        step = self._next()
        assert not isinstance(step, Listing), "the script has a list where a watch was asked for"
        yield {"type": CONNECTED}
        for event in step:
            if isinstance(event, Exception):
                raise event
            self.clock.now += event.get("object", {}).get("later", 0.0) if event is LATER else 0.0
            yield event

    def _next(self) -> Listing | Sequence[Item | Exception]:
        if not self.steps:
            self.exhausted.set()
            self.end.wait(30)
            return ()
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


class Names:
    """Decodes an object to its name; remembers which uids it was told to forget."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def decode(self, item: Item) -> str:
        if item["name"] == "bad":
            raise DecodeError("bad on purpose", reason="on_purpose")
        return str(item["name"])

    def forget(self, uid: str) -> None:
        self.forgotten.append(uid)


class Followed:
    def __init__(self, script: Script, rhythm: Rhythm) -> None:
        self.script, self.clock, self.decoder = script, script.clock, Names()
        self.errors: list[tuple[Source, str, str]] = []
        self.watch: Watch[str] = Watch(
            Source.PODS, script, self.decoder, lambda *error: self.errors.append(error), self.clock, rhythm
        )
        self.stop = threading.Event()

    def names(self) -> list[str] | None:
        items = self.watch.items()
        return None if items is None else sorted(items)


@contextmanager
def followed(*steps: Step, rhythm: Rhythm = QUICK) -> Iterator[Followed]:
    """A watch that has gone through the whole script."""
    script = Script(*steps)
    found = Followed(script, rhythm)
    thread = threading.Thread(target=found.watch.run, args=(found.stop,))
    thread.start()
    try:
        assert script.exhausted.wait(10), f"left of the script: {script.steps}"
        yield found
    finally:
        found.stop.set()
        script.end.set()
        thread.join(10)
        assert not thread.is_alive()


def thing(name: str, uid: str | None = None, version: str = "5") -> Item:
    return {"name": name, "metadata": {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": version}}


def listing(*names: str, version: str = "1") -> Listing:
    return Listing(tuple(thing(name) for name in names), version)


def event(kind: str, name: str, version: str = "5") -> Item:
    return {"type": kind, "object": thing(name, version=version)}


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}


def test_list_then_events() -> None:
    events = [event("ADDED", "c", "2"), event("DELETED", "a", "3"), event("MODIFIED", "b", "4")]
    with followed(listing("a", "b"), events) as found:
        assert found.names() == ["b", "c"]
        assert found.decoder.forgotten == ["uid-a"]
        assert found.script.asked == [("list", None), ("watch", "1"), ("watch", "4")]
        assert found.errors == []


def test_before_the_first_list() -> None:
    found = Followed(Script(), QUICK)
    assert found.watch.items() is None
    assert found.watch.listed is False
    assert found.watch.settled is False
    assert found.watch.state() == SourceState(Source.PODS, None, None, None)


def test_an_empty_list_is_a_list() -> None:
    with followed(listing()) as found:
        assert found.names() == []
        assert found.watch.listed


def test_a_bookmark_moves_the_version_on() -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "77"}}}
    with followed(listing("a"), [bookmark]) as found:
        assert found.names() == ["a"]
        assert found.script.asked[-1] == ("watch", "77")
        assert found.errors == []


@pytest.mark.parametrize("gone", [[GONE], [ResourceExpired("410")], ResourceExpired("410")])
def test_an_expired_watch_leads_to_a_list_and_is_no_error(gone: Step) -> None:
    with followed(listing("a", "b"), gone, listing("b", "c", version="9")) as found:
        assert found.names() == ["b", "c"]
        assert found.decoder.forgotten == ["uid-a"]
        # The newest, not whatever a server has in its cache: that may be older than what was seen.
        assert found.script.asked[2:] == [("list", NEWEST), ("watch", "9")]
        assert found.errors == []


def test_a_list_that_expires_before_the_first_is_in_is_asked_for_again() -> None:
    with followed(ResourceExpired("410"), listing("a")) as found:
        assert found.script.asked == [("list", None), ("list", None), ("watch", "1")]


def test_a_lost_connection_continues_where_it_was() -> None:
    lost = ApiServerError("lost", reason="connection_lost")
    with followed(listing("a"), [event("ADDED", "b", "7"), lost], [event("ADDED", "c", "8")]) as found:
        assert found.names() == ["a", "b", "c"]
        assert found.script.asked == [("list", None), ("watch", "1"), ("watch", "7"), ("watch", "8")]
        assert found.errors == [(Source.PODS, "read", "connection_lost")]
        assert found.watch.state().up is True


def test_a_server_that_does_not_answer_is_asked_again_and_each_time_counts() -> None:
    down = ApiServerError("down", stage="connect", reason="unreachable")
    with followed(down, down, down, listing("a")) as found:
        assert found.names() == ["a"]
        assert found.errors == [(Source.PODS, "connect", "unreachable")] * 3


def test_an_error_event_that_is_not_gone() -> None:
    broken = {"type": "ERROR", "object": {"code": 500, "message": "etcd"}}
    with followed(listing("a"), [broken], [event("ADDED", "b")]) as found:
        assert found.names() == ["a", "b"]
        assert found.errors == [(Source.PODS, "read", "http_500")]


def test_what_nobody_foresaw_does_not_end_the_watch() -> None:
    with followed(listing("a"), [RuntimeError("a bug")], listing("b")) as found:
        assert found.names() == ["b"]
        assert found.errors == [(Source.PODS, "read", "unexpected")]
        assert ("list", NEWEST) in found.script.asked


def test_a_bad_object_costs_itself() -> None:
    events = [event("MODIFIED", "b", "3"), event("ADDED", "bad", "4"), event("ADDED", "c", "5")]
    with followed(Listing((thing("a"), thing("bad"), {"kind": "no uid"}), "1"), events) as found:
        assert found.names() == ["a", "b", "c"]
        assert found.errors == [
            (Source.PODS, "decode", "on_purpose"),
            (Source.PODS, "decode", "malformed"),
            (Source.PODS, "decode", "on_purpose"),
        ]
        assert found.script.asked[-1] == ("watch", "5")


def test_an_object_that_turns_bad_is_left_out_but_not_forgotten() -> None:
    turned = {"type": "MODIFIED", "object": thing("bad", uid="uid-a")}
    with followed(listing("a"), [turned], ResourceExpired("410"), Listing((thing("bad", "uid-a"),), "9")) as found:
        assert found.names() == []
        assert found.decoder.forgotten == []


def test_a_list_decodes_what_is_of_another_version_alone() -> None:
    """The name stands for what the object is; its version says whether that may have changed."""
    first = Listing((thing("a", "uid-a", "5"), thing("b", "uid-b", "5"), thing("bad", "uid-c", "5")), "5")
    unchanged, changed, bad = thing("not decoded", "uid-a", "5"), thing("new", "uid-b", "6"), thing("bad", "uid-c", "5")
    later = Listing((unchanged, changed, bad), "6")
    with followed(first, [GONE], later) as found:
        assert found.names() == ["a", "new"]
        # What could not be read is tried again.
        assert found.errors == 2 * [(Source.PODS, "decode", "on_purpose")]


def test_a_name_that_is_taken_again_is_another_object() -> None:
    events = [
        {"type": "ADDED", "object": thing("db-0", uid="new")},
        {"type": "DELETED", "object": thing("db-0", uid="old")},
    ]
    with followed(Listing((thing("db-0", uid="old"),), "1"), events) as found:
        assert found.names() == ["db-0"]
        assert found.decoder.forgotten == ["old"]


@pytest.mark.parametrize("broken", [{"type": "ADDED"}, {"type": "ADDED", "object": "text"}])
def test_an_event_without_an_object(broken: Item) -> None:
    with followed(listing("a"), [broken], [event("ADDED", "b")]) as found:
        assert found.names() == ["a", "b"]
        assert found.errors == [(Source.PODS, "decode", "malformed")]


def test_resync_lists_again_from_what_is_known() -> None:
    with followed(listing("a"), [event("ADDED", "b", "6"), LATER], listing("b", version="8")) as found:
        assert found.names() == ["b"]
        assert found.script.asked == [("list", None), ("watch", "1"), ("list", "6"), ("watch", "8")]


def test_the_age_is_the_time_since_the_server_was_heard_of_and_silence_ends_it() -> None:
    rhythm = Rhythm(resync=100, watch=50, first_pause=0.001, longest_pause=0.002)
    with followed(listing("a"), rhythm=rhythm) as found:
        found.clock.now += 250
        assert found.names() == ["a"]
        assert found.watch.state().sample_age_seconds == 250
        found.clock.now += 1
        assert found.watch.items() is None
        assert found.watch.listed
        assert found.watch.state() == SourceState(Source.PODS, True, 0.0, None)


@pytest.mark.parametrize(("resync", "quoted"), [(300, 750), (10, 60)])
def test_how_long_a_silent_server_is_quoted(resync: float, quoted: float) -> None:
    assert Rhythm(resync=resync).quoted == quoted


def test_pauses_double_up_to_the_longest() -> None:
    pauses: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            if len(pauses) == 8:
                self.set()
            return self.is_set()

    down = ApiServerError("down", stage="connect", reason="unreachable")
    found = Followed(Script(*[down] * 8), Rhythm())
    found.watch.run(Stop())
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, (1, 2, 4, 8, 16, 30, 30, 30), strict=True))


def test_a_server_that_ends_every_watch_at_once_is_given_a_pause() -> None:
    pauses: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            self.set()
            return True

    found = Followed(Script(listing("a"), ()), Rhythm())
    found.watch.run(Stop())
    assert len(pauses) == 1
