"""Recordings and clients shared by the tests of the replayed cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.replay import Recording, ReplayedCluster, Scope

Ask = Callable[..., requests.Response]
WatchEvents = Callable[..., "Future[list[dict[str, Any]]]"]


@pytest.fixture(scope="session")
def lab_1() -> Recording:
    return Recording.named("lab-1")


@pytest.fixture(scope="session")
def lab_3() -> Recording:
    return Recording.named("lab-3")


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Ask a replayed server with the CA file and, unless told otherwise, the token of a scope."""
    with requests.Session() as session:
        session.trust_env = False

        def get(
            cluster: ReplayedCluster,
            url: str,
            scope: Scope = "node",
            token: str | None = None,
            method: str = "GET",
            **parameters: str | int,
        ) -> requests.Response:
            headers = {"Authorization": f"Bearer {cluster.token(scope) if token is None else token}"}
            return session.request(
                method, url, params=parameters, headers=headers, verify=str(cluster.ca_file), timeout=10
            )

        yield get


@pytest.fixture
def watch_events() -> Iterator[WatchEvents]:
    """Start a watch in a thread; its future gives the events once the watch has ended."""
    with ThreadPoolExecutor() as threads:

        def read(cluster: ReplayedCluster, path: str, parameters: dict[str, str | int]) -> list[dict[str, Any]]:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(
                    cluster.api.url + path,
                    params={"watch": "1", **parameters},
                    headers={"Authorization": f"Bearer {cluster.token('cluster')}"},
                    verify=str(cluster.ca_file),
                    timeout=30,
                )
                answer.raise_for_status()
                return [json.loads(line) for line in answer.iter_lines()]

        def start(cluster: ReplayedCluster, path: str, **parameters: str | int) -> Future[list[dict[str, Any]]]:
            return threads.submit(read, cluster, path, parameters)

        yield start
