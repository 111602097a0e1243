"""What holds for every route: the form of errors, checks of what comes in, logs, metrics, and that nothing leaks."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from facade.app import create_app
from facade.config import Settings
from facade.context import facade, request_values, takes
from facade.errors import (
    UpstreamBusyError,
    UpstreamError,
    UpstreamFormatError,
    UpstreamRefusedError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from facade.params.shared import EXPLAIN
from facade.prometheus import PrometheusClient
from tests.harness.script import Script, constant, value
from tests.harness.upstream import success

SECRET = "s3cret"
UPSTREAM = "prometheus.internal.example"
SETTINGS = Settings.from_environment(
    {
        "PROMETHEUS_URL": f"http://me:{SECRET}@{UPSTREAM}:9090/prefix",
        "PROMETHEUS_HEADERS": json.dumps({"X-Token": SECRET}),
    }
)


def build(script: Script, in_flight: int = 64) -> Flask:
    """The application with a few routes more: one that asks, one that is mistaken, one that gives what is not JSON."""
    app = create_app(SETTINGS, PrometheusClient(SETTINGS, transport=script, helpers=1), in_flight=in_flight)

    @takes(EXPLAIN)
    def asking() -> dict[str, object]:
        (sample,) = facade().client.instant("up", 1)
        return {"value": sample.value, "explain": request_values()[EXPLAIN]}

    def mistaken() -> dict[str, object]:
        raise RuntimeError(f"the password is {SECRET}")

    app.add_url_rule("/asking", view_func=asking)
    app.add_url_rule("/asking/<pod>", view_func=takes()(lambda pod: {"pod": pod}), endpoint="pod")
    app.add_url_rule("/mistaken", view_func=mistaken)
    app.add_url_rule("/not-json", view_func=lambda: {"value": float("nan")}, endpoint="not-json")
    return app


@pytest.fixture
def script() -> Script:
    return Script({"1": constant(), "up": value("1")})


@pytest.fixture
def client(script: Script) -> Iterator[FlaskClient]:
    app = build(script)
    yield app.test_client()
    app.extensions["cloud-monitoring"].client.close()


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    """The problem that the response is; that it has the contract's form is checked here for all tests."""
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    document = json.loads(response.data)
    assert list(document) == ["type", "title", "status", "detail"]
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["type"].startswith("urn:problem-type:cloud-monitoring:")
    for secret in (SECRET, UPSTREAM, "Traceback", "9090"):
        assert secret not in response.text
    assert isinstance(document, dict)
    return document


def test_an_answer_is_utf_8_json_with_its_keys_in_order(client: FlaskClient) -> None:
    response = client.get("/asking")
    assert response.content_type == "application/json"
    assert response.data == b'{"value":1.0,"explain":false}\n'


def test_a_trailing_slash_is_ignored(client: FlaskClient) -> None:
    assert client.get("/asking/").data == client.get("/asking").data
    assert client.get("/asking/a/").json == {"pod": "a"}
    assert client.get("/healthz/").status_code == 200


def test_head_and_options_are_answered(client: FlaskClient) -> None:
    head = client.head("/asking")
    assert (head.status_code, head.data) == (200, b"")
    assert set(client.options("/asking").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["/nothing", "/api", "/asking//", "/asking/a/b", "/asking/a%2Fb"])
def test_no_such_route(client: FlaskClient, path: str) -> None:
    assert problem(client.get(path), 404)["detail"] == "There is no such route; / links to those that there are."


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
@pytest.mark.contract("status:405")
def test_a_method_that_the_route_does_not_know(client: FlaskClient, method: str) -> None:
    response = client.open("/asking", method=method)
    problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("accept", ["text/csv", "text/html", "image/*", "application/json;q=0"])
@pytest.mark.contract("status:406", "header:Accept")
def test_a_representation_that_there_is_not(client: FlaskClient, accept: str) -> None:
    assert "application/json" in problem(client.get("/asking", headers={"Accept": accept}), 406)["detail"]


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8;q=0.5, text/csv",
        "*/*",
        "application/*",
        "text/html,*/*;q=0.1",
        "",
        "nonsense, application/json",
    ],
)
def test_a_representation_that_there_is(client: FlaskClient, accept: str) -> None:
    assert client.get("/asking", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/asking/a", "/mistaken"])
def test_an_unknown_parameter_is_refused_on_every_route(client: FlaskClient, path: str) -> None:
    assert problem(client.get(f"{path}?nonsense=1"), 400)["detail"] == (
        "nonsense: unknown parameter; this route takes no parameters"
    )


def test_a_malformed_parameter_is_refused_before_anything_is_asked(client: FlaskClient, script: Script) -> None:
    assert problem(client.get("/asking?explain=perhaps"), 400)["detail"].startswith("explain: ")
    assert problem(client.get("/asking?explain=true&explain=true"), 400)["detail"].startswith("explain: ")
    assert script.posted == []


@pytest.mark.parametrize("name", ["A", "-a", "a_b", "%22%7D", "a%0A", "%FF", "%C3%A4", "a" * 254, "..", "%00"])
def test_a_name_that_kubernetes_would_refuse(client: FlaskClient, name: str) -> None:
    assert problem(client.get(f"/asking/{name}"), 400)["detail"].startswith("pod: ")


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (UpstreamUnreachableError("gone", cause=f"{UPSTREAM}:9090"), 503, "5"),
        (UpstreamBusyError("busy", cause=SECRET, retry_after_seconds=17), 503, "17"),
        (UpstreamTimeoutError("late", cause=UPSTREAM), 504, None),
        (UpstreamRefusedError("no", cause=SECRET), 502, None),
        (UpstreamFormatError("what", cause=UPSTREAM), 502, None),
    ],
)
def test_what_prometheus_does_wrong(error: UpstreamError, status: int, wait: str | None) -> None:
    response = build(Script({"up": error})).test_client().get("/asking")
    assert problem(response, status)["detail"] == str(error)
    assert response.headers.get("Retry-After") == wait


def test_the_unexpected_is_logged_whole_and_told_to_nobody(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    document = problem(client.get("/mistaken"), 500)
    assert document["detail"] == "The facade made a mistake; its log says which."
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "the password is" in caplog.text
    assert record.levelno == logging.ERROR


def test_what_is_not_json_is_a_mistake_and_not_an_answer(client: FlaskClient) -> None:
    problem(client.get("/not-json"), 500)


@pytest.mark.contract("status:429", "header:Retry-After")
def test_more_requests_than_may_be_in_flight() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(query: str) -> Any:
        asked.set()
        assert go_on.wait(10)
        return value("1")

    app = build(Script(slow), in_flight=1)
    first: list[TestResponse] = []
    thread = threading.Thread(target=lambda: first.append(app.test_client().get("/asking")))
    thread.start()
    try:
        assert asked.wait(10)
        refused = app.test_client().get("/asking")
        problem(refused, 429)
        assert refused.headers["Retry-After"] == "1"
        assert app.test_client().get("/healthz").status_code == 200
        in_flight = metrics_of(app.test_client())["cloudmon_facade_requests_in_flight"]
        assert in_flight == "2.0"  # the one that waits, and the scrape itself
    finally:
        go_on.set()
        thread.join()
    assert first[0].status_code == 200
    assert app.test_client().get("/asking").status_code == 200


def test_a_refused_request_gives_its_place_back() -> None:
    client = build(Script({"up": UpstreamTimeoutError("late")}), in_flight=1).test_client()
    for path in ("/asking?x=1", "/asking", "/mistaken", "/asking/A", "/nothing") * 3:
        assert client.get(path).status_code != 429


def fields_of(caplog: pytest.LogCaptureFixture, message: str) -> dict[str, Any]:
    (record,) = [record for record in caplog.records if record.message == message]
    fields = vars(record)["fields"]
    assert isinstance(fields, dict)
    return fields


def test_a_request_is_one_line_with_its_upstream_time(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "facade"):
        client.get("/asking/?explain=true")
    fields = fields_of(caplog, "request")
    assert list(fields) == ["method", "route", "status", "seconds", "upstream_seconds", "upstream_queries", "bytes"]
    assert (fields["method"], fields["route"], fields["status"]) == ("GET", "/asking", 200)
    assert (fields["upstream_queries"], fields["bytes"]) == (1, 29)
    assert 0 < fields["upstream_seconds"] <= fields["seconds"]


def test_what_is_asked_beside_the_request_takes_upstream_time_too(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "facade"):
        client.get("/readyz")
    fields = fields_of(caplog, "request")
    assert fields["upstream_queries"] == 0
    assert 0 < fields["upstream_seconds"] <= fields["seconds"]


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [("/nothing", "none", 404), ("/asking/A", "/asking/<pod>", 400), ("/mistaken", "/mistaken", 500)],
)
def test_a_request_that_fails_is_one_line_too(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str, route: str, status: int
) -> None:
    with caplog.at_level(logging.INFO, "facade"):
        client.get(path)
    fields = fields_of(caplog, "request")
    assert (fields["route"], fields["status"]) == (route, status)


def test_why_prometheus_failed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "facade"):
        build(Script({"up": UpstreamFormatError("what", cause="HTTP 200, not JSON")})).test_client().get("/asking")
    fields = fields_of(caplog, "upstream error")
    assert (fields["kind"], fields["cause"]) == ("format", "HTTP 200, not JSON")


def test_what_prometheus_warns_of_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    warning = json.loads(value("1").body) | {"warnings": ["a store is missing"]}
    script = Script(lambda query: type(value("1"))(200, {}, json.dumps(warning).encode()))
    with caplog.at_level(logging.INFO, "facade"):
        build(script).test_client().get("/asking")
    assert fields_of(caplog, "Prometheus answered in part")["warnings"] == ["a store is missing"]


def test_no_log_has_a_secret(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for path in ("/asking", "/", "/readyz", "/nothing", "/asking?x=1"):
            client.get(path)
    assert caplog.records
    assert SECRET not in "\n".join(str(vars(record)) for record in caplog.records)


def metrics_of(client: FlaskClient) -> dict[str, str]:
    text = client.get("/metrics").text
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_requests_and_queries_are_counted() -> None:
    script = Script({"1": constant(), "up": UpstreamTimeoutError("late")})
    client = build(script).test_client()
    for path in ("/asking", "/asking", "/healthz", "/nothing", "/also/nothing"):
        client.get(path)
    client.open("/asking", method="BREW")
    found = metrics_of(client)
    count = "cloudmon_facade_requests_total"
    assert found[f'{count}{{method="GET",route="/asking",status="504"}}'] == "2.0"
    assert found[f'{count}{{method="GET",route="/healthz",status="200"}}'] == "1.0"
    assert found[f'{count}{{method="GET",route="none",status="404"}}'] == "2.0"
    assert found[f'{count}{{method="other",route="none",status="405"}}'] == "1.0"
    assert found['cloudmon_facade_upstream_errors_total{kind="timeout"}'] == "2.0"
    assert found['cloudmon_facade_upstream_errors_total{kind="refused"}'] == "0.0"
    assert found["cloudmon_facade_upstream_query_duration_seconds_count"] == "2.0"
    assert found['cloudmon_facade_request_duration_seconds_count{route="/asking"}'] == "2.0"
    assert found["cloudmon_facade_requests_in_flight"] == "1.0"


def test_each_app_has_metrics_of_its_own() -> None:
    one, other = (build(Script({"up": value("1")})).test_client() for _ in range(2))
    one.get("/asking")
    assert not [name for name in metrics_of(other) if "/asking" in name]


def test_a_route_whose_names_nothing_checks_is_refused_at_start() -> None:
    """Every argument of every rule has a kind: what the application checks as it is made, here for all of its rules."""
    app = create_app(SETTINGS, PrometheusClient(SETTINGS, transport=Script(value("1"))))
    assert {argument for rule in app.url_map.iter_rules() for argument in rule.arguments} <= {
        "node", "pod", "namespace", "deployment",
    }  # fmt: skip


def paths(app: Flask) -> list[str]:
    return sorted({rule.rule for rule in app.url_map.iter_rules()})


EMPTY = Script(lambda query: constant() if query == "1" else type(value("1"))(200, {}, success("vector", []).encode()))
FUZZED = build(EMPTY)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.sampled_from(paths(FUZZED)).filter(lambda path: path not in ("/asking", "/mistaken", "/not-json")),
    name=st.one_of(st.just("a"), TEXT),
    query=st.dictionaries(
        st.one_of(
            st.sampled_from(["explain", "namespace", "window", "start", "end", "step", "metrics", "cluster"]), TEXT
        ),
        st.one_of(st.sampled_from(["true", "1h", "0", "-1", "1795492800", "cpu_cores", "9" * 400]), TEXT),
        max_size=3,
    ),
    headers=st.dictionaries(
        st.sampled_from(["Accept", "Host", "Cache-Control", "X-Forwarded-For", "Range", "If-None-Match"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        max_size=2,
    ),
)
def test_no_input_gives_a_500(path: str, name: str, query: dict[str, str], headers: Mapping[str, str]) -> None:
    for segment in ("node", "pod", "namespace", "deployment"):
        path = path.replace(f"<{segment}>", name.replace("/", "").replace("?", "").replace("#", "") or "a")
    response = FUZZED.test_client().get(path, query_string=query, headers=headers)
    # An upstream of empty vectors answers ranges with the wrong type: 502 is the fake's doing, and right.
    assert response.status_code in (200, 400, 404, 406, 502)
