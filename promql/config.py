"""The Prometheus configuration for exporters at known addresses (``make run``, docker-compose, tests).

In a cluster the chart renders the same job with service discovery. What both have in common is decision 12:
``honor_labels``, because a pod's series carry the labels of the pod that was measured, and ``job``, ``instance``,
``node`` and ``cluster`` as the only target labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from promql import names
from promql.windows import duration


def prometheus_config(
    node_targets: Mapping[str, str],
    cluster_target: str | Sequence[str] | None,
    cluster: str | None,
    scrape_interval: float,
    rule_files: Sequence[str] = (),
    *,
    facade_target: str | None = None,
    prometheus_target: str | None = None,
) -> str:
    """prometheus.yml (YAML).

    ``node_targets`` gives each node's exporter as ``host:port``, ``cluster_target`` scope cluster's, or those of its
    shards in their order; ``cluster`` is the value of the cluster label, None
    for none; ``scrape_interval`` is in seconds, and the rules are evaluated as often. ``facade_target`` and
    ``prometheus_target`` (its own address) add the jobs that Cloud Monitoring watches itself by. No out-of-order window
    is set: with one, every replacement of an exporter leaves a hole.
    """
    common = {"cluster": cluster} if cluster else {}
    targets = [_target(address, {"instance": node, "node": node, **common}) for node, address in node_targets.items()]
    if isinstance(cluster_target, str):
        targets.append(_target(cluster_target, {"instance": names.CLUSTER_INSTANCE, **common}))
    else:
        for shard, address in enumerate(cluster_target or ()):
            targets.append(_target(address, {"instance": f"{names.CLUSTER_INSTANCE}-{shard}", **common}))
    own = [
        {"job_name": job, "static_configs": [_target(address, {"instance": instance, **common})]}
        for job, instance, address in (
            (names.FACADE_JOB, "facade", facade_target),
            (names.PROMETHEUS_JOB, "prometheus", prometheus_target),
        )
        if address
    ]
    interval = duration(scrape_interval)
    timeout = duration(max(min(scrape_interval, 10.0) * 0.9, 0.1))
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": timeout, "evaluation_interval": interval},
        "rule_files": list(rule_files),
        "scrape_configs": [{"job_name": names.EXPORTER_JOB, "honor_labels": True, "static_configs": targets}, *own],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _target(address: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"targets": [address], "labels": labels}
