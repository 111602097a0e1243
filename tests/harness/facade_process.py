"""The facade as it is run, ``python -m facade``, and a client that no proxy of the environment stands before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from tests.harness.measured import measured
from tests.harness.ports import free_port
from tests.harness.process import Process

COMMAND: Final = (sys.executable, "-m", "facade")


@contextmanager
def facade(tmp_path: Path, **environment: str) -> Iterator[tuple[Process, str]]:
    """A facade that answers, and its URL."""
    port = environment.setdefault("PORT", str(free_port()))
    settings = {"DEBUG": "false", "FACADE_WORKERS": "2", "FACADE_THREADS": "2", **measured(), **environment}
    with Process(COMMAND, tmp_path / f"facade-{port}.log", settings) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_until_answers(f"{url}/healthz")
        yield process, url


def get(url: str, **headers: str) -> requests.Response:
    return ask("GET", url, **headers)


def ask(method: str, url: str, **headers: str) -> requests.Response:
    """The answer to one request; an underscore in a header's name stands for a hyphen."""
    with requests.Session() as session:
        session.trust_env = False
        fields = {name.replace("_", "-"): text for name, text in headers.items()}
        return session.request(method, url, headers=fields, timeout=10)
