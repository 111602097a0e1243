"""The Prometheus configuration for exporters at known addresses (``make run``, docker-compose, tests).

In a cluster the chart renders the same job with service discovery. What both have in common is decision 12:
``honor_labels``, because a pod's series carry the labels of the pod that was measured, and ``job``, ``instance``,
``node`` and ``cluster`` as the only target labels.

Several Prometheus servers may share out the targets (``shard``); they are given no rules, since each knows some of the
pods only. One more reads them all (``remote_read``) and evaluates the rules: docs/decisions/0026-global-view.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from promql import names
from promql.windows import duration

# A shard that hangs must not hold up what the others have said: less than the facade waits by default.
REMOTE_TIMEOUT_SECONDS: Final = 8.0


def prometheus_config(
    node_targets: Mapping[str, str],
    cluster_target: str | Sequence[str] | None,
    cluster: str | None,
    scrape_interval: float,
    rule_files: Sequence[str] = (),
    *,
    facade_target: str | None = None,
    prometheus_target: str | None = None,
    shard: tuple[int, int] | None = None,
    remote_read: Sequence[str] = (),
    remote_write: Sequence[str] = (),
) -> str:
    """prometheus.yml (YAML).

    ``node_targets`` gives each node's exporter as ``host:port``, ``cluster_target`` scope cluster's, or those of its
    shards in their order; ``cluster`` is the value of the cluster label, None for none; ``scrape_interval`` is in
    seconds, and the rules are evaluated as often. ``facade_target`` and ``prometheus_target`` (its own address) add the
    jobs that Cloud Monitoring watches itself by.

    With ``shard`` = (1, 3) it scrapes the targets of the second of three alone, and takes no rules. ``remote_read`` are
    the URLs of servers whose samples it answers with too (``…/api/v1/read``), ``remote_write`` those of stores that get
    what it stores (``…/api/v1/write``). No out-of-order window is set: with one, every replacement of an exporter
    leaves a hole.
    """
    if shard and rule_files:
        raise ValueError("a shard would record totals of some pods as those of all")
    common = {"cluster": cluster} if cluster else {}
    targets = [_target(address, {"instance": node, "node": node, **common}) for node, address in node_targets.items()]
    if isinstance(cluster_target, str):
        targets.append(_target(cluster_target, {"instance": names.CLUSTER_INSTANCE, **common}))
    else:
        for number, address in enumerate(cluster_target or ()):
            targets.append(_target(address, {"instance": f"{names.CLUSTER_INSTANCE}-{number}", **common}))
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
    exporters = {"job_name": names.EXPORTER_JOB, "honor_labels": True, "static_configs": targets}
    config: dict[str, Any] = {
        "global": {"scrape_interval": interval, "scrape_timeout": timeout, "evaluation_interval": interval},
        "rule_files": list(rule_files),
        "scrape_configs": [exporters | ({"relabel_configs": _of_shard(*shard)} if shard else {}), *own],
    }
    if remote_read:
        config["remote_read"] = [_read(url) for url in remote_read]
    if remote_write:
        config["remote_write"] = [{"url": url} for url in remote_write]
    return yaml.safe_dump(config, sort_keys=False)


def _of_shard(shard: int, shards: int) -> list[dict[str, Any]]:
    """Relabelling that leaves a shard its targets: by ``instance``, which a replaced exporter inherits."""
    return [
        {"action": "hashmod", "source_labels": ["instance"], "modulus": shards, "target_label": "__tmp_shard"},
        {"action": "keep", "source_labels": ["__tmp_shard"], "regex": str(shard)},
    ]


def _read(url: str) -> dict[str, Any]:
    # Without read_recent Prometheus takes its own store to know all of the last hours.
    return {"url": url, "read_recent": True, "remote_timeout": duration(REMOTE_TIMEOUT_SECONDS)}


def _target(address: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"targets": [address], "labels": labels}
