"""The WSGI application, made of its parts: ``create_app(settings, client)``."""

from __future__ import annotations

import threading
from typing import Any, Final

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from facade import dialect, errors, observe, openapi
from facade.config import Settings
from facade.context import EXTENSION, Facade
from facade.kept import KeptAnswers
from facade.lookup.base import Lookup
from facade.lookup.nodes import Nodes
from facade.lookup.pods import Pods
from facade.lookup.series_of_kind import SeriesOfKind
from facade.lookup.timeseries import Timeseries
from facade.lookup.totals import Deployments, Namespaces
from facade.metrics import FacadeMetrics
from facade.params.shared import PATH_SEGMENTS
from facade.prometheus import PrometheusClient
from facade.routes import BLUEPRINTS
from promql.catalogue import Catalogue

IN_FLIGHT: Final = 64


class _JsonProvider(DefaultJSONProvider):
    """Keys in the order in which they were put, UTF-8 as it is, and never NaN or Infinity, which are not JSON."""

    sort_keys = False
    ensure_ascii = False
    compact = True

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, allow_nan=False, **kwargs)


def create_app(
    settings: Settings,
    client: PrometheusClient,
    *,
    in_flight: int = IN_FLIGHT,
    kept: KeptAnswers | None = None,
    metrics_directory: str | None = None,
) -> Flask:
    """The application. It keeps no state that a restart could lose, and leaves ``client`` for the caller to close.

    At most ``in_flight`` requests are answered at once, and as many wait for an answer that is being made, of those
    that ``kept`` keeps; the next gets 429, and the routes of health and what is at hand are exempt.
    ``metrics_directory`` is where the processes of one server share their metrics (see ``facade.metrics``).
    Raises ValueError for a route with a path segment that ``facade.params.PATH_SEGMENTS`` does not know.
    """
    app = Flask("facade", static_folder=None)
    app.json = _JsonProvider(app)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    facade = _assemble(settings, client, FacadeMetrics(metrics_directory), in_flight, kept)
    client.observe(facade.metrics.query_ended)
    client.observe(observe.log_failed_query)
    app.extensions[EXTENSION] = facade
    errors.register(app)
    observe.install(app, facade)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for rule in app.url_map.iter_rules():
        if unknown := rule.arguments - PATH_SEGMENTS.keys():
            raise ValueError(f"{rule.rule}: nothing says what {', '.join(sorted(unknown))} may be")
    openapi.install(app, settings)
    return app


def _assemble(
    settings: Settings, client: PrometheusClient, metrics: FacadeMetrics, in_flight: int, kept: KeptAnswers | None
) -> Facade:
    lookup = Lookup(client, Catalogue.load(), dialect.windows(settings), recorded=dialect.has_rules(settings))
    return Facade(
        settings,
        client,
        metrics,
        threading.Semaphore(in_flight),
        threading.Semaphore(in_flight),
        kept,
        Nodes(lookup),
        Pods(lookup),
        Namespaces(lookup),
        Deployments(lookup),
        Timeseries(lookup),
        SeriesOfKind(lookup),
    )
