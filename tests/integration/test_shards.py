"""Scope cluster in shards answers as one exporter does, and says so when one of them is silent.

One Prometheus has the sample fleet twice: as the cluster ``whole`` with one cluster-scope exporter, and as ``shared``,
the same node exporters with shards.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest
import requests
import yaml

from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from promql.config import prometheus_config
from promql.rules import rules_file
from tests.harness import Process, Prometheus, free_ports, wait_until
from tests.harness.serving import serving

ROUTES: Final = (
    "/api/nodes",
    "/api/pods",
    "/api/namespaces",
    "/api/deployments",
    "/api/nodes/node-1",
    "/api/nodes/node-1/pods",
    "/api/namespaces/default",
    "/api/namespaces/default/pods",
    "/api/namespaces/default/deployments",
    "/api/deployments/web-server?namespace=default",
    "/api/pods/app-backend-1?namespace=default",
)
SCOPES: Final[dict[str, dict[str, str]]] = {
    "node-1": {"EXPORTER_SCOPE": "node", "NODE_NAME": "node-1"},
    "node-2": {"EXPORTER_SCOPE": "node", "NODE_NAME": "node-2"},
    "cluster": {"EXPORTER_SCOPE": "cluster"},
    **{
        f"cluster-{shard}": {"EXPORTER_SCOPE": "cluster", "EXPORTER_SHARDS": "4", "EXPORTER_SHARD": f"{shard}"}
        for shard in range(4)
    },
}
MOVING: Final = ("usage", "utilization")
LEFT_OUT: Final = ("time", "age", "cluster")


@dataclass(frozen=True)
class Fleet:
    url: str
    prometheus: Prometheus
    shard: Process

    def ask(self, path: str, cluster: str) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(f"{self.url}{path}{'&' if '?' in path else '?'}cluster={cluster}", timeout=10)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("shards")
    ports = dict(zip(SCOPES, free_ports(len(SCOPES)), strict=True))
    with ExitStack() as stack:
        exporters = {}
        for name, settings in SCOPES.items():
            own = {"EXPORTER_SOURCE": "sample", "EXPORTER_PORT": str(ports[name]), "EXPORTER_SHUTDOWN_GRACE": "0"}
            command = (sys.executable, "-m", "exporter")
            exporters[name] = stack.enter_context(Process(command, directory / f"{name}.log", own | settings))
        # They end at once, not one after the other.
        for exporter in exporters.values():
            stack.callback(exporter.send_signal, signal.SIGTERM)
        for name, port in ports.items():
            exporters[name].wait_until_answers(f"http://127.0.0.1:{port}/readyz")
        prometheus = stack.enter_context(Prometheus(configuration(ports), {"rules.yml": rules_file(1, 2)}))
        variables = {"PROMETHEUS_URL": prometheus.url, "SCRAPE_INTERVAL": "1", "DETAIL_INTERVAL": "2"}
        settings_of_facade = Settings.from_environment(variables | {"STORAGE_INTERVAL": "2"})
        client = PrometheusClient(settings_of_facade)
        url = stack.enter_context(serving(create_app(settings_of_facade, client)))
        yield Fleet(url, prometheus, exporters["cluster-3"])


def configuration(ports: dict[str, int]) -> str:
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    nodes = {name: address for name, address in addresses.items() if name.startswith("node")}
    config = yaml.safe_load(prometheus_config(nodes, addresses["cluster"], "whole", 1, ["rules.yml"]))
    shards = [addresses[f"cluster-{shard}"] for shard in range(4)]
    shared = yaml.safe_load(prometheus_config(nodes, shards, "shared", 1))
    config["scrape_configs"][0]["static_configs"] += shared["scrape_configs"][0]["static_configs"]
    return yaml.safe_dump(config)


def shape(answer: Any) -> Any:
    """An answer without what moves from one scrape to the next: times, and what is used."""
    if isinstance(answer, dict):
        return {
            key: _known(value) if key in MOVING else shape(value)
            for key, value in answer.items()
            if key not in LEFT_OUT
        }
    return [shape(item) for item in answer] if isinstance(answer, list) else answer


def _known(block: dict[str, Any]) -> list[str]:
    return sorted(name for name, value in block.items() if value is not None)


def alike(fleet: Fleet) -> bool:
    return all(shape(fleet.ask(route, "shared")) == shape(fleet.ask(route, "whole")) for route in ROUTES)


def has_counts(fleet: Fleet, cluster: str, counts: list[tuple[int | None, int | None]]) -> bool:
    """Whether namespaces have these numbers of pods and Deployments."""
    items = fleet.ask("/api/namespaces", cluster)["items"]
    return [(item["pods"], item["deployments"]) for item in items] == counts


def names(answer: Any) -> set[str]:
    return {item["name"] for item in answer["items"]}


def test_shards_answer_as_one_exporter_and_a_silent_one_is_missed(fleet: Fleet) -> None:
    for cluster in ("whole", "shared"):
        wait_until(partial(has_counts, fleet, cluster, [(2, 2), (1, 1)]), 20, f"the totals of {cluster}")
    wait_until(lambda: alike(fleet), 20, "the same answers")
    assert "not_collected" not in str(fleet.ask("/api/namespaces", "shared"))

    fleet.shard.terminate()
    wait_until(lambda: has_counts(fleet, "shared", [(None, None), (None, None)]), 20, "the counts to go")
    check_that_nothing_claims_to_be_complete(fleet)
    assert has_counts(fleet, "whole", [(2, 2), (1, 1)])

    fleet.shard.start()
    wait_until(lambda: has_counts(fleet, "shared", [(2, 2), (1, 1)]), 20, "the counts to come back")
    wait_until(lambda: alike(fleet), 20, "the same answers again")


def check_that_nothing_claims_to_be_complete(fleet: Fleet) -> None:
    """What is used is known, and every entity by its series; how many there should be is not."""
    whole, shared = (fleet.ask("/api/namespaces", cluster) for cluster in ("whole", "shared"))
    assert names(shared) == names(whole) == {"default", "monitoring"}
    for item in shared["items"]:
        assert (item["missing"]["pods"], item["missing"]["deployments"]) == ("not_collected", "not_collected")
        assert item["usage"]["cpu_cores"] > 0
    assert names(fleet.ask("/api/pods", "shared")) == names(fleet.ask("/api/pods", "whole"))
    assert names(fleet.ask("/api/nodes", "shared")) == {"node-1", "node-2"}
    phases = {item["name"]: item["phase"] for item in fleet.ask("/api/pods", "shared")["items"]}
    silent = {name for name, phase in phases.items() if phase is None}
    assert 0 < len(silent) < len(phases)
    assert [node["pods"] for node in fleet.ask("/api/nodes", "shared")["items"]] == [None, None]
    # The other shards go on: a total that went by what they know would be too low, and look complete.
    running = fleet.prometheus.query('count(cloudmon_pod_phase{cluster="shared"})')
    assert [sample.value for sample in running] == [len(phases) - len(silent)]
