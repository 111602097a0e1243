"""The routes, one blueprint a subject; ``BLUEPRINTS`` is what the application registers."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from facade.routes import deployments, meta, namespaces, nodes, pods, timeseries

BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    meta.blueprint,
    nodes.blueprint,
    pods.blueprint,
    namespaces.blueprint,
    deployments.blueprint,
    timeseries.blueprint,
)
