"""What the stress test complains of, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.stress.calls import Call, Request
from tests.stress.checks import Answer, complaint
from tests.stress.declared import Route
from tests.stress.entities import Entity

NOON = "2026-11-24T12:00:00Z"
ITEM = {
    "name": "a", "namespace": "x", "node": None, "workload": {"kind": "Pod", "name": "a"}, "last_oom_kill": None,
    "usage": {"cpu_cores": 2, "memory_rss_bytes": None}, "limits": {"cpu_cores": None},
    "missing": {"node": "not_running", "memory_rss_bytes": "no_samples", "limits.cpu_cores": "no_limit"},
}  # fmt: skip
LIST = {"items": [ITEM, {**ITEM, "name": "b"}], "total": 2, "time": NOON}
SERIES = {
    "name": "a", "window": 60, "start": 0, "end": 60, "step": 30, "timestamps": [30, 60],
    "series": {"cpu_cores": [1, None]}, "missing": {},
}  # fmt: skip
PROBLEM = {"type": "t", "title": "t", "status": 404, "detail": "There is no pod named a."}
OVER_TIME = "/api/pods/{pod}/timeseries"
KIND = {"kind": "pod"}
EXPLAINED = [{"query": "up", "time": 3}]


def answer(document: Any, status: int = 200, type_: str = "application/json", **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {"content-type": type_, **headers}, body)


def asked(template: str, query: Mapping[str, str] | None = None, **more: Any) -> Request:
    return Call(Route(template), query or {}, **more).request(Entity("pod", "a", "x") if "{" in template else None, 0)


def kind_with(**changes: Any) -> dict[str, Any]:
    return {**SERIES, "items": [{"name": "a", "namespace": "x", "values": [1, None], **changes}], "total": 1}


TAGGED = Call(Route("/api/pods", tagged=True), statuses=frozenset({200, 304})).request(None, 0)


def list_with(**changes: Any) -> dict[str, Any]:
    return {**LIST, **changes}


def items_with(**changes: Any) -> dict[str, Any]:
    return {**LIST, "items": [{**ITEM, **changes}], "total": 1}


@pytest.mark.parametrize(
    ("request_", "given"),
    [
        (asked("/api/pods"), answer(LIST)),
        (asked("/api/pods", {"limit": "1"}), answer({**items_with(), "total": 2, "next": "/api/pods?offset=1"})),
        (asked("/api/pods", {"offset": "9"}), answer(list_with(items=[]))),
        (asked("/api/pods", {"explain": "true"}), answer(list_with(explain=EXPLAINED))),
        (asked("/api/pods", {"sort": "-memory_rss_bytes"}), answer(LIST)),
        (asked("/api/pods", {"workload": "Pod/a", "name": "a"}), answer(items_with())),
        (asked("/api/pods/{pod}"), answer({**ITEM, "time": NOON})),
        (asked(OVER_TIME), answer(SERIES)),
        (
            asked("/api/pods", {"format": "csv"}),
            answer(b"name,usage.cpu_cores\r\na,1\r\n", type_="text/csv; charset=utf-8"),
        ),
        (asked("/api/pods", method="HEAD"), answer(b"")),
        (TAGGED, answer(LIST, etag='W/"a"')),
        (TAGGED, answer(b"", 304, etag='W/"a"')),
        (asked("/healthz"), answer({"status": "ok"})),
        (asked("/metrics"), answer(b"cloudmon_facade_requests_total 1", type_="text/plain; version=0.0.4")),
        (asked("/", headers={"Accept": "text/html"}), answer(b"<h1>Cloud Monitoring</h1>", type_="text/html")),
        (asked("/docs"), answer(b"<html>", type_="text/html")),
        (
            asked("/api/pods/{pod}", statuses=frozenset({404}), blamed="pod"),
            answer(PROBLEM, 404, "application/problem+json"),
        ),
        (
            asked("/api/pods"),
            answer({**PROBLEM, "status": 429}, 429, "application/problem+json", **{"retry-after": "1"}),
        ),
    ],
)
def test_what_is_as_it_should_be(request_: Request, given: Answer) -> None:
    assert complaint(request_, given) is None


@pytest.mark.parametrize(
    ("request_", "given", "words"),
    [
        (asked("/api/pods"), answer(PROBLEM, 404), "status 404, not 200"),
        (asked("/api/pods"), answer(LIST, type_="text/plain"), "text/plain, not application/json"),
        (asked("/api/pods"), answer(b"{"), "not JSON"),
        (asked("/api/pods"), answer(b"[]"), "no object"),
        (asked("/api/pods"), answer(b'{"total": NaN}'), "NaN in JSON"),
        (asked("/api/pods"), answer(list_with(items=None)), "no items"),
        (asked("/api/pods"), answer(list_with(items=[3])), "items that are no objects"),
        (asked("/api/pods"), answer(list_with(total="2")), "total is '2', no number"),
        (asked("/api/pods"), answer(list_with(total=3)), "2 items of a total of 3"),
        (asked("/api/pods"), answer(list_with(time="now")), "time 'now'"),
        (asked("/api/pods"), answer(list_with(next="/x")), "next though nothing follows"),
        (asked("/api/pods", {"limit": "1"}), answer({**items_with(), "total": 2}), "next is None though more follow"),
        (asked("/api/pods"), answer(list_with(explain=EXPLAINED)), "explain without being asked"),
        (asked("/api/pods", {"explain": "true"}), answer(LIST), "no explain"),
        (asked("/api/pods", {"explain": "true"}), answer(list_with(explain=[{"query": "up"}])), "cannot be pasted"),
        (asked("/api/pods"), answer(items_with(missing={})), "node is null without a reason"),
        (asked("/api/pods"), answer(items_with(limits={"cpu_cores": None, "x": None})), "limits.x is null"),
        (asked("/api/pods"), answer(items_with(usage=None)), "no usage"),
        (asked("/api/pods"), answer(items_with(namespace=3)), "has no namespace"),
        (asked("/api/pods", {"metrics": "cpu_cores"}), answer(items_with()), "metrics=cpu_cores gave cpu_"),
        (asked("/api/pods", {"metrics": "cpu_cores,memory_rss_bytes"}), answer(items_with()), "gave last_oom_kill"),
        (asked("/api/pods", {"namespace": "y"}), answer(items_with()), "namespace=y let a through"),
        (asked("/api/pods", {"workload": "b"}), answer(items_with()), "workload=b let"),
        (asked("/api/pods", {"name": "b"}), answer(items_with()), "name=b let a through"),
        (asked("/api/pods", {"sort": "-name"}), answer(LIST), "sort=-name: 'a' comes before 'b'"),
        (
            asked("/api/pods", {"sort": "memory_rss_bytes"}),
            answer(list_with(items=[ITEM, {**ITEM, "usage": {"memory_rss_bytes": 1}}])),
            "comes after what is missing",
        ),
        (asked("/api/pods/{pod}"), answer({**ITEM, "name": "b", "time": NOON}), "asked for a, got 'b'"),
        (asked(OVER_TIME), answer({**SERIES, "window": 90}), "window 90 from 0 to 60"),
        (asked(OVER_TIME), answer({**SERIES, "timestamps": [30]}), "1 timestamps in 60 s"),
        (asked(OVER_TIME), answer({**SERIES, "timestamps": [0, 30]}), "from start + step to end"),
        (asked(OVER_TIME), answer({**SERIES, "series": {"a": [1]}}), "a has 1 values"),
        (asked(OVER_TIME), answer({**SERIES, "series": {"a": ["1", 2]}}), "no numbers"),
        (asked(OVER_TIME), answer({**SERIES, "series": {"a": [None, None]}}), "all null"),
        (asked(OVER_TIME, {"metrics": "a"}), answer(SERIES), "metrics=a gave cpu_cores"),
        (asked(OVER_TIME, {"stats": "true"}), answer(SERIES), "no stats"),
        (asked(OVER_TIME, {"stats": "true"}), answer({**SERIES, "stats": {}}), "no stats of cpu_cores"),
        (
            asked(OVER_TIME, {"stats": "true"}),
            answer({**SERIES, "stats": {"cpu_cores": {"min": 1, "max": 1, "avg": 1, "p50": 1, "p95": 1}}}),
            "stats of cpu_cores lack last",
        ),
        (asked("/api/namespaces/{namespace}/timeseries"), answer(SERIES), "no coverage"),
        (asked("/api/timeseries", KIND), answer(kind_with(namespace=None)), "a has no namespace"),
        (asked("/api/timeseries", KIND), answer(kind_with(values=[1])), "values has 1 values"),
        (asked("/api/timeseries", KIND), answer(kind_with(values=[None, None])), "a: cpu_cores is all null"),
        (asked("/api/timeseries", {**KIND, "stats": "true"}), answer(kind_with()), "no stats"),
        (asked("/api/timeseries", {"kind": "deployment"}), answer(kind_with()), "no coverage"),
        (asked("/api/timeseries", KIND), answer({**kind_with(), "total": 2}), "1 items of a total of 2"),
        (asked("/api/pods", {"format": "csv"}), answer(b"name,x\r\na\r\n", type_="text/csv"), "another number in row"),
        (asked("/api/pods", {"format": "csv"}), answer(b"x\r\n", type_="text/csv"), "without a column name"),
        (asked("/api/pods", {"format": "csv"}), answer(b"", type_="text/csv"), "without a header"),
        (asked("/api/pods", {"format": "csv", "limit": "1"}), answer(b"name\na\nb\n", type_="text/csv"), "2 rows with"),
        (asked("/api/pods", method="HEAD"), answer(b"x"), "HEAD, 200, with a body of 1 bytes"),
        (asked("/"), answer({"name": "cloud-monitoring", "links": {}, "status": "degraded"}), "status 'degraded'"),
        (TAGGED, answer(LIST), "200 without an ETag"),
        (TAGGED, answer(b"x", 304, etag="a"), "GET, 304, with a body"),
        (asked("/openapi.json"), answer({"openapi": "3.0.0"}), "not OpenAPI 3.1"),
        (asked("/metrics"), answer(b"", type_="text/plain"), "no cloudmon_facade_requests_total"),
        (asked("/", headers={"Accept": "text/html"}), answer(b"", type_="text/html"), "does not say Cloud Monitoring"),
        (asked("/api/pods", {"workload": "a"}), answer(items_with(workload=["a"])), "unknown shape"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_answer(request_: Request, given: Answer, words: str) -> None:
    assert words in str(complaint(request_, given))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(PROBLEM, 404), "as application/json, not application/problem+json"),
        (answer({**PROBLEM, "detail": 3}, 404, "application/problem+json"), "without detail"),
        (answer({**PROBLEM, "status": 400}, 404, "application/problem+json"), "of status 400 with status 404"),
        (answer({**PROBLEM, "detail": "no"}, 404, "application/problem+json"), "does not name 'pod'"),
        (answer({**PROBLEM, "detail": "pod Traceback"}, 404, "application/problem+json"), "a traceback"),
        (answer({**PROBLEM, "status": 405, "detail": "pod"}, 405, "application/problem+json"), "405 without Allow"),
        (answer({**PROBLEM, "status": 429}, 429, "application/problem+json"), "429 without Retry-After"),
    ],
)
def test_what_is_wrong_with_a_refusal(given: Answer, words: str) -> None:
    request = asked("/api/pods/{pod}", statuses=frozenset({404, 405}), blamed="pod")
    assert words in str(complaint(request, given))


@pytest.mark.parametrize(("text", "seconds"), [("3", 3), ("soon", 1), (None, 1)])
def test_when_to_come_back(text: str | None, seconds: float) -> None:
    headers = {} if text is None else {"retry-after": text}
    assert Answer(429, headers, b"").retry_after_seconds == seconds
