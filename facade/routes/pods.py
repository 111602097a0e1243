"""Pods."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from facade.context import facade, takes
from facade.params import EXPLAIN, NAMESPACE
from facade.routes.common import CLUSTER, cluster, namespace, respond, timeseries, timeseries_parameters

blueprint = Blueprint("pods", __name__, url_prefix="/api/pods")


@blueprint.get("")
@takes(CLUSTER, EXPLAIN)
def pods() -> ResponseReturnValue:
    """All pods, finished ones and those that no node runs too."""
    return respond(facade().pods.all(cluster()))


@blueprint.get("/<pod>")
@takes(NAMESPACE, CLUSTER, EXPLAIN)
def pod(pod: str) -> ResponseReturnValue:
    """One pod; without a namespace, its name must be unique."""
    return respond(facade().pods.one(pod, namespace(), cluster()))


@blueprint.get("/<pod>/timeseries")
@takes(*timeseries_parameters("pod"))
def pod_timeseries(pod: str) -> ResponseReturnValue:
    """One pod over a window, with the pods that had its name before."""
    return timeseries("pod", pod)
