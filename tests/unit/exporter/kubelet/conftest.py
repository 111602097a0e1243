from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from exporter.kubelet.interfaces import DEFAULT_NODE_INTERFACES
from exporter.kubelet.readings import KubeletReader
from exporter.model import Source
from tests.unit.exporter.kubelet.bodies import FakeClock, FakeKubelet

Losses = list[tuple[Source, str, str]]


class MakeReader(Protocol):
    def __call__(
        self,
        kubelet: FakeKubelet,
        *,
        scrape: float = ...,
        detail: float = ...,
        storage: float = ...,
        interfaces: str = ...,
    ) -> KubeletReader: ...


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def losses() -> Losses:
    """What the reader reported as lost: (source, stage, reason)."""
    return []


@pytest.fixture
def make_reader(clock: Callable[[], float], losses: Losses) -> Iterator[MakeReader]:
    made: list[KubeletReader] = []

    def make(
        kubelet: FakeKubelet,
        *,
        scrape: float = 15,
        detail: float = 60,
        storage: float = 300,
        interfaces: str = DEFAULT_NODE_INTERFACES,
    ) -> KubeletReader:
        def lost(source: Source, stage: str, reason: str) -> None:
            losses.append((source, stage, reason))

        pattern = re.compile(interfaces)
        made.append(KubeletReader(kubelet, clock, scrape, detail, storage, pattern, lost, monotonic=clock))
        return made[-1]

    yield make
    for reader in made:
        reader.close()
