"""Example requests. What the sample fleet answered to each, at a fixed time, is in ``examples/<name>.json``:
``{"status", "headers", "body"}``, written and checked by a test that asks a real Prometheus (``make golden``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

FOLDER: Final = files("facade.openapi") / "examples"


@dataclass(frozen=True, slots=True)
class Request:
    """``store`` says what it is asked of: the sample fleet, the same fleet twice in two clusters, or a Prometheus that
    fails in the way named.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    store: str = "sample"


@dataclass(frozen=True, slots=True)
class Example:
    """A request and what it was answered with; ``body`` is JSON, or text where the answer is none, or None."""

    name: str
    request: Request
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "")


# An example of each parameter and path segment: what the sample fleet has, and one value fits the other.
VALUES: Final[Mapping[str, str]] = {
    "node": "node-1",
    "pod": "web-server-1",
    "namespace": "default",
    "deployment": "web-server",
    "workload": "Deployment/web-server",
    "phase": "Running",
    "name": "web",
    "cluster": "sample",
    "sort": "-cpu_cores",
    "limit": "2",
    "offset": "0",
    "metrics": "cpu_cores",
    "kind": "pod",
    "window": "30m",
    "start": "2026-11-12T11:00:00Z",
    "end": "2026-11-12T11:30:00Z",
    "step": "5m",
}
_WEB: Final = "namespace=default"
# The first example of a route is the one that its documentation shows.
REQUESTS: Final[Mapping[str, Request]] = {
    "index": Request("/"),
    "healthz": Request("/healthz"),
    "readyz": Request("/readyz"),
    "nodes": Request("/api/nodes?limit=1"),
    "nodes-csv": Request("/api/nodes?metrics=cpu_cores,memory_working_set_bytes&format=csv"),
    "node": Request("/api/nodes/node-1"),
    "node-pods": Request("/api/nodes/node-1/pods?metrics=cpu_cores,memory_working_set_bytes"),
    "node-timeseries": Request(
        "/api/nodes/node-1/timeseries?window=6h&step=1h&metrics=cpu_cores,memory_working_set_bytes"
    ),
    "node-timeseries-between": Request(
        "/api/nodes/node-1/timeseries?start=2026-11-12T11:00:00Z&end=2026-11-12T11:30:00Z&step=10m&metrics=cpu_cores"
    ),
    "pods": Request("/api/pods?sort=-cpu_cores&limit=1"),
    "pods-next": Request("/api/pods?sort=-cpu_cores&limit=2&metrics=cpu_cores"),
    "pods-filtered": Request("/api/pods?workload=Deployment/web-server&phase=Running&metrics=cpu_cores"),
    "pods-csv": Request("/api/pods?metrics=cpu_cores,memory_rss_bytes&format=csv"),
    "pod": Request(f"/api/pods/web-server-1?{_WEB}"),
    "pod-no-limit": Request("/api/pods/prometheus-1?namespace=monitoring"),
    "pod-timeseries": Request(f"/api/pods/web-server-1/timeseries?{_WEB}&window=15m&step=5m"),
    "pod-timeseries-maximum": Request(
        f"/api/pods/app-backend-1/timeseries?{_WEB}&window=3h&step=1h&agg=max&stats=true&metrics=memory_rss_bytes"
    ),
    "pod-timeseries-csv": Request(
        f"/api/pods/web-server-1/timeseries?{_WEB}&window=15m&step=5m&metrics=cpu_cores,memory_rss_bytes&format=csv"
    ),
    "pod-timeseries-explain": Request(
        f"/api/pods/web-server-1/timeseries?{_WEB}&window=1m&step=1m&metrics=memory_rss_bytes&explain=true"
    ),
    "namespaces": Request("/api/namespaces?limit=1"),
    "namespace": Request("/api/namespaces/default"),
    "namespace-pods": Request("/api/namespaces/default/pods?metrics=cpu_cores&sort=-cpu_cores"),
    "namespace-deployments": Request("/api/namespaces/default/deployments?metrics=cpu_cores"),
    "namespace-timeseries": Request("/api/namespaces/default/timeseries?window=1h&step=15m&metrics=cpu_cores"),
    "deployments": Request("/api/deployments?limit=1"),
    "deployment": Request(f"/api/deployments/web-server?{_WEB}"),
    "deployment-pods": Request(f"/api/deployments/web-server/pods?{_WEB}&metrics=cpu_cores"),
    "deployment-timeseries": Request(
        f"/api/deployments/web-server/timeseries?{_WEB}&window=5m&step=1m&metrics=memory_working_set_bytes"
    ),
    "timeseries": Request("/api/timeseries?kind=pod&window=15m&step=5m&sort=-cpu_cores"),
    "timeseries-csv": Request("/api/timeseries?kind=node&metrics=memory_rss_bytes&window=2m&step=1m&format=csv"),
    "not-modified": Request("/api/nodes", headers={"If-None-Match": "*"}),
    "nodes-of-clusters": Request("/api/nodes?metrics=cpu_cores", store="twice"),
    "invalid-parameter": Request("/api/pods?colour=red"),
    "invalid-value": Request("/api/nodes/node-1/timeseries?window=yesterday"),
    "ambiguous-name": Request("/api/pods/web-server-1", store="twice"),
    "ambiguous-cluster": Request("/api/nodes/node-1", store="twice"),
    "answer-too-large": Request("/api/nodes/node-1/timeseries?window=366d&stats=true"),
    "not-found": Request(f"/api/pods/web?{_WEB}"),
    "no-such-route": Request("/api/pod"),
    "method-not-allowed": Request("/api/pods", method="DELETE"),
    "not-acceptable": Request("/api/pods", headers={"Accept": "application/xml"}),
    "too-many-requests": Request("/api/pods", store="crowded"),
    "prometheus-unreachable": Request("/api/pods", store="unreachable"),
    "prometheus-busy": Request("/api/pods", store="busy"),
    "prometheus-partial": Request("/api/pods", store="torn"),
    "prometheus-timeout": Request("/api/pods", store="slow"),
    "prometheus-refused": Request("/api/pods", store="refusing"),
    "prometheus-limit": Request("/api/pods", store="limited"),
    "prometheus-answer": Request("/api/pods", store="another"),
}


@cache
def examples() -> Mapping[str, Example]:
    """Every example, by name."""
    return answered(FOLDER)


def answered(folder: Traversable) -> Mapping[str, Example]:
    """The examples whose answer is in ``folder``, by name: one that is new is not, until it is asked for."""
    found: dict[str, Example] = {}
    for name, request in REQUESTS.items():
        file = folder / f"{name}.json"
        if file.is_file():
            answer = json.loads(file.read_text("utf-8"))
            found[name] = Example(name, request, answer["status"], answer["headers"], answer["body"])
    return found
