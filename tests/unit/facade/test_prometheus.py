"""The client's answers and errors, from what an upstream says; the bytes' own mishaps are test_transport's."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Mapping
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facade.answer import decode_samples, decode_series
from facade.asked import Instant, Range, recording
from facade.config import Settings
from facade.errors import (
    UpstreamBusyError,
    UpstreamError,
    UpstreamFormatError,
    UpstreamRefusedError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from facade.prometheus import Answer, PrometheusClient, Response, Sample, Series
from tests.harness.script import Script, response, value
from tests.harness.upstream import Upstream, answering, failure, success

SETTINGS = Settings.from_environment({"PROMETHEUS_TIMEOUT": "2.5"})
VECTOR = success("vector", [{"metric": {"pod": "a"}, "value": [10, "1.5"]}])


def test_an_instant_query() -> None:
    script = Script(response(VECTOR))
    with PrometheusClient(SETTINGS, transport=script) as client:
        assert client.instant("up", 1795492800) == [Sample({"pod": "a"}, 1.5)]
    assert script.posted == [
        ("/api/v1/query", {"query": "up", "lookback_delta": "5m", "time": "1795492800", "timeout": "2.5"}, 2.5),
    ]
    assert script.closed


def test_a_range_query() -> None:
    script = Script(response(success("matrix", [{"metric": {"pod": "a"}, "values": [[10, "1"], [10.5, "NaN"]]}])))
    with PrometheusClient(SETTINGS, transport=script) as client:
        (series,) = client.range("up", 1795492800, 1795492815.25, 0.25)
    assert series.labels == {"pod": "a"}
    assert [time for time, _ in series.points] == [10, 10.5]
    assert [str(value) for _, value in series.points] == ["1.0", "nan"]
    path, form, _ = script.posted[0]
    assert path == "/api/v1/query_range"
    assert (form["start"], form["end"], form["step"]) == ("1795492800", "1795492815.25", "0.25")


@pytest.mark.parametrize(
    ("text", "number"), [("NaN", math.nan), ("+Inf", math.inf), ("-Inf", -math.inf), ("1e-3", 0.001)]
)
def test_numbers_are_what_they_say(text: str, number: float) -> None:
    (sample,) = decode_samples(value(text))
    assert sample.value == number or (math.isnan(number) and math.isnan(sample.value))


def test_a_scalar_is_a_sample_without_labels() -> None:
    assert decode_samples(response(success("scalar", [10, "1"]))) == [Sample({}, 1.0)]


def test_remarks_are_kept_with_the_answer_and_in_the_record() -> None:
    script = Script(response(success("vector", [], warnings=["a store is missing"], infos=["no counter"])))
    with PrometheusClient(SETTINGS, transport=script) as client, recording() as asked:
        answer = client.instant("up", 0)
    assert (answer.warnings, answer.infos) == (("a store is missing",), ("no counter",))
    assert (asked.entries[0].warnings, asked.entries[0].infos) == (answer.warnings, answer.infos)


@pytest.mark.parametrize(
    ("answer", "class_", "detail"),
    [
        (response(failure("bad_data", "parse error"), 400), UpstreamRefusedError, "refused the query"),
        (response(failure("execution", "many-to-many"), 422), UpstreamRefusedError, "refused the query"),
        (response(failure("timeout", "query timed out"), 503), UpstreamTimeoutError, "took too long"),
        (response("<html>gateway</html>", 504), UpstreamTimeoutError, "took too long"),
        (response("<html>busy</html>", 503), UpstreamBusyError, "cannot answer now"),
        (response(failure("unavailable", "not ready"), 503), UpstreamBusyError, "cannot answer now"),
        (response("slow down", 429), UpstreamBusyError, "cannot answer now"),
        (response("", 401), UpstreamRefusedError, "PROMETHEUS_HEADERS may lack an authorisation"),
        (response("<html>", 403), UpstreamRefusedError, "PROMETHEUS_HEADERS may lack an authorisation"),
        (response("404 page not found", 404), UpstreamFormatError, "path prefix"),
        (response("<html>", 400), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response("", 302), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(failure("internal", "boom"), 500), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response("<html>welcome</html>"), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(VECTOR[:40]), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(VECTOR, 201), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(failure("bad_data", "odd")), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response("[1]"), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(b"\xff\xfe"), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response("[" * 100_000), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response('{"a": ' + "9" * 10_000 + "}"), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response('{"status": "success"}'), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response('{"status": "success", "data": [1]}'), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(success("matrix", [])), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(success("string", [0, "text"])), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(success("vector", [{"metric": {}}])), UpstreamFormatError, "not the Prometheus HTTP API"),
        (response(success("vector", [{"metric": {"a": 1}, "value": [0, "1"]}])), UpstreamFormatError, "HTTP API"),
        (response(success("vector", [{"metric": {}, "value": [0, 1]}])), UpstreamFormatError, "HTTP API"),
        (response(success("vector", [{"metric": {}, "value": [0, "one"]}])), UpstreamFormatError, "HTTP API"),
        (response(success("vector", [{"metric": {}, "histogram": [0, {}]}])), UpstreamFormatError, "HTTP API"),
        (response('{"status":"success","data":{"resultType":"scalar","result":[NaN,"1"]}}'), UpstreamFormatError, ""),
    ],
)  # fmt: skip
def test_what_is_not_a_success_is_the_right_error(answer: Response, class_: type[UpstreamError], detail: str) -> None:
    with PrometheusClient(SETTINGS, transport=Script(answer)) as client, pytest.raises(UpstreamError) as caught:
        client.instant("up", 0)
    assert type(caught.value) is class_
    assert detail in str(caught.value)
    assert caught.value.cause


def test_what_prometheus_says_goes_to_the_log_and_not_to_the_caller() -> None:
    answer = response(failure("bad_data", "dial tcp 10.1.2.3:9090 with Bearer secret"), 400)
    with pytest.raises(UpstreamRefusedError) as caught:
        decode_samples(answer)
    assert "10.1.2.3" not in str(caught.value)
    assert "10.1.2.3" in caught.value.cause


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("99999999", 3600), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)]
)
def test_the_wait_that_prometheus_asks_for_is_passed_on(text: str, seconds: float | None) -> None:
    with pytest.raises(UpstreamBusyError) as caught:
        decode_samples(response("busy", 503, {"retry-after": text}))
    assert caught.value.retry_after_seconds == seconds


@given(body=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), status=st.integers(100, 599))
def test_no_body_is_anything_but_an_answer_or_an_upstream_error(body: bytes, status: int) -> None:
    for decode in (decode_samples, decode_series):
        with contextlib.suppress(UpstreamError):
            decode(Response(status, {}, body))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metric", "value", "values", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(kind=st.sampled_from(["vector", "matrix", "scalar"]), result=JSON, remarks=JSON)
def test_no_result_is_anything_but_an_answer_or_a_format_error(kind: str, result: object, remarks: object) -> None:
    for decode in (decode_samples, decode_series):
        with contextlib.suppress(UpstreamFormatError):
            decode(response(success(kind, result, warnings=remarks)))


def test_the_record_has_every_query_in_its_order_and_its_seconds() -> None:
    script = Script({query: value("1") for query in "abcdefgh"})
    with PrometheusClient(SETTINGS, transport=script) as client:
        client.instant("a", 1)
        with recording() as outer:
            client.instant("a", 1)
            with recording() as inner:
                client.gather(list("bcdefgh"), 2.5)
    assert [entry.question for entry in outer.entries] == [Instant("a", 1)]
    assert [entry.question for entry in inner.entries] == [Instant(query, 2.5) for query in "bcdefgh"]
    assert all(entry.seconds > 0 for entry in inner.entries)
    assert inner.seconds == pytest.approx(sum(entry.seconds for entry in inner.entries))
    assert inner.explain()[0] == {"query": "b", "time": 2.5}


def test_a_range_is_explained_by_its_bounds() -> None:
    script = Script(response(success("matrix", [])))
    with PrometheusClient(SETTINGS, transport=script) as client, recording() as asked:
        client.gather_ranges(["a"], 0, 30, 15)
    assert asked.entries[0].question == Range("a", 0, 30, 15)
    assert asked.explain() == [{"query": "a", "start": 0, "end": 30, "step": 15}]


def test_a_failed_query_is_recorded_too() -> None:
    script = Script({"a": UpstreamTimeoutError("late")})
    with (
        PrometheusClient(SETTINGS, transport=script) as client,
        recording() as asked,
        pytest.raises(UpstreamTimeoutError),
    ):
        client.instant("a", 1)
    assert asked.entries[0].seconds > 0


def test_gathered_answers_come_in_the_queries_order() -> None:
    script = Script({str(number): value(str(number)) for number in range(20)})
    with PrometheusClient(SETTINGS, transport=script) as client:
        answers = client.gather([str(number) for number in range(20)], 0)
    assert [answer[0].value for answer in answers] == list(range(20))


def test_ranges_are_gathered_too() -> None:
    script = Script(response(success("matrix", [{"metric": {}, "values": [[15, "1"]]}])))
    with PrometheusClient(SETTINGS, transport=script) as client:
        assert client.gather_ranges(["a", "b"], 0, 15, 15) == [[Series({}, ((15, 1.0),))]] * 2


def test_merging_is_never_done_by_two_at_once() -> None:
    script = Script({str(number): value(str(number)) for number in range(50)})
    merging = threading.Lock()
    merged: dict[int, float] = {}

    def merge(index: int, answer: Answer[Sample]) -> None:
        assert merging.acquire(blocking=False)
        merged[index] = answer[0].value
        merging.release()

    with PrometheusClient(SETTINGS, transport=script) as client:
        client.gather_each([str(number) for number in range(50)], 0, merge)
    assert merged == {number: float(number) for number in range(50)}


def test_the_first_failure_of_a_batch_is_raised_and_the_rest_not_asked() -> None:
    script = Script({"a": UpstreamUnreachableError("gone"), **{str(number): value("1") for number in range(50)}})
    with (
        PrometheusClient(SETTINGS, transport=script, helpers=1) as client,
        pytest.raises(UpstreamUnreachableError, match="gone"),
    ):
        client.gather(["a", *(str(number) for number in range(50))], 0)
    assert len(script.posted) < 50


def test_observers_hear_of_every_query_with_its_error() -> None:
    script = Script({"a": value("1"), "b": UpstreamTimeoutError("late")})
    heard: list[str | None] = []
    with PrometheusClient(SETTINGS, transport=script) as client:
        client.observe(lambda seconds, error: heard.append(error and error.kind))
        client.instant("a", 0)
        with pytest.raises(UpstreamTimeoutError):
            client.instant("b", 0)
    assert heard == [None, "timeout"]


@pytest.mark.parametrize("kind", ["scalar", "vector"])
def test_now_is_the_date_of_a_constants_answer_and_counts_as_no_query(kind: str) -> None:
    result = [1.5, "1"] if kind == "scalar" else [{"metric": {}, "value": [1.5, "1"]}]
    script = Script(response(success(kind, result), headers={"date": formatdate(1795492800, usegmt=True)}))
    with PrometheusClient(SETTINGS, transport=script, clock=lambda: 0.0) as client, recording() as asked:
        assert client.now() == 1795492800
        assert client.now() == 1795492800
    assert script.posted == [("/api/v1/query", {"query": "1", "timeout": "2.5"}, 2.5)]
    assert asked.entries == ()


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_without_a_date_now_is_the_evaluations_time(headers: Mapping[str, str]) -> None:
    script = Script(response(success("scalar", [1795492800.7, "1"]), headers=headers))
    with PrometheusClient(SETTINGS, transport=script, clock=lambda: 0.0) as client:
        assert client.now() == 1795492800


def test_now_raises_what_asking_raised() -> None:
    script = Script({"1": UpstreamUnreachableError("gone")})
    with PrometheusClient(SETTINGS, transport=script) as client, pytest.raises(UpstreamUnreachableError):
        client.now()


def test_the_check_waits_no_longer_than_it_must() -> None:
    script = Script(response(success("scalar", [0, "1"])))
    slow = Settings.from_environment({"PROMETHEUS_TIMEOUT": "600"})
    with PrometheusClient(slow, transport=script) as client:
        client.check()
    assert script.posted[0][2] == 3.0


def test_on_a_real_socket() -> None:
    with Upstream(answering(VECTOR, headers={"Date": formatdate(time.time(), usegmt=True)})) as upstream:
        settings = Settings.from_environment(
            {
                "PROMETHEUS_URL": f"{upstream.url.replace('//', '//me:pw@')}/prefix",
                "PROMETHEUS_HEADERS": '{"X-Team": "a"}',
            }
        )
        with PrometheusClient(settings) as client:
            assert abs(client.now() - time.time()) < 5
            assert client.gather(["a", "b"], 1) == [[Sample({"pod": "a"}, 1.5)]] * 2
    assert {request.path for request in upstream.requests} == {"/prefix/api/v1/query"}
    assert {request.headers["authorization"] for request in upstream.requests} == {"Basic bWU6cHc="}
    assert {request.headers["x-team"] for request in upstream.requests} == {"a"}
