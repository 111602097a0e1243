"""Deployments, and the pods of one."""

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

blueprint = Blueprint("deployments", __name__, url_prefix="/api/deployments")


@blueprint.get("")
@takes_list("deployment")
def deployments() -> Written:
    """All Deployments, those of 0 replicas too."""
    return respond(facade().deployments.all(listing("deployment")))


@blueprint.get("/<deployment>")
@takes_one("deployment")
def deployment(deployment: str) -> Written:
    """One Deployment; without a namespace, its name must be unique."""
    return respond(facade().deployments.one(deployment, namespace(), cluster()))


@blueprint.get("/<deployment>/pods")
@takes_list("pod", within="deployment")
def pods(deployment: str) -> Written:
    """The pods of a Deployment."""
    return respond(facade().pods.of_deployment(deployment, namespace(), listing("pod")))


@blueprint.get("/<deployment>/timeseries")
@takes_timeseries("deployment")
def deployment_timeseries(deployment: str) -> Written:
    """One Deployment over a window."""
    return timeseries("deployment", deployment)
