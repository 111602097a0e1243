"""What HTTP says of answers that are kept: asked of an application whose Prometheus counts its queries."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from facade.app import create_app
from facade.config import Settings
from facade.errors import UpstreamTimeoutError
from facade.kept import KeptAnswers
from facade.prometheus import PrometheusClient
from tests.harness.script import NOW, Script, Scripted, constant, response
from tests.harness.upstream import success

INTERVAL = 15
NODES = [
    {"metric": {"__name__": "cloudmon_node_info", "node": f"node-{number:03}"}, "value": [NOW, "1"]}
    for number in range(40)
]
PATHS = ["/api/nodes", "/api/nodes/node-001", "/api/nodes?format=csv", "/api/nodes?explain=true"]


class Kept:
    """An application that keeps its answers. ``seconds`` have passed since the beginning of a scrape interval."""

    def __init__(self, in_flight: int = 8) -> None:
        self.seconds = 0.0
        self.answer: Scripted = response(success("vector", NODES))
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        settings = Settings.from_environment({"SCRAPE_INTERVAL": str(INTERVAL)})
        self.script = Script(self._answer)
        self.client = PrometheusClient(settings, transport=self.script, clock=lambda: self.seconds, helpers=1)
        self.app: Flask = create_app(settings, self.client, in_flight=in_flight, kept=KeptAnswers(INTERVAL))
        # The clock is asked of Prometheus once, which no test below counts.
        self.client.now()

    def _answer(self, query: str) -> Scripted:
        if query == "1":
            return constant(NOW)
        self.begun.set()
        assert self.go_on.wait(10)
        return response(success("vector", NODES[1:2])) if 'node="node-001"' in query else self.answer

    @property
    def asked(self) -> int:
        """How many queries there were, those for the clock aside."""
        return sum(form["query"] != "1" for _, form, _ in self.script.posted)

    def get(self, path: str = "/api/nodes", method: str = "GET", **headers: str) -> TestResponse:
        fields = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.app.test_client().open(path, method=method, headers=fields)


@pytest.fixture
def kept() -> Iterator[Kept]:
    assert NOW % INTERVAL == 0
    kept = Kept()
    yield kept
    kept.client.close()


@pytest.mark.parametrize("path", PATHS)
def test_the_same_is_asked_of_prometheus_once_an_interval(kept: Kept, path: str) -> None:
    first = kept.get(path)
    kept.seconds = INTERVAL - 1
    again, head = kept.get(path), kept.get(path, "HEAD")
    assert (first.status_code, again.status_code, head.status_code, kept.asked) == (200, 200, 200, 1)
    assert (again.data, head.data) == (first.data, b"")
    assert "Age" not in first.headers
    assert again.headers["Age"] == head.headers["Age"] == str(INTERVAL - 1)
    same = ("ETag", "Cache-Control", "Content-Type", "Vary", "Content-Length", "Content-Disposition", "X-Time")
    for name in same:
        assert first.headers.get(name) == again.headers.get(name) == head.headers.get(name)
    kept.seconds = INTERVAL
    assert "Age" not in kept.get(path).headers
    assert kept.asked == 2


def test_another_request_is_another_answer(kept: Kept) -> None:
    answers = [
        kept.get("/api/nodes"), kept.get("/api/nodes?limit=1"), kept.get("/api/nodes?format=csv"),
        kept.get("/api/nodes?explain=true"), kept.get("/api/nodes/node-001"),
    ]  # fmt: skip
    assert kept.asked == len({answer.data for answer in answers}) == len(answers)
    # The form that the Accept header chooses is the one that format= names; a slash at the end is ignored.
    assert kept.get("/api/nodes/").data == answers[0].data
    assert kept.asked == len(answers)


def test_who_has_a_kept_answer_gets_304(kept: Kept) -> None:
    tag = kept.get().headers["ETag"]
    kept.seconds = 3
    again = kept.get(If_None_Match=tag)
    assert (again.status_code, again.data, again.headers["ETag"], again.headers["Age"]) == (304, b"", tag, "3")
    assert kept.get(If_None_Match='"other"').status_code == 200
    assert kept.asked == 1


def test_a_condition_of_the_first_is_not_kept(kept: Kept) -> None:
    assert kept.get(If_None_Match="*").status_code == 304
    assert kept.get().status_code == 200
    assert kept.asked == 1


@pytest.mark.parametrize("directive", ["no-cache", "no-store", "max-age=0", "max-age=4"])
def test_who_wants_it_newer_gets_it_from_upstream_and_so_does_who_comes_after(kept: Kept, directive: str) -> None:
    kept.get()
    kept.seconds = 5
    kept.answer = response(success("vector", NODES[:1]))
    newer = kept.get(Cache_Control=directive)
    assert newer.json is not None
    assert (newer.json["total"], "Age" in newer.headers, kept.asked) == (1, False, 2)
    assert kept.get().data == newer.data
    assert kept.get(Cache_Control="max-age=5").data == newer.data
    assert kept.asked == 2


def test_errors_are_not_kept(kept: Kept) -> None:
    kept.answer = UpstreamTimeoutError("late")
    failed = kept.get()
    assert (failed.status_code, failed.headers["Cache-Control"]) == (504, "no-store")
    kept.answer = response(success("vector", NODES))
    assert kept.get().status_code == 200
    assert kept.get("/api/nodes?limit=x").status_code == 400
    assert kept.asked == 2


def test_whoever_takes_gzip_gets_it(kept: Kept) -> None:
    plain = kept.get()
    for accepted in ("gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1"):
        packed = kept.get(Accept_Encoding=accepted)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Content-Length"] == str(len(packed.data))
        assert packed.headers["ETag"] == plain.headers["ETag"]
        assert gzip.decompress(packed.data) == plain.data
    for refused in ("", "identity", "br", "gzip;q=0"):
        assert "Content-Encoding" not in kept.get(Accept_Encoding=refused).headers
    # What fits into a packet is not worth it.
    assert "Content-Encoding" not in kept.get("/api/nodes?name=none", Accept_Encoding="gzip").headers
    assert kept.asked == 2


def test_many_at_once_are_one_query(kept: Kept) -> None:
    kept.go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(kept.get) for _ in range(8)]
        assert kept.begun.wait(10)
        kept.go_on.set()
        assert len({answer.result().data for answer in answers}) == 1
        assert {answer.result().status_code for answer in answers} == {200}
    assert kept.asked == 1


def test_what_is_at_hand_takes_no_place_and_what_is_not_does() -> None:
    kept = Kept(in_flight=1)
    kept.get("/api/nodes?limit=1")
    kept.begun.clear()
    kept.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kept.get)
        try:
            assert kept.begun.wait(10)
            assert kept.get("/api/nodes?limit=1").status_code == 200
            refused = kept.get("/api/nodes?limit=2")
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        finally:
            kept.go_on.set()
        assert first.result().status_code == 200
    assert kept.get("/api/nodes?limit=2").status_code == 200
    kept.client.close()
