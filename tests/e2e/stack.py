"""Exporters of both scopes, Prometheus and the facade as processes of their own, on a replayed cluster."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import requests

from promql.config import prometheus_config
from promql.rules import rules_file
from tests.harness.ports import free_ports
from tests.harness.process import Process
from tests.harness.prometheus import Prometheus
from tests.harness.waiting import wait_until
from tests.replay import Recording, ReplayedCluster

# A recorded minute passes in twelve seconds: the intervals shrink alike.
SPEED: Final = 5.0
SCRAPE_SECONDS: Final = 3.0
DETAIL_SECONDS: Final = 12.0
STORAGE_SECONDS: Final = 60.0
INTERVALS: Final = {
    "SCRAPE_INTERVAL": f"{SCRAPE_SECONDS:g}",
    "DETAIL_INTERVAL": f"{DETAIL_SECONDS:g}",
    "STORAGE_INTERVAL": f"{STORAGE_SECONDS:g}",
}


class Stack:
    """Everything between a recording and an answer; a context manager. ``cluster.begin()`` sets the recording going."""

    def __init__(self, recording: str, *, speed: float = SPEED) -> None:
        self.cluster = ReplayedCluster(Recording.named(recording), speed)
        self._exit = ExitStack()
        self.directory = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="stack-")))
        node_port, cluster_port, self._facade_port = free_ports(3)
        self.node_exporter = self._exporter("node", node_port)
        self.cluster_exporter = self._exporter("cluster", cluster_port)
        config = prometheus_config(
            {self.cluster.node_name: f"127.0.0.1:{node_port}"},
            f"127.0.0.1:{cluster_port}",
            recording,
            SCRAPE_SECONDS,
            ["rules.yml"],
        )
        self.prometheus = Prometheus(config, {"rules.yml": rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)})
        self.url = f"http://127.0.0.1:{self._facade_port}"
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.enter_context(self._exit)
            started.enter_context(self.cluster)
            started.enter_context(self.prometheus)
            facade = started.enter_context(self._facade())
            facade.wait_until_answers(f"{self.url}/readyz")
            # Last, and not until they are ready: a recording that stands still grows old, and throughput, which
            # readiness waits for, does not come of it.
            started.enter_context(self.node_exporter)
            started.enter_context(self.cluster_exporter)
            started.enter_context(self._session)
            self._wait_until_seen()
            self._exit = started.pop_all()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def get(self, path: str, status: int = 200) -> Any:
        """The JSON of a route, which must answer with ``status``."""
        response = self._session.get(f"{self.url}{path}", timeout=20)
        assert response.status_code == status, f"{path}: {response.status_code}: {response.text[:2000]}"
        return response.json()

    def _wait_until_seen(self) -> None:
        """Every source scraped and the rules evaluated on it, in the API's eyes: what is compared later begins here."""

        def complete() -> bool:
            lists = [self.get(f"/api/{kind}") for kind in ("nodes", "pods", "namespaces", "deployments")]
            reasons = {reason for answer in lists for item in answer["items"] for reason in item["missing"].values()}
            whole = all(answer["items"] and "partial" not in answer for answer in lists)
            return whole and not reasons & {"no_samples", "not_collected"}

        wait_until(complete, 30, "every list complete, of all sources")

    def _exporter(self, scope: Any, port: int) -> Process:
        environment = self.cluster.environment(scope) | INTERVALS
        environment |= {"EXPORTER_PORT": str(port), "EXPORTER_SHUTDOWN_GRACE": "0"}
        return Process([sys.executable, "-m", "exporter"], self.directory / f"{scope}.log", environment)

    def _facade(self) -> Process:
        environment = INTERVALS | {
            "HOST": "127.0.0.1",
            "PORT": str(self._facade_port),
            "PROMETHEUS_URL": self.prometheus.url,
            "FACADE_WORKERS": "1",
            "DEBUG": "false",
        }
        return Process([sys.executable, "-m", "facade"], self.directory / "facade.log", environment)
