"""Which form an answer takes, when it counts as the same answer, and what HTTP's methods get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from facade.routes.common import respond, takes_list, takes_timeseries
from tests.harness.script import Script, constant, response, value
from tests.harness.upstream import success

EMPTY = response(success("vector", []))
JSON, CSV = "application/json", "text/csv; charset=utf-8; header=present"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


class Made:
    """An application with two routes more: a list and a time series that the test makes up."""

    def __init__(self, **environment: str) -> None:
        self.list: dict[str, Any] = {
            "items": [{"name": "a", "missing": {}}],
            "total": 1,
            "time": "2026-11-12T12:00:07Z",
        }
        self.script = Script(lambda query: constant() if query == "1" else EMPTY)
        settings = Settings.from_environment(environment)
        self.prometheus = PrometheusClient(settings, transport=self.script, helpers=1)
        app = create_app(settings, self.prometheus)
        series = {"name": "a", "timestamps": [15], "series": {"cpu_cores": [1]}, "missing": {}}
        app.add_url_rule("/api/made", view_func=takes_list("pod")(lambda: respond(dict(self.list))), endpoint="made")
        app.add_url_rule(
            "/api/made/timeseries", view_func=takes_timeseries("node")(lambda: respond(dict(series))), endpoint="series"
        )
        self.client: FlaskClient = app.test_client()

    def get(self, path: str = "/api/made", **headers: str) -> TestResponse:
        return self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.prometheus.close()


# --- the form ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("", "", JSON), ("", "*/*", JSON), ("", BROWSER, JSON), ("", "application/json, text/csv", JSON),
        ("", "text/csv", CSV), ("", "text/csv; header=present", CSV), ("", "text/*", CSV),
        ("", "text/csv, application/json;q=0.9", CSV), ("", "text/csv;q=0.5, */*;q=0.1", CSV),
        ("", "application/json;q=0, */*", CSV), ("", "text/csv;q=0, */*", JSON),
        ("?format=csv", "", CSV), ("?format=csv", "application/json", CSV), ("?format=csv", "image/png", CSV),
        ("?format=json", "text/csv", JSON), ("?format=json", "image/png", JSON),
    ],
)  # fmt: skip
def test_format_says_the_form_and_else_the_accept_header_chooses(
    made: Made, query: str, accept: str, content_type: str
) -> None:
    answer = made.get(f"/api/made{query}", Accept=accept)
    assert (answer.status_code, answer.content_type) == (200, content_type)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0, text/csv;q=0"])
def test_an_accept_header_that_admits_neither_is_refused_before_anything_is_asked(made: Made, accept: str) -> None:
    answer = made.get("/api/nodes", Accept=accept)
    assert (answer.status_code, answer.content_type) == (406, "application/problem+json")
    assert answer.json is not None
    assert "application/json or text/csv" in answer.json["detail"]
    assert made.script.posted == []


@pytest.mark.parametrize(("path", "name"), [("/api/made", "explain"), ("/api/made/timeseries", "stats")])
def test_what_a_csv_has_no_place_for_is_refused(made: Made, path: str, name: str) -> None:
    for answer in (made.get(f"{path}?{name}=true&format=csv"), made.get(f"{path}?{name}=true", Accept="text/csv")):
        assert answer.status_code == 400
        assert answer.json is not None
        assert answer.json["detail"] == f"{name}: a CSV has no place for it; leave it out, or ask for format=json"
    assert made.get(f"{path}?{name}=false&format=csv").status_code == 200
    assert made.get(f"{path}?{name}=true&format=json", Accept="text/csv").status_code == 200


def test_json_has_its_keys_in_order_and_a_csv_its_headers(made: Made) -> None:
    made.list = {"total": 3, "items": [{"name": "ü", "x": None}], "partial": ["not_collected"], "time": "t"}
    assert (
        made.get().data
        == '{"total":3,"items":[{"name":"ü","x":null}],"partial":["not_collected"],"time":"t"}\n'.encode()
    )
    table = made.get("/api/made?format=csv&metrics=cpu_cores")
    assert (table.headers["X-Total-Count"], table.headers["X-Partial"], table.headers["X-Time"]) == (
        "3",
        "not_collected",
        "t",
    )
    assert table.headers["Content-Disposition"] == 'attachment; filename="made.csv"'
    assert table.text.splitlines()[0].startswith("name,namespace,cluster,uid,")


def test_half_a_surrogate_pair_of_a_store_is_no_mistake(made: Made) -> None:
    made.list["items"] = [{"name": "a\ud800", "cluster": "\udfff"}]
    made.list["cluster"] = "\ud800"
    assert made.get().get_json()["items"] == [{"name": "a?", "cluster": "?"}]
    assert made.get("/api/made?format=csv&metrics=cpu_cores").text.splitlines()[1].startswith("a?,,?,")


# --- the same answer again --------------------------------------------------------------------------------------------


def test_the_tag_is_weak_and_changes_only_with_what_is_said(made: Made) -> None:
    paths = ("/api/made", "/api/made?format=csv", "/api/made?explain=true")
    json_tag, csv_tag, explained_tag = tags = [made.get(path).headers["ETag"] for path in paths]
    assert all(tag.startswith('W/"') for tag in tags)
    assert json_tag == explained_tag != csv_tag
    made.list["time"] = "2026-11-12T12:00:22Z"
    assert [made.get(path).headers["ETag"] for path in paths] == tags
    made.list["total"] = 2
    assert not {made.get(path).headers["ETag"] for path in paths} & set(tags)


@pytest.mark.parametrize("path", ["/api/made", "/api/made?format=csv", "/api/made/timeseries"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_the_answer_already_gets_304(made: Made, path: str, method: str) -> None:
    tag = made.get(path).headers["ETag"]
    strong = tag.removeprefix("W/")
    for sent in (tag, strong, f'"other", {tag}', f'W/"a",W/"b" , {tag}', "*"):
        answer = made.client.open(path, method=method, headers={"If-None-Match": sent})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == "max-age=15"
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        assert "Content-Type" not in answer.headers
        assert "Content-Length" not in answer.headers
    for sent in ('"other"', 'W/"other"', strong[:-2] + '"', "nonsense", ""):
        assert made.client.open(path, method=method, headers={"If-None-Match": sent}).status_code == 200


def test_ranges_and_other_conditions_are_not_looked_at(made: Made) -> None:
    whole = made.get()
    for headers in (
        {"Range": "bytes=0-1"}, {"If-Match": '"other"'}, {"If-Modified-Since": "Wed, 21 Oct 2099 07:28:00 GMT"},
        {"If-Unmodified-Since": "Wed, 21 Oct 1999 07:28:00 GMT"},
    ):  # fmt: skip
        answer = made.client.get("/api/made", headers=headers)
        assert (answer.status_code, answer.data) == (200, whole.data)


@pytest.mark.parametrize(("interval", "seconds"), [("15", 15), ("30", 30), ("1.9", 1), ("0.5", 0)])
def test_an_answer_may_be_kept_for_one_scrape_interval(interval: str, seconds: int) -> None:
    made = Made(SCRAPE_INTERVAL=interval)
    assert made.get().headers["Cache-Control"] == f"max-age={seconds}"
    made.prometheus.close()


@pytest.mark.parametrize("headers", [{}, {"Cache-Control": "no-cache"}, {"If-None-Match": "*"}])
def test_every_answer_is_from_upstream(made: Made, headers: dict[str, str]) -> None:
    made.client.get("/api/nodes", headers=headers)
    asked = len(made.script.posted)
    for _ in range(3):
        before = len(made.script.posted)
        assert made.client.get("/api/nodes", headers=headers).status_code in (200, 304)
        # The clock is asked once a minute, with the first.
        assert len(made.script.posted) - before == asked - 1 > 0


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/metrics", "/nothing", "/api/nodes?nonsense=1", "/api/nodes/a"]
)
def test_what_is_true_now_or_a_problem_is_not_kept(made: Made, path: str) -> None:
    answer = made.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


# --- methods ----------------------------------------------------------------------------------------------------------


def all_paths(client: FlaskClient) -> list[str]:
    paths = {rule.rule for rule in client.application.url_map.iter_rules()}
    return sorted(path.replace("<", "").replace(">", "") for path in paths)


def test_head_is_get_without_the_body_for_every_route(made: Made) -> None:
    for path in all_paths(made.client):
        if path == "/metrics":  # counts itself
            continue
        for query in ("", "?format=csv") if path.startswith("/api/") else ("",):
            get, head = (made.client.open(path + query, method=method) for method in ("GET", "HEAD"))
            assert head.status_code == get.status_code, path
            assert head.data == b""
            assert dict(head.headers) == dict(get.headers)
            assert int(head.headers["Content-Length"]) == len(get.data) > 0


@pytest.mark.parametrize("query", ["", "?nonsense=1&namespace=%00&namespace=%FF"])
def test_options_says_what_can_be_done_and_asks_nobody(made: Made, query: str) -> None:
    for path in [*all_paths(made.client), "/api/pods/NOT_A_NAME"]:
        answer = made.client.options(path + query, headers={"Accept": "image/png"})
        assert (answer.status_code, answer.data) == (200, b""), path
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert made.script.posted == []
    assert made.client.options("/nothing").status_code == 404


def test_no_other_method_is_known(made: Made) -> None:
    for path in all_paths(made.client):
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW"):
            answer = made.client.open(path, method=method, data=b"x" * 1000)
            assert (answer.status_code, answer.content_type) == (405, "application/problem+json"), (method, path)
            assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert made.script.posted == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/nodes/", 200), ("/api/nodes/a/", 404), ("/api//nodes", 404), ("/api/nodes//", 404),
        ("/api/nodes/%61", 404), ("/%61pi/nodes", 200), ("/api/nodes/a%2Fb", 404), ("/api/nodes/%2e%2e", 400),
        ("/api/nodes/a%00", 400), ("/api/nodes/%ff", 400), ("/api/nodes/a%0d%0ab", 400),
        ("/api/nodes/" + "a" * 60_000, 400), ("/API/nodes", 404), ("/api/nodes?format=CSV", 400),
        ("/api/nodes?limit=%ff", 400), ("/api/nodes?%ff=1", 400), ("/api/nodes?%00", 400), ("/api/nodes?=", 400),
        ("/api/nodes?limit", 400), ("/api/nodes?limit=1&limit=1", 400), ("/api/nodes?" + "a" * 60_000, 400),
        ("/api/nodes?name=" + "a" * 60_000, 400), ("/api/nodes?cluster=a%00", 400),
        ("/api/nodes?cluster=%F0%9F%A6%86", 200),
        ("/api/nodes?&&", 200), ("/api/nodes;x=1", 404), ("/api/nodes?limit=%E0%A5%A7", 400),
        ("/api/nodes?format=", 400), ("/api/nodes?format=json&format=csv", 400),
    ],
)  # fmt: skip
def test_odd_urls(made: Made, path: str, status: int) -> None:
    answer = made.get(path)
    assert answer.status_code == status
    assert status == 200 or answer.content_type == "application/problem+json"


def test_a_value_of_the_store_that_json_has_no_number_for(made: Made) -> None:
    made.script.answers = value("NaN")
    assert made.get("/api/nodes").status_code == 200
