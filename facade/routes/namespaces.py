"""Namespaces, and the pods and Deployments of one."""

from __future__ import annotations

from flask import Blueprint

from facade.context import facade
from facade.kept import Written
from facade.routes.common import cluster, listing, respond, takes_list, takes_one, takes_timeseries, timeseries

blueprint = Blueprint("namespaces", __name__, url_prefix="/api/namespaces")


@blueprint.get("")
@takes_list("namespace")
def namespaces() -> Written:
    """All namespaces, empty ones too."""
    return respond(facade().namespaces.all(listing("namespace")))


@blueprint.get("/<namespace>")
@takes_one("namespace")
def namespace(namespace: str) -> Written:
    """One namespace."""
    return respond(facade().namespaces.one(namespace, cluster()))


@blueprint.get("/<namespace>/pods")
@takes_list("pod", within="namespace")
def pods(namespace: str) -> Written:
    """The pods of a namespace."""
    return respond(facade().pods.of_namespace(namespace, listing("pod")))


@blueprint.get("/<namespace>/deployments")
@takes_list("deployment", within="namespace")
def deployments(namespace: str) -> Written:
    """The Deployments of a namespace."""
    return respond(facade().deployments.of_namespace(namespace, listing("deployment")))


@blueprint.get("/<namespace>/timeseries")
@takes_timeseries("namespace")
def namespace_timeseries(namespace: str) -> Written:
    """One namespace over a window."""
    return timeseries("namespace", namespace)
