"""The front page and the routes of health."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from facade import __version__
from facade.app import create_app
from facade.config import Settings
from facade.errors import UpstreamUnreachableError
from facade.prometheus import PrometheusClient
from promql.probe import any_pod_of_a_deployment
from tests.golden import check_golden
from tests.harness.script import Script, Scripted, constant, response, value
from tests.harness.upstream import success

SETTINGS = Settings.from_environment({"PROMETHEUS_URL": "http://me:s3cret@prometheus.example:9090/prefix"})
POD = {"node": "node-1", "namespace": "shop", "pod": "web-1", "workload": "web", "workload_kind": "Deployment"}
GONE = UpstreamUnreachableError("Prometheus cannot be reached.", cause="10.0.0.1 refused")
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def client(pods: Scripted | None = None, health: Scripted | None = None) -> FlaskClient:
    pods = response(success("vector", [{"metric": POD, "value": [0, "1"]}])) if pods is None else pods
    script = Script({"1": health or constant(), any_pod_of_a_deployment(): pods})
    return create_app(SETTINGS, PrometheusClient(SETTINGS, transport=script)).test_client()


def test_the_index_golden() -> None:
    answer = client().get("/")
    assert answer.status_code == 200
    check_golden("facade/index.json", answer.text)


@pytest.mark.contract("field:index.status=degraded")
def test_the_index_says_when_prometheus_does_not_answer() -> None:
    answer = client(health=GONE).get("/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json is not None
    assert (answer.json["status"], answer.json["detail"]) == ("degraded", "Prometheus cannot be reached.")
    assert "10.0.0.1" not in answer.text


def test_every_link_of_the_index_is_a_route() -> None:
    app = client()
    index = app.get("/").json
    assert index is not None
    assert index["version"] == __version__
    rules = {rule.rule for rule in app.application.url_map.iter_rules()}
    assert {link.partition("?")[0] for link in index["links"].values()} <= rules
    assert index["links"]["timeseries"] == "/api/timeseries?kind=pod"
    assert {"nodes", "pods", "namespaces", "deployments", "healthz", "readyz", "metrics"} <= set(index["links"])


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"), ("*/*", "application/json"), ("application/json", "application/json"),
        (HTML["Accept"], "text/html"), ("text/html", "text/html"), ("text/*", "text/html"),
        ("text/html; charset=utf-8", "text/html"), ("application/json;charset=UTF-8", "application/json"),
        ("text/html;q=0.5,application/json", "application/json"),
    ],
)  # fmt: skip
def test_the_accept_header_chooses(accept: str, media_type: str) -> None:
    answer = client().get("/", headers={"Accept": accept})
    assert answer.mimetype == media_type
    assert answer.headers["Vary"] == "Accept"


def test_what_the_index_cannot_give_is_406() -> None:
    assert client().get("/", headers={"Accept": "image/png"}).status_code == 406


class Page(HTMLParser):
    """The links, elements and style of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [text or "" for name, text in attrs if name == "href"]


def test_the_page_has_an_example_of_every_route_and_each_is_a_route() -> None:
    app = client()
    page = Page(app.get("/", headers=HTML).text)
    adapter = app.application.url_map.bind("localhost")
    linked = {adapter.match(link.partition("?")[0], return_rule=True)[0].rule for link in page.links if link[0] == "/"}
    assert linked == {rule.rule for rule in app.application.url_map.iter_rules()} - {"/"}
    assert "/api/pods/web-1?namespace=shop" in page.links
    assert "/api/namespaces/shop/pods" in page.links
    assert "/api/nodes/node-1/pods" in page.links
    assert "/api/timeseries?kind=pod" in page.links


def test_the_page_names_the_cluster_where_there_are_several() -> None:
    def links(clusters: str) -> list[str]:
        pod = {"metric": {**POD, "cluster": "east & west"}, "value": [0, "1"]}
        counted = {"metric": {"signal": "clusters"}, "value": [0, clusters]}
        return Page(client(response(success("vector", [pod, counted]))).get("/", headers=HTML).text).links

    assert "/api/pods/web-1?namespace=shop&cluster=east+%26+west" in links("2")
    assert "/api/nodes/node-1/timeseries?cluster=east+%26+west" in links("2")
    assert "/api/nodes" in links("2")
    assert not [link for link in links("1") if "cluster=" in link]


def test_the_page_says_what_each_route_takes() -> None:
    text = client().get("/", headers=HTML).text
    assert "takes <code>namespace, window, start, end, step, agg, stats, metrics</code>" in text
    assert "take <code>cluster, format, explain</code> too" in text
    assert text.index("<h2>Nodes") < text.index("<h2>Deployments") < text.index("<h2>This service")


def test_the_page_links_to_prometheus_without_credentials() -> None:
    answer = client().get("/", headers=HTML)
    assert "http://prometheus.example:9090/prefix" in Page(answer.text).links
    assert "s3cret" not in answer.text


def test_the_page_needs_nothing_from_elsewhere_and_its_policy_admits_only_its_style() -> None:
    answer = client().get("/", headers=HTML)
    page = Page(answer.text)
    assert not page.tags & {"script", "img", "link", "iframe", "object", "form"}
    assert not page.attributes & {"src", "style", "onclick"}
    assert "url(" not in answer.text
    assert "@import" not in answer.text
    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert "prefers-color-scheme: dark" in style[1]


def test_the_page_works_while_prometheus_does_not() -> None:
    answer = client(health=GONE).get("/", headers=HTML)
    assert answer.status_code == 503
    assert "Degraded" in answer.text
    assert "Prometheus cannot be reached." in answer.text
    assert "prometheus.example" not in answer.text
    assert "/healthz" in Page(answer.text).links


@pytest.mark.parametrize("pods", [GONE, response(success("vector", [])), value("1"), response("<html>", 200)])
def test_the_page_works_without_a_pod_to_show(pods: Scripted) -> None:
    answer = client(pods).get("/", headers=HTML)
    assert answer.status_code == 200
    links = Page(answer.text).links
    assert "/api/pods" in links
    assert not [link for link in links if link.startswith("/api/pods/")]


def test_what_the_store_says_cannot_become_markup() -> None:
    evil = response(
        success("vector", [{"metric": {**POD, "pod": '"><b>x</b>', "namespace": "a&b"}, "value": [0, "1"]}])
    )
    text = client(evil).get("/", headers=HTML).text
    assert "<b>" not in text
    assert "namespace=a%26b" in text


def test_healthz_asks_nobody() -> None:
    script = Script({})
    app = create_app(SETTINGS, PrometheusClient(SETTINGS, transport=script))
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert script.posted == []


def test_readyz_asks_prometheus() -> None:
    assert client().get("/readyz").json == {"status": "ok"}
    answer = client(health=GONE).get("/readyz")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text;version=x", "text/plain;version=y"])
def test_health_and_metrics_do_not_mind_the_accept_header(accept: str) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client().get(path, headers={"Accept": accept}).status_code == 200
    assert client().get("/metrics").content_type == "text/plain; version=0.0.4; charset=utf-8"
