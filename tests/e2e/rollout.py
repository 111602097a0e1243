"""An exporter of scope node replaced by another as a DaemonSet's rollout does it, under a real Prometheus and facade.

The kubelet is steady (``tests.e2e.steady``), the API server stands still after the first few seconds, in which one
container is killed for memory: the exporter to be replaced has counters of every kind above zero.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import requests
import yaml

from promql.config import prometheus_config
from promql.rules import rules_file
from tests.e2e.stack import DETAIL_SECONDS, INTERVALS, SCRAPE_SECONDS
from tests.e2e.steady import SteadyKubelet
from tests.harness.ports import free_port
from tests.harness.process import Process
from tests.harness.prometheus import Prometheus
from tests.harness.waiting import wait_until
from tests.replay import Recording, ReplayedCluster

# Moments 0 to 7 of lab-1 are 70 s: `oomer` is killed once, `crasher` restarts, and in the last no pod is about to end.
_LAST_MOMENT: Final = 7
_SPEED: Final = 20.0
# Prometheus passes changes of discovery on every 5 s, however short the scrape interval, and its scraper looks for them
# every 5 s: the grace must outlast both, as 30 s do at the usual 15 s.
_SHUTDOWN_GRACE_SECONDS: Final = 14.0
# What an endpoints controller takes to notice.
_NOTICED_AFTER_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.7
KINDS: Final = ("nodes", "pods", "namespaces", "deployments")


@dataclass(frozen=True, slots=True)
class Exporter:
    process: Process
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def ready(self) -> bool:
        return self.get("/readyz").status_code == 200

    def get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"http://{self.address}{path}", timeout=5)


def _passed(unix_seconds: float) -> bool:
    return time.time() >= unix_seconds


class Rollout:
    """Everything of a one-node cluster, exporters of scope node aside: those are started and listed by the test."""

    def __init__(self) -> None:
        # What the API answered: (time of asking, answers by kind).
        self.polls: list[tuple[float, dict[str, Any]]] = []
        recording = Recording.named("lab-1", 0, _LAST_MOMENT)
        self.cluster = ReplayedCluster(recording, _SPEED)
        self.kubelet = SteadyKubelet(recording.moments[0])
        self.kubelet.serve_from(self.cluster.kubelet)
        self.node = self.cluster.node_name
        self._exit = ExitStack()
        self._directory = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="rollout-")))
        self._targets_file = self._directory / "targets.json"
        self._session = requests.Session()
        self._session.trust_env = False
        self._started = 0

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def start_exporter(self, scope: Literal["node", "cluster"] = "node") -> Exporter:
        """A new process on a port of its own, not yet ready."""
        self._started += 1
        port = free_port()
        environment = self.cluster.environment(scope) | INTERVALS | {
            "EXPORTER_PORT": str(port),
            "EXPORTER_SHUTDOWN_GRACE": f"{_SHUTDOWN_GRACE_SECONDS:g}" if scope == "node" else "0",
        }  # fmt: skip
        process = Process(
            [sys.executable, "-m", "exporter"], self._directory / f"{scope}-{self._started}.log", environment
        )
        self._exit.callback(lambda: process.kill() if process.returncode is None else None)
        process.start()
        return Exporter(process, port)

    def wait_until_ready(self, exporter: Exporter) -> None:
        exporter.process.wait_until_answers(f"http://{exporter.address}/readyz")

    def let_the_kill_happen(self) -> None:
        """Let the API server's time pass until it stands still for good, once kills are counted."""
        self.prometheus.wait_for("cloudmon_pod_oom_kills_total")
        self.cluster.begin()
        self.cluster.wait_for_moment(_LAST_MOMENT)

    def list_exporters(self, *exporters: Exporter) -> None:
        """Make these the endpoints that discovery knows of the node's exporter."""
        labels = {"instance": self.node, "node": self.node, "cluster": self.cluster.recording.name}
        written = self._targets_file.with_suffix(".new")
        written.write_text(json.dumps([{"targets": [one.address], "labels": labels} for one in exporters]))
        written.replace(self._targets_file)

    def replace(self, old: Exporter, new: Exporter, overlap_seconds: float) -> float:
        """``new``, just ready, takes the place of ``old``; the time at which that one was told to stop.

        Both are listed for ``overlap_seconds``. Told to stop, the old one is delisted once it has been unready for as
        long as a controller takes to notice, and ends by itself.
        """
        self.list_exporters(old, new)
        listed = time.time()
        self.watch(listed + overlap_seconds)
        old.process.send_signal(signal.SIGTERM)
        told = time.time()
        wait_until(lambda: not old.ready, 5, "the old exporter unready")
        unready = time.time()
        self.watch(unready + _NOTICED_AFTER_SECONDS)
        self.list_exporters(new)
        return told

    def watch(self, end: float) -> None:
        """Ask the API again and again until ``end`` (Unix seconds)."""
        while (due := time.time()) < end:
            self.polls.append((due, {kind: self.get(f"/api/{kind}")["items"] for kind in KINDS}))
            wait_until(partial(_passed, due + _POLL_SECONDS), 10, "the next poll")

    def get(self, path: str) -> Any:
        """The JSON of a route, which must answer with 200, from upstream."""
        response = self._session.get(f"{self._url}{path}", timeout=20)
        assert response.status_code == 200, f"{path}: {response.status_code}: {response.text[:2000]}"
        return response.json()

    def _start(self) -> None:
        self._exit.enter_context(self._session)
        self._exit.enter_context(self.cluster)
        self.cluster_exporter, self.first_exporter = self.start_exporter("cluster"), self.start_exporter("node")
        for exporter in (self.cluster_exporter, self.first_exporter):
            self.wait_until_ready(exporter)
        self.list_exporters(self.first_exporter)
        self.prometheus = self._exit.enter_context(
            Prometheus(self._config(), {"rules.yml": rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)})
        )
        self._start_facade()

    def _config(self) -> str:
        """The configuration of known addresses, with the node's exporters found by discovery instead."""
        config = yaml.safe_load(
            prometheus_config(
                {}, self.cluster_exporter.address, self.cluster.recording.name, SCRAPE_SECONDS, ["rules.yml"]
            )
        )
        (job,) = config["scrape_configs"]
        job["file_sd_configs"] = [{"files": [str(self._targets_file)], "refresh_interval": "1s"}]
        return yaml.safe_dump(config)

    def _start_facade(self) -> None:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        environment = INTERVALS | {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "PROMETHEUS_URL": self.prometheus.url,
            "FACADE_WORKERS": "1",
            "DEBUG": "false",
        }
        facade = self._exit.enter_context(
            Process([sys.executable, "-m", "facade"], self._directory / "facade.log", environment)
        )
        facade.wait_until_answers(f"{self._url}/readyz")
