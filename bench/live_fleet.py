"""A synthetic fleet that a real Prometheus scrapes: nodes × pods, every series that both scopes export of them.

One server on one loopback port stands for all exporters; the path says which. Labels are rendered once and values at
each scrape (``value + slope × seconds``), so that the fleet costs the machine a few hundredths of a processor.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from local.openmetrics import render_labels
from promql import names
from promql.config import prometheus_config
from tests.harness.fleet import DAY, Fleet, FleetPod, Sample

SCRAPE_SECONDS = 15.0
NAMESPACES = 40


@dataclass(frozen=True)
class LiveFleet:
    """``started`` (Unix seconds) is when it is first scraped; all its pods are older by a day and more."""

    nodes: int
    pods_per_node: int
    deployments: int
    started: float

    @cached_property
    def by_node(self) -> dict[str, Fleet]:
        """What each node's exporter says."""
        dice = random.Random(7)
        of_node: dict[str, list[FleetPod]] = {f"node-{number:03}": [] for number in range(self.nodes)}
        for number in range(self.nodes * self.pods_per_node):
            node = f"node-{number // self.pods_per_node:03}"
            app = number % self.deployments
            of_node[node].append(
                FleetPod(
                    namespace(app),
                    f"app-{app:03}-{number:05}",
                    f"{dice.getrandbits(128):032x}",
                    ("Deployment", f"app-{app:03}"),
                    created=self.started - DAY - number,
                    node=node,
                    value=dice.random(),
                    disk=number % 2 == 0,
                    limits=number % 3 == 0,
                    memory=True,
                    host_network=number % 20 == 0,
                    restarts=number % 7,
                )
            )
        return {node: Fleet(tuple(pods), nodes=(node,)) for node, pods in of_node.items()}

    @property
    def whole(self) -> Fleet:
        """What scope cluster says."""
        apps = range(self.deployments)
        return Fleet(
            tuple(pod for fleet in self.by_node.values() for pod in fleet.pods),
            tuple(self.by_node),
            namespaces=tuple(sorted({namespace(app) for app in apps})),
            deployments=tuple((namespace(app), f"app-{app:03}", 20) for app in apps),
        )

    def samples(self, path: str, when: float) -> Iterator[Sample]:
        """The samples of one exporter."""
        if path == names.CLUSTER_INSTANCE:
            return self.whole.samples("cluster", "", when)
        return self.by_node[path].samples("node", path, when)

    @property
    def exporters(self) -> tuple[str, ...]:
        return (*self.by_node, names.CLUSTER_INSTANCE)


def namespace(app: int) -> str:
    return f"ns-{app % NAMESPACES:02}"


class _Lines:
    """One exporter's lines: each a rendered series, its value at ``since`` and its growth a second."""

    def __init__(self, fleet: LiveFleet, exporter: str) -> None:
        self._since = fleet.started
        now, later = (fleet.samples(exporter, fleet.started + seconds) for seconds in (0.0, 1.0))
        self._lines = [
            (f"{name}{render_labels(labels)} ", value, grown - value)
            for (name, labels, value), (_, _, grown) in zip(now, later, strict=True)
        ]

    def text(self, when: float) -> bytes:
        passed = when - self._since
        return "".join([f"{line}{value + slope * passed!r}\n" for line, value, slope in self._lines]).encode()


@contextmanager
def exporting(fleet: LiveFleet) -> Iterator[str]:
    """Serve every exporter of the fleet below one loopback address, which is yielded."""
    lines = {exporter: _Lines(fleet, exporter) for exporter in fleet.exporters}

    class Exporter(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            text = lines[self.path.strip("/")].text(time.time())
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """A scrape is no news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def scrape_config(fleet: LiveFleet, address: str) -> str:
    """The configuration that ``make run`` has, with every exporter behind one address."""
    nodes = dict.fromkeys(fleet.by_node, address)
    config = yaml.safe_load(prometheus_config(nodes, address, "bench", SCRAPE_SECONDS, ["rules.yml"]))
    for target in config["scrape_configs"][0]["static_configs"]:
        target["labels"]["__metrics_path__"] = f"/{target['labels']['instance']}"
    return yaml.safe_dump(config, sort_keys=False)
