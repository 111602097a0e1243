"""Pods."""

from __future__ import annotations

from flask import Blueprint

from facade.context import facade
from facade.kept import Written
from facade.routes.common import (
    cluster,
    listing,
    namespace,
    respond,
    takes_list,
    takes_one,
    takes_timeseries,
    timeseries,
)

blueprint = Blueprint("pods", __name__, url_prefix="/api/pods")


@blueprint.get("")
@takes_list("pod")
def pods() -> Written:
    """All pods, finished ones and those that no node runs too."""
    return respond(facade().pods.all(listing("pod")))


@blueprint.get("/<pod>")
@takes_one("pod")
def pod(pod: str) -> Written:
    """One pod; without a namespace, its name must be unique."""
    return respond(facade().pods.one(pod, namespace(), cluster()))


@blueprint.get("/<pod>/timeseries")
@takes_timeseries("pod")
def pod_timeseries(pod: str) -> Written:
    """One pod over a window, with the pods that had its name before."""
    return timeseries("pod", pod)
