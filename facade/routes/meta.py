"""What the facade says about itself: its front page, whether it lives, whether it can answer, its metrics,
its OpenAPI document.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify
from flask.typing import ResponseReturnValue

from facade import __version__, openapi, page
from facade.context import HTML, JSON, chosen_type, facade, takes
from facade.errors import UpstreamError
from facade.metrics import CONTENT_TYPE

NAME = "cloud-monitoring"
blueprint = Blueprint("meta", __name__)


@blueprint.get("/")
@takes(offers=(JSON, HTML))
def index() -> ResponseReturnValue:
    """What this is, whether Prometheus answers, and where everything is.

    A browser (`Accept: text/html`) gets a page. While Prometheus does not answer, `status` is `degraded`, with 503.
    """
    failure = _failure()
    if chosen_type((JSON, HTML)) == HTML:
        response = page.front_page(facade(), current_app, failure)
    else:
        response = jsonify(_about(failure))
    response.headers["Vary"] = "Accept"
    response.headers["Cache-Control"] = "no-store"
    if failure is not None:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return response


@blueprint.get("/healthz")
@takes(offers=(), always=True)
def healthz() -> ResponseReturnValue:
    """Whether the facade lives; Prometheus is not asked."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@takes(offers=(), always=True)
def readyz() -> ResponseReturnValue:
    """Whether Prometheus answers."""
    facade().client.check()
    return {"status": "ok"}


@blueprint.get("/metrics")
@takes(offers=(), always=True)
def metrics() -> ResponseReturnValue:
    """The facade's metrics about itself, for Prometheus."""
    return Response(facade().metrics.exposition(), content_type=CONTENT_TYPE)


@blueprint.get("/openapi.json")
@takes(offers=(), always=True)
def document() -> ResponseReturnValue:
    """All of this, as OpenAPI 3.1 has it."""
    response = Response(openapi.text_of(current_app), content_type=JSON)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _failure() -> UpstreamError | None:
    """What a cheap query ended in; None when Prometheus answered it."""
    try:
        facade().client.check()
    except UpstreamError as error:
        return error
    return None


def _about(failure: UpstreamError | None) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": NAME,
        "version": __version__,
        "status": "ok" if failure is None else "degraded",
        "links": page.plain_links(current_app),
    }
    if failure is not None:
        about["detail"] = str(failure)
    return about
