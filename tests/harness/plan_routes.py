"""What routes ask of a real Prometheus that holds a ``PlanFleet``, query by query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
from flask.testing import FlaskClient

from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from facade.transport import Form, Response
from promql.dialects.scan import Found
from tests.harness.plan_fleet import CLUSTER, PlanFleet
from tests.harness.plans import Index, Plan, selectors, text
from tests.harness.prometheus import Prometheus
from tests.harness.store import AtFixedTime, store

# So long after a multiple of five minutes that the second resolution has been recorded once.
NOW: Final = 1794484827.0
SECONDS: Final = 100.0
# Of one entity, and of what belongs to it.
ONE: Final = (
    "/api/pods/{pod}?namespace={namespace}",
    "/api/pods/{pod}",
    "/api/pods/nothing",
    "/api/pods/{pod}/timeseries?namespace={namespace}",
    "/api/pods/{pod}/timeseries?namespace={namespace}&stats=true",
    "/api/nodes/{node}",
    "/api/nodes/nothing",
    "/api/nodes/{node}/pods",
    "/api/nodes/{node}/timeseries",
    "/api/namespaces/{namespace}",
    "/api/namespaces/nothing",
    "/api/namespaces/{namespace}/pods",
    "/api/namespaces/{namespace}/pods?sort=-cpu_cores&limit=10",
    "/api/namespaces/{namespace}/deployments",
    "/api/namespaces/{namespace}/timeseries",
    "/api/namespaces/{namespace}/timeseries?window=7d&step=2h",
    "/api/deployments/{deployment}?namespace={namespace}",
    "/api/deployments/{deployment}",
    "/api/deployments/{deployment}/pods?namespace={namespace}",
    "/api/deployments/{deployment}/timeseries?namespace={namespace}",
)
# Of everything: these cannot but grow, though a page less than its list.
ALL: Final = (
    "/api/pods?sort=-cpu_cores&limit=100",
    "/api/pods?limit=100",
    "/api/pods?metrics=cpu_cores,memory_working_set_bytes",
    "/api/pods",
    "/api/nodes",
    "/api/namespaces",
    "/api/deployments?limit=100",
    "/api/deployments",
    "/api/timeseries?kind=namespace",
)


class _Noting:
    """A transport that notes the queries that it carries."""

    def __init__(self, url: str) -> None:
        self._inner = AtFixedTime(url, NOW)
        self.queries: list[str] = []

    def post(self, path: str, data: Form, deadline_seconds: float) -> Response:
        self.queries.append(str(data["query"]))
        return self._inner.post(path, data, deadline_seconds)

    def close(self) -> None:
        self._inner.close()


@dataclass(frozen=True)
class Asking:
    """The facade's application on the fleet's Prometheus."""

    fleet: PlanFleet
    prometheus: Prometheus
    _client: FlaskClient
    _noting: _Noting

    def queries(self, route: str) -> list[str]:
        """What a route, one of those above, asks."""
        pod = self.fleet.pod(0)
        of = {"pod": pod["pod"], "namespace": pod["namespace"], "node": pod["node"], "deployment": pod["workload"]}
        self._noting.queries.clear()
        status = self._client.get(route.format(**of)).status_code
        if status != (404 if "nothing" in route else 200):
            raise AssertionError(f"{route}: {status}")
        # The other is how its clock is read.
        return [query for query in self._noting.queries if query != "1"]

    def selectors(self, route: str) -> list[Found]:
        """The selectors of all the queries of a route."""
        return [found for query in self.queries(route) for found in selectors(query)]

    def really(self, found: Found) -> int:
        """How many series Prometheus itself finds for a selector."""
        form = {"match[]": text(found), "start": f"{NOW - SECONDS}", "end": f"{NOW}"}
        answer = requests.post(f"{self.prometheus.url}/api/v1/series", data=form, timeout=10)
        answer.raise_for_status()
        return len(answer.json()["data"])


def total(index: Index, found: list[Found]) -> Plan:
    """What all of the selectors touch."""
    return sum(map(index.plan, found), Plan(0, 0))


@contextmanager
def asking(directory: Path, fleet: PlanFleet) -> Iterator[Asking]:
    """A real Prometheus with a few minutes of the fleet, and the facade on it."""
    with store(directory, fleet.samples, fleet.nodes, NOW, SECONDS, CLUSTER) as prometheus:
        settings = Settings.from_environment({"PROMETHEUS_URL": prometheus.url})
        noting = _Noting(prometheus.url)
        with PrometheusClient(settings, transport=noting, clock=lambda: 0.0) as client:
            yield Asking(fleet, prometheus, create_app(settings, client).test_client(), noting)
