"""A query for something to show: any pod that there is."""

from __future__ import annotations

from promql import names
from promql.selectors import Matcher, select


def any_pod_of_a_deployment() -> str:
    """One row, or none: a pod that runs on a node and belongs to a Deployment, by its labels."""
    return f"topk(1, {select(names.POD_READY.name, (Matcher('workload_kind', '=', 'Deployment'),))})"
