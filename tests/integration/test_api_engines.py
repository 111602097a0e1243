"""What a client is told of an engine that answers in part, that has limits, or of which a part is away: a server on
loopback that answers as Thanos, Mimir, VictoriaMetrics and Prometheus do, and the whole way from there to the answer.

What each engine says, and with which status, is from its own sources: Thanos pkg/store/proxy.go (warnings, and gRPC
errors without partial_response) and pkg/api/query/v1.go (parameters); Mimir pkg/api/error/error.go (statuses and
errorType), pkg/util/globalerror/user.go (err-mimir-…); VictoriaMetrics app/vmselect/netstorage of the cluster branch
and https://docs.victoriametrics.com/cluster-victoriametrics/#cluster-availability (isPartial); Prometheus
web/api/v1/api.go and util/annotations/annotations.go.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any, Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from facade.routes.common import PARTIAL_ANSWER
from tests.harness.documented import DocumentedClient
from tests.harness.ports import free_port
from tests.harness.prometheus import Prometheus
from tests.harness.upstream import Behaviour, Request, Upstream, answering, failure, hanging, success

CONSTANT: Final = "1"
ADDRESS: Final = "10.1.2.3:10901"
NODE: Final = [{"metric": {"__name__": "cloudmon_node_info", "node": "n1"}, "value": [0, "1"]}]
MOMENT: Final = 1794484800

# Beside the data of an answer, by what says it.
THANOS: Final = {
    "warnings": [
        (
            f'fetch series for {{cluster="east"}} Addr: {ADDRESS} MinTime: 0 MaxTime: 9: rpc error: code = Unavailable '
            f'desc = connection error: desc = "transport: Error while dialing: dial tcp {ADDRESS}: connection refused"'
        )
    ]
}
THANOS_TREE: Final = {"warnings": ["No StoreAPIs matched for this query"]}
REMOTE_READ: Final = {"warnings": [f"remote_read: remote server http://{ADDRESS}/api/v1/read returned HTTP status 500"]}
VICTORIA_METRICS: Final = {"isPartial": True}
PARTIAL: Final[dict[str, dict[str, Any]]] = {
    "Thanos": THANOS,
    "Thanos, a tree of queriers": THANOS_TREE,
    "Prometheus with remote_read": REMOTE_READ,
    "VictoriaMetrics": VICTORIA_METRICS,
    "among other remarks": {"warnings": ["PromQL info: metric might not be a counter", *THANOS["warnings"]]},
}
WHOLE: Final[dict[str, dict[str, Any]]] = {
    "nothing beside": {},
    "Prometheus 3": {"infos": ['PromQL info: metric might not be a counter, name does not end in _total: "x" (1:6)']},
    "Prometheus 2.48": {"warnings": ['PromQL info: metric might not be a counter, name does not end in _total: "x"']},
    "about histograms": {
        "warnings": ['PromQL warning: encountered a mix of histograms and floats for metric name "x"']
    },
    "VictoriaMetrics": {"isPartial": False},
}


def speaking(beside: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
    """A server whose every answer has these rows, or none for a range, and what is beside them."""

    def choose(request: Request) -> Behaviour:
        if request.form["query"] == CONSTANT:
            return constant()
        over = request.path.endswith("query_range")
        return answering(success("matrix", [], **beside) if over else success("vector", rows, **beside))

    return choose


def failing(behaviour: Behaviour) -> Any:
    return lambda request: constant() if request.form["query"] == CONSTANT else behaviour


def constant() -> Behaviour:
    return answering(success("scalar", [MOMENT, "1"]), headers={"Date": formatdate(MOMENT, usegmt=True)})


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(hanging) as upstream:
        yield upstream


@contextmanager
def facade_of(url: str, **environment: str) -> Iterator[FlaskClient]:
    settings = Settings.from_environment({"PROMETHEUS_URL": url, "PROMETHEUS_TIMEOUT": "5", **environment})
    with PrometheusClient(settings, helpers=2) as prometheus:
        app = create_app(settings, prometheus)
        app.test_client_class = DocumentedClient
        yield app.test_client()


@pytest.fixture(scope="module")
def client(upstream: Upstream) -> Iterator[FlaskClient]:
    with facade_of(upstream.url) as client:
        yield client


# Lists, an entity, columns of one and of a kind, each from one query or more.
ROUTES: Final = (
    "/api/nodes",
    "/api/pods?metrics=cpu_cores",
    "/api/namespaces",
    "/api/nodes/n1",
    "/api/nodes/n1/timeseries?window=15m",
    "/api/timeseries?kind=node&window=15m",
)


@pytest.mark.parametrize("engine", PARTIAL)
@pytest.mark.parametrize("path", ROUTES)
def test_an_answer_in_part_says_so(client: FlaskClient, upstream: Upstream, path: str, engine: str) -> None:
    upstream.choose = speaking(PARTIAL[engine], NODE)
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["warnings"] == [PARTIAL_ANSWER]
    assert ADDRESS not in answer.text


@pytest.mark.parametrize("engine", WHOLE)
@pytest.mark.parametrize("path", ROUTES)
def test_a_whole_answer_does_not(client: FlaskClient, upstream: Upstream, path: str, engine: str) -> None:
    upstream.choose = speaking(WHOLE[engine], NODE)
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert "warnings" not in answer.get_json()


def test_a_real_prometheus_whose_remote_read_is_away_answers_in_part() -> None:
    away = f"http://127.0.0.1:{free_port()}/api/v1/read"
    config = f"remote_read: [{{url: {away}, read_recent: true}}]\n"
    with Prometheus(config) as prometheus, facade_of(prometheus.url) as client:
        assert client.get("/api/nodes").get_json()["warnings"] == [PARTIAL_ANSWER]
        check_problem(client.get("/api/nodes/n1"), 503, "prometheus-partial", "no node named n1", wait="5")


def test_one_query_in_part_is_enough(client: FlaskClient, upstream: Upstream) -> None:
    numbers = itertools.count()
    whole, part = speaking({}, NODE), speaking(THANOS, NODE)
    upstream.choose = lambda request: part(request) if next(numbers) == 3 else whole(request)
    assert client.get("/api/pods").get_json()["warnings"] == [PARTIAL_ANSWER]
    assert next(numbers) > 4


@pytest.mark.parametrize("path", ROUTES)
def test_a_table_says_it_in_a_header_field(client: FlaskClient, upstream: Upstream, path: str) -> None:
    csv = f"{path}{'&' if '?' in path else '?'}format=csv"
    upstream.choose = speaking(THANOS, NODE)
    table = client.get(csv)
    assert (table.status_code, table.headers["X-Warnings"]) == (200, PARTIAL_ANSWER)
    upstream.choose = speaking({}, NODE)
    assert "X-Warnings" not in client.get(csv).headers


def test_a_part_and_the_whole_are_two_answers_to_a_cache(client: FlaskClient, upstream: Upstream) -> None:
    tags = []
    for beside in ({}, THANOS, {}):
        upstream.choose = speaking(beside, NODE)
        tags.append(client.get("/api/nodes").headers["ETag"])
    assert tags[0] == tags[2] != tags[1]


@pytest.mark.parametrize("path", ["/api/nodes/n1", "/api/nodes/n1/pods", "/api/nodes/n1/timeseries?window=15m"])
def test_what_a_part_does_not_have_is_not_called_absent(client: FlaskClient, upstream: Upstream, path: str) -> None:
    upstream.choose = speaking({}, [])
    assert client.get(path).status_code == 404
    upstream.choose = speaking(THANOS, [])
    check_problem(client.get(path), 503, "prometheus-partial", "the rest has no node named n1", wait="5")


@pytest.mark.parametrize(("beside", "words"), [(THANOS, THANOS["warnings"]), (VICTORIA_METRICS, [])])
def test_the_log_has_the_engines_words_and_a_metric_counts(
    client: FlaskClient, upstream: Upstream, caplog: pytest.LogCaptureFixture, beside: dict[str, Any], words: list[str]
) -> None:
    upstream.choose = speaking(beside, NODE)
    before = partial_answers(client)
    with caplog.at_level(logging.WARNING, "facade"):
        client.get("/api/nodes")
    assert [vars(record)["fields"]["warnings"] for record in caplog.records] == [words]
    assert partial_answers(client) == before + 1


@pytest.mark.parametrize("engine", WHOLE)
def test_what_is_said_of_a_query_is_no_warning_in_the_log(
    client: FlaskClient, upstream: Upstream, caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    upstream.choose = speaking(WHOLE[engine], NODE)
    before = partial_answers(client)
    with caplog.at_level(logging.WARNING, "facade"):
        client.get("/api/nodes")
    assert not caplog.records
    assert partial_answers(client) == before


def partial_answers(client: FlaskClient) -> float:
    (line,) = re.findall(r"^cloudmon_facade_partial_answers_total (.+)$", client.get("/metrics").text, re.MULTILINE)
    return float(line)


def check_problem(answer: TestResponse, status: int, type_: str, detail: str, wait: str | None = None) -> None:
    document = json.loads(answer.data)
    assert (answer.status_code, document["type"]) == (status, f"urn:problem-type:cloud-monitoring:{type_}"), document
    assert detail in document["detail"]
    assert answer.headers.get("Retry-After") == wait
    assert ADDRESS not in answer.text


BAD, UNPROCESSABLE = "400 Bad Request", "422 Unprocessable Entity"
LIMITS: Final = {
    "Prometheus, points": (
        BAD,
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ),
    "Prometheus, samples": (
        UNPROCESSABLE,
        "execution",
        "query processing would load too many samples into memory in query execution",
    ),
    "Mimir, series": (
        UNPROCESSABLE,
        "execution",
        (
            "the query exceeded the maximum number of series (limit: 100000 series) (err-mimir-max-series-per-query). "
            "Consider reducing the time range and/or number of series selected by the query."
        ),
    ),
    "Mimir, length of the query": (
        BAD,
        "bad_data",
        (
            "the raw query size in bytes exceeds the limit (query size: 30000, limit: 4096) "
            "(err-mimir-max-query-expression-size-bytes)"
        ),
    ),
    "Mimir, window": (
        UNPROCESSABLE,
        "execution",
        "the total query time range exceeds the limit (err-mimir-max-total-query-length)",
    ),
    "Thanos": (
        UNPROCESSABLE,
        "execution",
        (
            f"expanding series: proxy Series(): rpc error: code = Aborted desc = fetch series for Addr: {ADDRESS}: "
            "rpc error: code = ResourceExhausted desc = exceeded series limit: limit 10 violated (got 11)"
        ),
    ),
    "Cortex": (
        UNPROCESSABLE,
        "execution",
        "the query hit the max number of series limit (limit: 100 series)",
    ),
    "VictoriaMetrics, samples": (
        UNPROCESSABLE,
        "422",
        (
            f"error occured during search: cannot fetch query results from vmstorage nodes: cannot perform search on "
            f"vmstorage {ADDRESS}: cannot select more than -search.maxSamplesPerQuery=1000000000 samples"
        ),
    ),
    "VictoriaMetrics, length of the query": (
        BAD,
        "400",
        "too long query; got 30000 bytes; mustn't exceed `-search.maxQueryLen=16384` bytes",
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_of_the_engine_is_told_with_what_to_do(client: FlaskClient, upstream: Upstream, limit: str) -> None:
    status, error_type, error = LIMITS[limit]
    upstream.choose = failing(answering(failure(error_type, error), status))
    check_problem(client.get("/api/pods"), 502, "prometheus-limit", "ask for less at once")


def test_so_is_that_of_a_proxy_before_it(client: FlaskClient, upstream: Upstream) -> None:
    upstream.choose = failing(answering("<html>too large</html>", "413 Request Entity Too Large"))
    check_problem(client.get("/api/pods"), 502, "prometheus-limit", "ask for less at once")


AWAY: Final = {
    "Thanos with partial_response=false": (
        UNPROCESSABLE,
        "execution",
        (
            f"expanding series: proxy Series(): rpc error: code = Aborted desc = fetch series for Addr: {ADDRESS}: "
            "rpc error: code = Unavailable desc = connection error"
        ),
    ),
    "Mimir, ingesters": ("500 Internal Server Error", "internal", "too many unhealthy instances in the ring"),
    "Mimir, blocks": (
        "500 Internal Server Error",
        "internal",
        "failed to fetch some blocks (err-mimir-store-consistency-check-failed). The non-queried blocks are: 01G",
    ),
    "VictoriaMetrics with deny_partial_response=1": (
        "503 Service Unavailable",
        "503",
        (
            f"error occured during search: cannot fetch query results from vmstorage nodes: cannot perform search on "
            f"vmstorage {ADDRESS}: cannot obtain connection from a pool"
        ),
    ),
}


@pytest.mark.parametrize("engine", AWAY)
def test_an_engine_that_gives_all_or_nothing(client: FlaskClient, upstream: Upstream, engine: str) -> None:
    status, error_type, error = AWAY[engine]
    upstream.choose = failing(answering(failure(error_type, error), status))
    check_problem(client.get("/api/pods"), 503, "prometheus-partial", "does not answer", wait="5")


def test_a_full_queue_is_the_engines_own(client: FlaskClient, upstream: Upstream) -> None:
    full = failure("too_many_requests", "too many outstanding requests")
    upstream.choose = failing(answering(full, "429 Too Many Requests"))
    check_problem(client.get("/api/pods"), 503, "prometheus-busy", "cannot answer now", wait="5")


@pytest.mark.parametrize(
    ("behaviour", "status", "type_", "detail"),
    [
        (answering("no org id", "401 Unauthorized"), 502, "prometheus-refused", "an authorisation or a tenant"),
        (answering("", "302 Found", {"Location": f"http://{ADDRESS}/"}), 502, "prometheus-answer", "a redirect"),
        (answering("", "405 Method Not Allowed"), 502, "prometheus-answer", "does not let queries be posted"),
        (answering("404 page not found", "404 Not Found"), 502, "prometheus-answer", "is its path prefix right"),
    ],
)
def test_a_setting_that_is_not_right_is_named(
    client: FlaskClient, upstream: Upstream, behaviour: Behaviour, status: int, type_: str, detail: str
) -> None:
    upstream.choose = failing(behaviour)
    check_problem(client.get("/api/pods"), status, type_, detail)


def test_what_an_engine_needs_goes_with_every_query(upstream: Upstream) -> None:
    """Prefix, tenant and parameters; what is too long for a URL is posted, as everything is."""
    upstream.choose = speaking({}, NODE)
    parameters = {"dedup": "true", "replicaLabels[]": ["prometheus_replica", "rule_replica"], "partial_response": "1"}
    headers = {"X-Scope-OrgID": "team-a", "Authorization": "Bearer t0ken"}
    asked = len(upstream.requests)
    with facade_of(
        f"{upstream.url}/prometheus/",
        PROMETHEUS_HEADERS=json.dumps(headers),
        PROMETHEUS_PARAMETERS=json.dumps(parameters),
    ) as client:
        client.get(f"/api/timeseries?kind=node&start={MOMENT - 900}&end={MOMENT}")
        client.get("/api/nodes/n1/timeseries?window=15m&stats=true")
    requests = upstream.requests[asked:]
    assert {request.line for request in requests} == {
        f"POST /prometheus/api/v1/{path} HTTP/1.1" for path in ("query", "query_range")
    }
    for request in requests:
        assert (request.headers["x-scope-orgid"], request.headers["authorization"]) == ("team-a", "Bearer t0ken")
        assert request.fields["replicaLabels[]"] == parameters["replicaLabels[]"]
        assert (request.form["dedup"], request.form["partial_response"]) == ("true", "1")
        assert request.form.get("lookback_delta") == (None if request.form["query"] == CONSTANT else "5m")
    # Longer than the request line that web servers and proxies take (nginx, Apache).
    assert max(int(request.headers["content-length"]) for request in requests) > 8192
