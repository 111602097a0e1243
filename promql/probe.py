"""A query for something to show: any pod that there is."""

from __future__ import annotations

from typing import Final

from promql import names
from promql.queries import DEPLOYMENT, aggregate, named, union
from promql.selectors import select

CLUSTERS: Final = "clusters"


def any_pod_of_a_deployment() -> str:
    """One row, or none: a pod that runs on a node and belongs to a Deployment, by its labels. And one of signal
    ``CLUSTERS``: how many clusters the store holds, for a name may be in several.
    """
    pod = f"topk(1, {select(names.POD_READY.name, (DEPLOYMENT,))})"
    clusters = f"count({aggregate('group', ('cluster',), names.SOURCE_SAMPLE_AGE_SECONDS.name)})"
    return union([pod, named(clusters, CLUSTERS)])
