"""Deployments, and the pods of one."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from facade.context import facade, takes
from facade.params import EXPLAIN, NAMESPACE
from facade.routes.common import CLUSTER, cluster, namespace, respond, timeseries, timeseries_parameters

blueprint = Blueprint("deployments", __name__, url_prefix="/api/deployments")


@blueprint.get("")
@takes(CLUSTER, EXPLAIN)
def deployments() -> ResponseReturnValue:
    """All Deployments, those of 0 replicas too."""
    return respond(facade().deployments.all(cluster()))


@blueprint.get("/<deployment>")
@takes(NAMESPACE, CLUSTER, EXPLAIN)
def deployment(deployment: str) -> ResponseReturnValue:
    """One Deployment; without a namespace, its name must be unique."""
    return respond(facade().deployments.one(deployment, namespace(), cluster()))


@blueprint.get("/<deployment>/pods")
@takes(NAMESPACE, CLUSTER, EXPLAIN)
def pods(deployment: str) -> ResponseReturnValue:
    """The pods of a Deployment."""
    return respond(facade().pods.of_deployment(deployment, namespace(), cluster()))


@blueprint.get("/<deployment>/timeseries")
@takes(*timeseries_parameters("deployment"))
def deployment_timeseries(deployment: str) -> ResponseReturnValue:
    """One Deployment over a window."""
    return timeseries("deployment", deployment)
