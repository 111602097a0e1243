"""The sample fleet in a real Prometheus, and the facade on it: what the tests of the contract ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from exporter.sample import NODES, samples
from tests.harness.prometheus import Prometheus
from tests.harness.store import application, store

NOW = 1794484800.0 + 7.0  # 2026-11-12T12:00:07Z
END = 1794484800


@dataclass(frozen=True)
class Asked:
    """The store, and the facade on it."""

    prometheus: Prometheus
    client: FlaskClient

    def get(self, path: str, parameters: Mapping[str, object] | None = None, status: int = 200) -> Any:
        """The JSON of a route, which must answer with ``status``."""
        response = self.client.get(f"{path}?{urlencode(parameters)}" if parameters else path)
        assert response.status_code == status, f"{path} {parameters}: {response.get_data(as_text=True)[:2000]}"
        return response.get_json()


@contextmanager
def sample_fleet(
    factory: pytest.TempPathFactory, hours: float = 1.0, environment: Mapping[str, str] | None = None
) -> Iterator[Asked]:
    """The past ``hours`` of the sample fleet; ``environment`` is the facade's."""
    directory = factory.mktemp("sample") / "data"
    with (
        store(directory, samples, NODES, NOW, hours * 3600) as prometheus,
        application(prometheus.url, NOW, environment) as client,
    ):
        yield Asked(prometheus, client)
