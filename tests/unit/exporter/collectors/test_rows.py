from __future__ import annotations

import math

from exporter.collectors.exposition import families, text
from exporter.collectors.rows import describe, labels, with_labels
from promql import names


def test_labels_are_sorted_and_lack_what_is_none() -> None:
    assert labels(pod="p", node=None, namespace="n") == (("namespace", "n"), ("pod", "p"))
    assert with_labels(labels(pod="p"), container="c", replicaset=None) == (("container", "c"), ("pod", "p"))


def test_exact_text() -> None:
    rows = [
        (names.POD_OOM_KILLS, labels(pod="b"), 2),
        (names.NODE_CPU_USAGE_CORES, labels(node='with "quotes"\\ and\nlines'), 0.1),
        (names.POD_OOM_KILLS, labels(pod="a"), 0),
        (names.NODE_MEMORY_USAGE_BYTES, labels(node="n"), math.nan),
        (names.NODE_MEMORY_RSS_BYTES, labels(node="n"), math.inf),
    ]
    assert text(families(rows)).decode() == (
        "# HELP cloudmon_node_cpu_usage_cores CPU the node used, the kubelet's latest reading.\n"
        "# TYPE cloudmon_node_cpu_usage_cores gauge\n"
        'cloudmon_node_cpu_usage_cores{node="with \\"quotes\\"\\\\ and\\nlines"} 0.1\n'
        "# HELP cloudmon_pod_oom_kills_total "
        "Containers of the pod killed for memory since this exporter first saw them.\n"
        "# TYPE cloudmon_pod_oom_kills_total counter\n"
        'cloudmon_pod_oom_kills_total{pod="b"} 2.0\n'
        'cloudmon_pod_oom_kills_total{pod="a"} 0.0\n'
    )


def test_descriptions_hold_no_samples() -> None:
    described = list(describe("cluster"))
    assert {family.name for family in described} == {
        metric.name.removesuffix("_total") for metric in names.METRICS.values() if metric.scope != "node"
    }
    assert all(not family.samples for family in described)
