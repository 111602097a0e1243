"""Nodes, and the pods of one."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from facade.context import facade, takes
from facade.params import EXPLAIN
from facade.routes.common import CLUSTER, cluster, respond, timeseries, timeseries_parameters

blueprint = Blueprint("nodes", __name__, url_prefix="/api/nodes")


@blueprint.get("")
@takes(CLUSTER, EXPLAIN)
def nodes() -> ResponseReturnValue:
    """All nodes, those whose exporter is silent too."""
    return respond(facade().nodes.all(cluster()))


@blueprint.get("/<node>")
@takes(CLUSTER, EXPLAIN)
def node(node: str) -> ResponseReturnValue:
    """One node."""
    return respond(facade().nodes.one(node, cluster()))


@blueprint.get("/<node>/pods")
@takes(CLUSTER, EXPLAIN)
def pods(node: str) -> ResponseReturnValue:
    """The pods of a node."""
    return respond(facade().pods.of_node(node, cluster()))


@blueprint.get("/<node>/timeseries")
@takes(*timeseries_parameters("node"))
def node_timeseries(node: str) -> ResponseReturnValue:
    """One node over a window."""
    return timeseries("node", node)
