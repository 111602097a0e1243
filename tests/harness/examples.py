"""The applications that the example requests of the API are asked of: the sample fleet at a fixed time, the same fleet
in two clusters, and Prometheus in each of the states in which it cannot answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from exporter.sample import NODES, samples
from facade.app import create_app
from facade.config import Settings
from facade.openapi.examples import Request
from facade.prometheus import PrometheusClient
from tests.harness.documented import DocumentedClient
from tests.harness.ports import free_port
from tests.harness.store import Sample, application, store
from tests.harness.upstream import Upstream, answering, failure, hanging

NOW: Final = 1794484800.0 + 7.0  # 2026-11-12T12:00:07Z
SECONDS: Final = 3.5 * 3600
_UPSTREAMS: Final = {
    "busy": answering("", "503 Service Unavailable"),
    "torn": answering(failure("execution", "rpc error: code = Aborted"), "422 Unprocessable Entity"),
    "slow": hanging,
    "refusing": answering(failure("bad_data", "too many samples"), "422 Unprocessable Entity"),
    "limited": answering(failure("execution", "exceeded series limit"), "422 Unprocessable Entity"),
    "another": answering("<html>Welcome</html>", headers={"Content-Type": "text/html"}),
}


def twice(scope: str, node: str, time: float) -> Iterator[Sample]:
    """The sample fleet in clusters east and west; in east, what is in namespace default is in staging too."""
    for name, pairs, value in samples(scope, node, time):
        for cluster in ("east", "west"):
            yield name, (("cluster", cluster), *pairs), value
        labels = dict(pairs)
        if labels.get("namespace") == "default":
            other = {"namespace": "staging", **({"uid": f"{labels['uid']}-2"} if "uid" in labels else {})}
            yield name, (("cluster", "east"), *sorted({**labels, **other}.items())), value


class Stores:
    """Clients of applications by what they are asked of; each is made when it is first needed, and ends with the
    context.
    """

    def __init__(self, directory: Path, exits: ExitStack) -> None:
        self._directory = directory
        self._exits = exits
        self._clients: dict[str, FlaskClient] = {}

    def client(self, name: str) -> FlaskClient:
        if name not in self._clients:
            self._clients[name] = self._make(name)
        return self._clients[name]

    def ask(self, request: Request) -> TestResponse:
        """What the application answers."""
        return self.client(request.store).open(request.path, method=request.method, headers=dict(request.headers))

    def _make(self, name: str) -> FlaskClient:
        if name == "sample":
            return self._stored(name, samples, SECONDS, "sample")
        if name == "twice":
            return self._stored(name, twice, 900, None)
        if name == "crowded":
            return self._failing("http://127.0.0.1:9", in_flight=0)
        if name == "unreachable":
            return self._failing(f"http://127.0.0.1:{free_port()}")
        return self._failing(self._exits.enter_context(Upstream(_UPSTREAMS[name])).url)

    def _stored(
        self, name: str, fleet: Callable[[str, str, float], Iterator[Sample]], seconds: float, cluster: str | None
    ) -> FlaskClient:
        prometheus = self._exits.enter_context(store(self._directory / name, fleet, NODES, NOW, seconds, cluster))
        return self._exits.enter_context(application(prometheus.url, NOW))

    def _failing(self, url: str, in_flight: int = 1) -> FlaskClient:
        settings = Settings.from_environment({"PROMETHEUS_URL": url, "PROMETHEUS_TIMEOUT": "0.2"})
        client = self._exits.enter_context(PrometheusClient(settings))
        app = create_app(settings, client, in_flight=in_flight)
        app.test_client_class = DocumentedClient
        return app.test_client()
