"""docs/scale.md: its arithmetic, done again by hand, and that every constant is used and says where it is from."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest

from local import scale_document
from local.scale_document import Constants, Size

CONSTANTS = Constants.load()
EVERY = [(group, name, of) for group, names in CONSTANTS.groups.items() for name, of in names.items()]


@pytest.mark.parametrize(("group", "name", "constant"), EVERY)
def test_a_constant_is_used_and_says_where_it_is_from(group: str, name: str, constant: dict[str, Any]) -> None:
    source = inspect.getsource(scale_document)
    assert f'"{group}", "{name}"' in source or f'("{name}")' in source
    assert constant["value"] > 0
    assert constant["of"]
    assert constant["from"]


def with_values(**values: float) -> Constants:
    """The constants, each of the named ones (``group__name``) with another value."""
    groups: dict[str, dict[str, Any]] = {group: dict(names) for group, names in CONSTANTS.groups.items()}
    for key, value in values.items():
        group, name = key.split("__")
        groups[group][name] = {**groups[group][name], "value": value}
    return replace(CONSTANTS, groups=groups)


PLAIN = with_values(
    shape__pods_a_node=30,
    shape__pods_a_workload=10,
    shape__pods_a_namespace=100,
    shape__scrape_seconds=10,
    shape__retention_days=2,
    series__pod=20,
    series__node=60,
    series__workload=4,
    disk__sample=2,
    disk__total=3,
    disk__coarse=8,
    prometheus__resident=1000,
    prometheus__chunk=100,
    prometheus__evaluation=50,
    prometheus__churn=2,
    prometheus__headroom=3,
    prometheus__memory=1e9,
    prometheus__chain=0.001,
    prometheus__chain_share=0.5,
    cluster_exporter__base=50,
    cluster_exporter__pod=0.01,
    cluster_exporter__memory=60,
    facade__requests=0.01,
    facade__seconds=0.1,
    facade__processes=2,
    facade__busy=0.5,
)


def test_a_size_by_hand() -> None:
    size = Size(1000, PLAIN)
    assert size.nodes == 34
    scraped = 1000 * 20 + 34 * 60 + 100 * 4 + 10
    assert size.scraped == scraped
    # 44 totals of 100 workloads, 10 namespaces and the cluster, each with four series of the second resolution.
    assert (size.totals, size.coarse) == (44 * 111, 4 * 44 * 111)
    coarse = 4 * 44 * 111 / 300
    assert size.samples_a_second == pytest.approx((scraped + 44 * 111) / 10 + coarse)
    assert size.disk == pytest.approx(((scraped * 2 + 44 * 111 * 3) / 10 + coarse * 8) * 2 * 86400)
    assert size.memory == pytest.approx(((scraped + 5 * 44 * 111) * 2 * (1000 + 2 * 100 * 2) + 1000 * 50) * 3)
    assert size.prometheus_shards == 1
    assert size.cluster_exporters == 1
    assert Size(1001, PLAIN).cluster_exporters == 2
    assert size.chain_share == pytest.approx(0.1)
    # Ten requests a second, of which one facade answers ten: and one that may be away.
    assert size.facades == 2
    assert Size(1100, PLAIN).facades == 3


@pytest.mark.parametrize(
    ("pods", "engine"), [(1000, "one Prometheus"), (5000, "Prometheus in shards"), (5001, "VictoriaMetrics or Mimir")]
)
def test_rules_are_the_last_limit(pods: int, engine: str) -> None:
    assert Size(pods, PLAIN).engine == engine


@pytest.mark.parametrize(
    ("series", "verdict"),
    [
        ((7, 7), "None of them touches a series more in the larger cluster."),
        ((7, 8), "1 of these 1 touch more series in a larger cluster."),
    ],
)
def test_what_is_said_of_plans_is_what_they_are(series: tuple[int, int], verdict: str) -> None:
    plans = {"/api/pods/{pod}": {"queries": 1, "plans": {str(size): {"series": size, "lists": 1} for size in series}}}
    assert scale_document.verdict(plans) == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0412, "0.041"), (1.0, "1.0"), (9.96, "10"), (1234.5, "1,200"), (1.5e6, "1,500,000")],
)
def test_two_digits_count(value: float, text: str) -> None:
    assert scale_document.rounded(value) == text
