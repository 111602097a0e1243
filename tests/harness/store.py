"""A real Prometheus that holds a made past, and the facade's application on it at a fixed time.

The past is written as ``make run`` writes the sample fleet's (``local.history``): one scrape an interval, then the
recording rules by Prometheus itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from exporter.sample import samples as sample_fleet
from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from facade.transport import Form, HttpTransport, Response
from local.history import History
from local.prometheus_binary import Binaries
from promql.config import prometheus_config
from promql.rules import rules_file
from tests.harness.documented import DocumentedClient
from tests.harness.prometheus import Prometheus

Sample = tuple[str, tuple[tuple[str, str], ...], float]
SCRAPE_SECONDS = 15.0
DETAIL_SECONDS = 60.0
MOST_KEPT_BYTES = 50_000
# The directory of a run of pytest, of all its processes.
RUN = re.compile(r"pytest-\d+")


class AtFixedTime:
    """A transport that carries real exchanges, and says that Prometheus's clock stands at ``now`` (Unix seconds).

    The past that it is asked about stands, and every question says of when it is: what was asked before is answered
    with what was answered then.
    """

    def __init__(self, url: str, now: float) -> None:
        self._inner = HttpTransport(url, {}, connections=4)
        self._date = formatdate(now, usegmt=True)
        self._answered: dict[tuple[str, ...], Response] = {}

    def post(self, path: str, data: Form, deadline_seconds: float) -> Response:
        question = (path, *(f"{key}={data[key]}" for key in sorted(data)))
        if question in self._answered:
            return self._answered[question]
        answer = self._inner.post(path, data, deadline_seconds)
        dated = Response(answer.status, {**answer.headers, "date": self._date}, answer.body)
        if answer.status == 200 and len(answer.body) <= MOST_KEPT_BYTES:
            self._answered[question] = dated
        return dated

    def close(self) -> None:
        self._inner.close()


def binaries() -> Binaries:
    """The Prometheus on PATH."""
    found = [shutil.which(name) for name in ("prometheus", "promtool")]
    assert all(found), "prometheus and promtool must be on PATH; `make test` sees to it"
    return Binaries(*(Path(str(path)) for path in found))


@cache
def recording_rules() -> str:
    """The rules of every store."""
    return rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)


def write_shared(history: History, directory: Path, seconds: float, now: float) -> None:
    """The sample fleet's past, which many files of tests want, is written once in a run, whichever process comes first.

    Each store has blocks of its own, which are links: Prometheus changes no block, and replaces those that it merges.
    """
    run = next((path for path in directory.parents if RUN.fullmatch(path.name)), directory.parent)
    made = f"{history.prometheus_yaml}{history.rules_yaml}{seconds!r}{now!r}"
    shared = run / f"past-{hashlib.sha256(made.encode()).hexdigest()[:16]}"
    with (run / f"{shared.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        history.write(shared, seconds)
    shutil.copytree(shared, directory, copy_function=os.link)


@contextmanager
def store(
    directory: Path,
    samples: Callable[[str, str, float], Iterable[Sample]],
    nodes: Iterable[str],
    now: float,
    seconds: float,
    cluster: str | None = "sample",
    *,
    recorded: bool = True,
    also: Callable[[Path], None] = lambda _: None,
) -> Iterator[Prometheus]:
    """A Prometheus with the past ``seconds`` of ``samples(scope, node, time)`` up to ``now``.

    ``cluster`` is the label of series that have none of their own. Without ``recorded`` it is a Prometheus that was
    never given the recording rules. ``also`` may add blocks to the data directory, of which no rule has seen anything.
    """
    config = prometheus_config(dict.fromkeys(nodes, "127.0.0.1:1"), "127.0.0.1:1", cluster, SCRAPE_SECONDS)
    rules = recording_rules() if recorded else "groups: []\n"
    history = History(binaries(), config, rules, samples, SCRAPE_SECONDS, lambda: now, lambda _: None)
    if samples is sample_fleet:
        write_shared(history, directory, seconds, now)
    else:
        assert history.write(directory, seconds)
    also(directory)
    keep = ("--storage.tsdb.retention.time=10y",)
    with Prometheus("scrape_configs: []\n", data_directory=directory, extra_flags=keep) as prometheus:
        yield prometheus


@contextmanager
def application(url: str, now: float, environment: Mapping[str, str] | None = None) -> Iterator[FlaskClient]:
    """A test client of the facade on the Prometheus at ``url``, for which it is always ``now``."""
    settings = Settings.from_environment({"PROMETHEUS_URL": url, **(environment or {})})
    with PrometheusClient(settings, transport=AtFixedTime(url, now), clock=lambda: 0.0) as client:
        app = create_app(settings, client)
        app.test_client_class = DocumentedClient
        yield app.test_client()


@contextmanager
def facade_on(stored: AbstractContextManager[Prometheus], now: float) -> Iterator[FlaskClient]:
    """A test client of the facade on ``stored``, which lives as long."""
    with stored as prometheus, application(prometheus.url, now) as client:
        yield client


def get(client: FlaskClient, path: str, status: int = 200) -> Any:
    """The JSON of a route, which must answer with ``status``."""
    response = client.get(path)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()
