"""Namespaces, and the pods and Deployments of one."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from facade.context import facade, takes
from facade.params import EXPLAIN
from facade.routes.common import CLUSTER, cluster, respond, timeseries, timeseries_parameters

blueprint = Blueprint("namespaces", __name__, url_prefix="/api/namespaces")


@blueprint.get("")
@takes(CLUSTER, EXPLAIN)
def namespaces() -> ResponseReturnValue:
    """All namespaces, empty ones too."""
    return respond(facade().namespaces.all(cluster()))


@blueprint.get("/<namespace>")
@takes(CLUSTER, EXPLAIN)
def namespace(namespace: str) -> ResponseReturnValue:
    """One namespace."""
    return respond(facade().namespaces.one(namespace, cluster()))


@blueprint.get("/<namespace>/pods")
@takes(CLUSTER, EXPLAIN)
def pods(namespace: str) -> ResponseReturnValue:
    """The pods of a namespace."""
    return respond(facade().pods.of_namespace(namespace, cluster()))


@blueprint.get("/<namespace>/deployments")
@takes(CLUSTER, EXPLAIN)
def deployments(namespace: str) -> ResponseReturnValue:
    """The Deployments of a namespace."""
    return respond(facade().deployments.of_namespace(namespace, cluster()))


@blueprint.get("/<namespace>/timeseries")
@takes(*timeseries_parameters("namespace"))
def namespace_timeseries(namespace: str) -> ResponseReturnValue:
    """One namespace over a window."""
    return timeseries("namespace", namespace)
