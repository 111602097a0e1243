"""What a view has at hand: the parts of the facade, its request's parameters, and what the request has asked so far.

    @blueprint.get("/api/nodes/<node>")
    @takes(EXPLAIN)
    def node(node: str) -> ResponseReturnValue:
        \"\"\"One node.\"\"\"
        rows = facade().client.instant(…)
        if request_values()[EXPLAIN]: … asked().explain()

When a view is called, its path segments are names that Kubernetes would admit and its parameters are parsed.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MIMEAccept

from facade.asked import Asked
from facade.config import Settings
from facade.errors import TooManyRequestsError
from facade.kept import KeptAnswers
from facade.lookup.nodes import Nodes
from facade.lookup.pods import Pods
from facade.lookup.series_of_kind import SeriesOfKind
from facade.lookup.timeseries import Timeseries
from facade.lookup.totals import Deployments, Namespaces
from facade.metrics import FacadeMetrics
from facade.params.parsing import Parameter, Values
from facade.prometheus import PrometheusClient
from facade.shapes import Shape

EXTENSION: Final = "cloud-monitoring"
JSON: Final = "application/json"
CSV: Final = "text/csv"
HTML: Final = "text/html"


@dataclass(frozen=True, slots=True)
class Facade:
    """The parts that one app is made of.

    ``slots`` has one place for each request that may be answered at once, ``waiting`` one for each that may wait for
    the answer to another that is the same. Without ``kept`` every request is answered for itself.
    """

    settings: Settings
    client: PrometheusClient
    metrics: FacadeMetrics
    slots: threading.Semaphore
    waiting: threading.Semaphore
    kept: KeptAnswers | None
    nodes: Nodes
    pods: Pods
    namespaces: Namespaces
    deployments: Deployments
    timeseries: Timeseries
    series_of_kind: SeriesOfKind


class Endpoint:
    """A view with what it takes and what it gives; Flask calls it as it would call the view.

    ``offers`` are the media types among which the Accept header chooses, the first where it does not matter; none means
    that the header is not looked at. ``shape`` is what an answer about entities looks like; such an answer is given as
    JSON or CSV. ``always`` exempts the view from the bound on requests in flight.
    """

    def __init__(
        self,
        view: Callable[..., ResponseReturnValue],
        parameters: tuple[Parameter[Any], ...] = (),
        offers: tuple[str, ...] | None = None,
        *,
        shape: Shape | None = None,
        always: bool = False,
    ) -> None:
        functools.update_wrapper(self, view)
        self.view = view
        self.parameters = parameters
        self.offers = offers if offers is not None else (JSON,) if shape is None else (JSON, CSV)
        self.shape = shape
        self.always = always

    def __call__(self, **segments: str) -> ResponseReturnValue:
        return self.view(**segments)

    @property
    def help(self) -> str:
        """The first line of the view's docstring."""
        return inspect.cleandoc(self.view.__doc__ or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """What follows that line."""
        return inspect.cleandoc(self.view.__doc__ or "").partition("\n")[2].strip()


def takes(
    *parameters: Parameter[Any],
    offers: tuple[str, ...] | None = None,
    shape: Shape | None = None,
    always: bool = False,
) -> Callable[[Callable[..., ResponseReturnValue]], Endpoint]:
    """Declare what a view takes and gives, as Endpoint has it. A view without it takes nothing and gives JSON."""
    return lambda view: Endpoint(view, parameters, offers, shape=shape, always=always)


def endpoint_of(view: Callable[..., Any]) -> Endpoint:
    """The declaration of a registered view."""
    return view if isinstance(view, Endpoint) else Endpoint(view)


def chosen_type(offers: tuple[str, ...]) -> str | None:
    """The one of ``offers`` that the request's Accept header prefers, the first where it does not matter.

    None where it admits none. Parameters such as ``charset=utf-8`` are not looked at: there is one form of each type.
    """
    accepted = request.accept_mimetypes
    if not accepted:
        return offers[0]
    return MIMEAccept([(value.partition(";")[0].strip(), quality) for value, quality in accepted]).best_match(offers)


def facade() -> Facade:
    """The parts of the app that answers this request."""
    return cast("Facade", current_app.extensions[EXTENSION])


@contextmanager
def a_place_in(places: threading.Semaphore) -> Iterator[None]:
    """One of the places, for as long as it takes. Raises TooManyRequestsError where there is none."""
    if not places.acquire(blocking=False):
        raise TooManyRequestsError("As many requests are being answered as this process takes; try again.")
    try:
        yield
    finally:
        places.release()


def request_values() -> Values:
    """The request's parameters."""
    return cast("Values", g.values)


def endpoint() -> Endpoint:
    """The declaration of the view that answers the request."""
    return cast("Endpoint", g.endpoint)


def media_type() -> str:
    """What the request is answered with: one of its endpoint's offers."""
    return cast("str", g.media_type)


def asked() -> Asked:
    """What the request has asked of Prometheus so far."""
    return cast("Asked", g.asked)
