"""The contract's table of errors, clause by clause: the sample fleet for the caller's mistakes, a real upstream that
misbehaves for Prometheus's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.contract.sample import END, NOW, Asked, sample_fleet
from tests.harness.ports import free_port
from tests.harness.store import application
from tests.harness.upstream import Behaviour, Upstream, answering, closing, failure, hanging, success

SERIES = "/api/pods/app-backend-1/timeseries"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory, environment={"MAX_TIME_WINDOW": "86400", "MAX_DATA_POINTS": "11000"}) as fleet:
        yield fleet


def problem(client: FlaskClient, path: str, status: int) -> Any:
    response = client.get(path)
    document = response.get_json(force=True)
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), document
    assert set(document) == {"type", "title", "status", "detail"}
    assert document["status"] == status
    assert "Traceback" not in document["detail"]
    assert "127.0.0.1" not in document["detail"]
    return document


@pytest.mark.contract(
    "status:400",
    "media:application/problem+json",
    "field:problem.type",
    "field:problem.title",
    "field:problem.status",
    "field:problem.detail",
)
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/api/pods?nonsense=1", "nonsense"),
        ("/api/nodes/node-1?window=1h", "window"),
        ("/api/pods?limit=many", "limit"),
        ("/api/pods?limit=10&limit=20", "limit"),
        ("/api/pods?sort=beauty", "sort"),
        ("/api/pods?metrics=cpu_cores,beauty", "metrics"),
        (f"{SERIES}?agg=median", "agg"),
        (f"{SERIES}?window=0", "window"),
        (f"{SERIES}?window=-5m", "window"),
        (f"{SERIES}?start={END}&end={END}", "start"),
        pytest.param(f"{SERIES}?window=2d", "window", marks=pytest.mark.contract("setting:MAX_TIME_WINDOW")),
        (f"{SERIES}?start={END}&end={END - 60}", "start"),
        ("/api/pods/UPPER", "pod"),
        ("/api/nodes/a%22%7D", "node"),
        ("/api/namespaces/kube.system", "namespace"),
        ("/api/pods?namespace=Default", "namespace"),
        ("/api/timeseries", "kind"),
        ("/api/timeseries?kind=volume", "kind"),
    ],
)
def test_a_parameter_that_is_no_good_is_named(asked: Asked, path: str, named: str) -> None:
    assert problem(asked.client, path, 400)["detail"].startswith(f"{named}: ")


@pytest.mark.contract("status:404")
@pytest.mark.parametrize("path", ["/api", "/api/volumes", "/api/pods/app-backend-1/pods", "/favicon.ico"])
def test_no_such_route(asked: Asked, path: str) -> None:
    assert problem(asked.client, path, 404)["detail"].startswith("There is no such route")


@pytest.mark.contract("status:404")
@pytest.mark.parametrize(
    "path",
    [
        "/api/nodes/none",
        "/api/nodes/none/pods",
        "/api/pods/none",
        "/api/pods/app-backend-1?namespace=none",
        "/api/namespaces/none",
        "/api/namespaces/none/pods",
        "/api/namespaces/none/deployments",
        "/api/deployments/none",
        "/api/deployments/none/pods",
        "/api/nodes/none/timeseries",
        "/api/pods/none/timeseries",
        "/api/namespaces/none/timeseries",
        "/api/deployments/none/timeseries",
    ],
)
def test_nothing_by_that_name(asked: Asked, path: str) -> None:
    assert "there was none in the last 30 days" in problem(asked.client, path, 404)["detail"]


REFUSING = answering(failure("bad_data", "no"), "422 Unprocessable Entity")


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        pytest.param(answering("<html>"), 502, marks=pytest.mark.contract("status:502")),
        pytest.param(answering(success("vector", []), length=900), 502, marks=pytest.mark.contract("status:502")),
        pytest.param(answering("{}", "404 Not Found"), 502, marks=pytest.mark.contract("status:502")),
        pytest.param(REFUSING, 502, marks=pytest.mark.contract("status:502")),
        pytest.param(closing, 503, marks=pytest.mark.contract("status:503", "header:Retry-After")),
        pytest.param(
            answering("busy", "503 Service Unavailable", {"Retry-After": "7"}),
            503,
            marks=pytest.mark.contract("status:503", "header:Retry-After"),
        ),
        pytest.param(hanging, 504, marks=pytest.mark.contract("status:504")),
    ],
)
@pytest.mark.parametrize("path", ["/api/pods", SERIES])
def test_what_prometheus_does_wrong(behaviour: Behaviour, status: int, path: str) -> None:
    with (
        Upstream(behaviour) as upstream,
        application(upstream.url, NOW, {"PROMETHEUS_TIMEOUT": "1"}) as client,
    ):
        assert "Prometheus" in problem(client, path, status)["detail"]


@pytest.mark.contract("status:503", "header:Retry-After")
def test_a_prometheus_that_is_not_there() -> None:
    with application(f"http://127.0.0.1:{free_port()}", NOW) as client:
        problem(client, "/api/nodes", 503)
