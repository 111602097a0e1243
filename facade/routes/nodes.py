"""Nodes, and the pods of one."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from facade.context import facade
from facade.routes.common import cluster, listing, respond, takes_list, takes_one, takes_timeseries, timeseries

blueprint = Blueprint("nodes", __name__, url_prefix="/api/nodes")


@blueprint.get("")
@takes_list("node")
def nodes() -> ResponseReturnValue:
    """All nodes, those whose exporter is silent too."""
    return respond(facade().nodes.all(listing("node")))


@blueprint.get("/<node>")
@takes_one("node")
def node(node: str) -> ResponseReturnValue:
    """One node."""
    return respond(facade().nodes.one(node, cluster()))


@blueprint.get("/<node>/pods")
@takes_list("pod", within="node")
def pods(node: str) -> ResponseReturnValue:
    """The pods of a node."""
    return respond(facade().pods.of_node(node, listing("pod")))


@blueprint.get("/<node>/timeseries")
@takes_timeseries("node")
def node_timeseries(node: str) -> ResponseReturnValue:
    """One node over a window."""
    return timeseries("node", node)
