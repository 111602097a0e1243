"""Nodes, and the pods of one."""

from __future__ import annotations

from flask import Blueprint

from facade.context import facade
from facade.kept import Written
from facade.routes.common import cluster, listing, respond, takes_list, takes_one, takes_timeseries, timeseries

blueprint = Blueprint("nodes", __name__, url_prefix="/api/nodes")


@blueprint.get("")
@takes_list("node")
def nodes() -> Written:
    """All nodes, those whose exporter is silent too."""
    return respond(facade().nodes.all(listing("node")))


@blueprint.get("/<node>")
@takes_one("node")
def node(node: str) -> Written:
    """One node."""
    return respond(facade().nodes.one(node, cluster()))


@blueprint.get("/<node>/pods")
@takes_list("pod", within="node")
def pods(node: str) -> Written:
    """The pods of a node."""
    return respond(facade().pods.of_node(node, listing("pod")))


@blueprint.get("/<node>/timeseries")
@takes_timeseries("node")
def node_timeseries(node: str) -> Written:
    """One node over a window."""
    return timeseries("node", node)
