"""Expressions of panels: what they refuse, and how wide they are."""

from __future__ import annotations

import pytest

from promql import names
from promql.dashboards import (
    NODE,
    PACES,
    POD,
    Query,
    Rows,
    drawn,
    increased,
    label_values,
    min_step,
    min_step_seconds,
    nodes,
    now,
    of_whole,
    pods,
    ratio,
    with_cluster,
)
from promql.windows import Windows


@pytest.mark.parametrize("seconds", [(5, 60), (15, 60), (30, 90), (60, 60), (60, 300), (7, 61)])
def test_steps_hold_what_windows_ask_for(seconds: tuple[int, int]) -> None:
    windows = Windows(scrape_seconds=seconds[0], detail_seconds=seconds[1])
    for pace in PACES:
        step = min_step_seconds(windows, pace)
        assert step >= windows.level_seconds(0)
        assert 4 * step >= windows.rate_seconds(pace) + windows.scrape_seconds
        # No wider than it must be.
        assert step - 1 < max(windows.level_seconds(0), (windows.rate_seconds(pace) + windows.scrape_seconds) / 4)


def test_steps_of_the_default_intervals() -> None:
    assert [min_step(Windows(), pace) for pace in PACES] == ["30s", "64s"]


def test_a_signal_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="a node has no cpu_throttled_ratio"):
        drawn("node", "cpu_throttled_ratio", nodes(NODE))
    with pytest.raises(ValueError, match="a pod has no gauge of cpu_throttled_ratio"):
        now("pod", "cpu_throttled_ratio", pods(POD))


def test_a_rate_is_that_of_the_counter_and_a_level_is_averaged() -> None:
    own = 'node="$node"'
    assert drawn("node", "cpu_cores", nodes(NODE)) == Query(
        "sum(max by (cluster, node) "
        f'(rate(cloudmon_node_cpu_usage_seconds_total{{cluster=~"$cluster", {own}}}[$__rate_interval])))'
    )
    assert drawn("node", "memory_rss_bytes", nodes(NODE), ("cluster",)) == Query(
        "sum by (cluster) (max by (cluster, node) "
        f'(avg_over_time(cloudmon_node_memory_rss_bytes{{cluster=~"$cluster", {own}}}[$__interval])))'
    )
    assert drawn("node", "disk_read_bytes_per_second", nodes(NODE)).pace == "detail"


def test_a_ratio_is_as_slow_as_its_slower_side() -> None:
    assert ratio(Query("a"), Query("b")) == Query("a / (b > 0)", "resource")
    assert ratio(Query("a"), Query("b", "detail")).pace == "detail"


def test_shares_are_of_those_that_have_both() -> None:
    share = of_whole(names.NODE_FILESYSTEM_USED_BYTES, names.NODE_FILESYSTEM_CAPACITY_BYTES, Rows((), ("node",)))
    used, size = (f"max by (cluster, node) (cloudmon_node_filesystem_{what}_bytes)" for what in ("used", "capacity"))
    on = "and on (cluster, node)"
    assert share.expr == f"sum ({used} {on} {size}) / sum (({size} {on} {used}) > 0)"


def test_steps_of_a_counter_are_whole() -> None:
    query = increased(names.POD_OOM_KILLS, Rows((), ("uid",))).expr
    assert "max_over_time(cloudmon_pod_oom_kills_total[$__range])" in query
    assert "floor(increase(cloudmon_pod_oom_kills_total[$__range]) + 0.001)" in query


def test_values_of_variables() -> None:
    assert label_values((names.NODE_INFO,), "node") == "label_values(cloudmon_node_info, node)"
    both = label_values((names.NODE_INFO, names.NODE_READY), "node")
    assert both == 'label_values({__name__=~"cloudmon_node_info|cloudmon_node_ready"}, node)'


def test_a_cluster_without_a_name_is_all_of_them() -> None:
    assert with_cluster(Query("x", "detail")) == Query('label_replace(x, "cluster", "All", "cluster", "")', "detail")
