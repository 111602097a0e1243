from __future__ import annotations

import pytest
import yaml

from promql import names
from promql.__main__ import main
from promql.catalogue import Catalogue, CatalogueError, _measure, record
from promql.config import prometheus_config
from promql.queries import Queries
from promql.selectors import equal
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows, duration
from tests.golden import check_golden

CATALOGUE = Catalogue.load()


def test_the_signals_are_those_of_the_contract_in_its_order() -> None:
    assert list(CATALOGUE.signals) == [
        "cpu_cores",
        "cpu_throttled_ratio",
        "memory_working_set_bytes",
        "memory_rss_bytes",
        "memory_usage_bytes",
        "network_receive_bytes_per_second",
        "network_transmit_bytes_per_second",
        "disk_read_bytes_per_second",
        "disk_write_bytes_per_second",
        "filesystem_used_bytes",
        "cpu_pressure_ratio",
        "memory_pressure_ratio",
        "io_pressure_ratio",
    ]


def test_every_sum_of_a_signal_is_recorded_with_its_count() -> None:
    recorded = set(CATALOGUE.totals.recorded())
    for signal in CATALOGUE.of_kind("namespace"):
        if signal.totals == "sum":
            assert (signal.pod.gauge, "sum") in recorded
            assert (signal.pod.gauge, "count") in recorded
            assert CATALOGUE.totals.expected_of(str(signal.pod.gauge)) is not None
        if signal.pod.counter:
            assert (signal.pod.counter, "sum_rate") in recorded


def test_a_measure_is_of_one_kind() -> None:
    with pytest.raises(CatalogueError, match="exactly one of level, counter and ratio"):
        _measure("x", {"level": "cloudmon_pod_cpu_usage_cores", "counter": "cloudmon_pod_cpu_usage_seconds_total"})
    with pytest.raises(CatalogueError, match="cloudmon_pod_nothing is not declared"):
        _measure("x", {"level": "cloudmon_pod_nothing"})


def test_names_of_records() -> None:
    assert record("namespace", "cloudmon_pod_cpu_usage_seconds_total", "sum_rate") == (
        "namespace:cloudmon_pod_cpu_usage_seconds:sum_rate"
    )


def test_at_most_29_series_a_pod() -> None:
    pod = [m for m in names.METRICS.values() if m.labels[: len(names.POD_LABELS)] == names.POD_LABELS]
    plain = [m.name for m in pod if "container" not in m.labels and "volume" not in m.labels]
    pressure = [name for name in plain if "pressure" in name]
    assert len(pressure) == 3
    assert len(plain) - len(pressure) == 29


@pytest.mark.parametrize(("seconds", "text"), [(15, "15s"), (2.5, "2500ms"), (60.0, "60s"), (0.001, "1ms")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_duration_is_not_nothing() -> None:
    with pytest.raises(ValueError, match="at least one millisecond"):
        duration(0)


@pytest.mark.parametrize(
    ("windows", "source", "step", "window"),
    [
        (Windows(), "resource", 15, "60s"),
        (Windows(), "resource", 300, "300s"),
        (Windows(), "detail", 15, "240s"),
        (Windows(scrape_seconds=25), "resource", 25, "100s"),
        (Windows(scrape_seconds=7), "resource", 7, "63s"),
    ],
)
def test_a_rate_covers_a_whole_number_of_intervals(windows: Windows, source: str, step: float, window: str) -> None:
    assert duration(windows.rate_seconds(source, step)) == window


@pytest.mark.parametrize(
    ("windows", "source", "step", "window"),
    [
        (Windows(), "resource", 15, "75s"),
        (Windows(), "resource", 300, "315s"),
        (Windows(), "detail", 15, "255s"),
        (Windows(scrape_seconds=2.5, detail_seconds=10), "detail", 2.5, "42500ms"),
    ],
)
def test_samples_that_far_apart_lie_in_a_window_of_one_interval_more(
    windows: Windows, source: str, step: float, window: str
) -> None:
    assert windows.rate(source, step) == window


def test_a_level_has_two_intervals_at_least() -> None:
    assert Windows().level(15) == "30s"
    assert Windows().level(60) == "60s"


def test_golden_queries() -> None:
    queries, series = Queries(CATALOGUE, Windows()), TimeseriesQueries(CATALOGUE, Windows())
    pod = equal(namespace="default", pod="web-0")
    check_golden("promql/pod.promql", queries.pods(pod, CATALOGUE.of_kind("pod"), oom_kills=True) + "\n")
    parts = queries.pods_in_parts((), CATALOGUE.of_kind("pod"))
    check_golden("promql/all-pods.promql", "\n\n".join(parts) + "\n")
    check_golden("promql/nodes.promql", queries.nodes((), CATALOGUE.of_kind("node")) + "\n")
    check_golden("promql/namespaces.promql", queries.namespaces(()) + "\n")
    check_golden("promql/deployments.promql", queries.deployments(()) + "\n")
    check_golden("promql/pod-timeseries.promql", series.points("pod", pod, CATALOGUE.of_kind("pod"), 60) + "\n")
    namespace = equal(namespace="default")
    check_golden(
        "promql/namespace-timeseries.promql",
        series.points("namespace", namespace, CATALOGUE.of_kind("namespace"), 60) + "\n",
    )


def test_configuration_sets_the_four_target_labels_and_no_out_of_order_window() -> None:
    text = prometheus_config({"n1": "10.0.0.1:9477"}, "10.0.0.9:9477", "prod", 15, ["rules.yml"])
    config = yaml.safe_load(text)
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "cloudmon"
    assert job["honor_labels"] is True
    assert [target["labels"] for target in job["static_configs"]] == [
        {"instance": "n1", "node": "n1", "cluster": "prod"},
        {"instance": "cluster", "cluster": "prod"},
    ]
    assert "out_of_order" not in text


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--target", "n1=h:1", "--scrape-interval", "5"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["global"]["scrape_interval"] == "5s"
    assert main(["rules", "--scrape-interval", "5", "--detail-interval", "10"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["groups"][0]["interval"] == "5s"
    with pytest.raises(SystemExit):
        main(["config", "--target", "no-address"])
    assert "NODE=HOST:PORT" in capsys.readouterr().err


def test_the_command_prints_the_configurations_of_shards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--target", "n1=h:1", "--shard", "1/2", "--remote-write", "http://s/write"]) == 0
    shard = yaml.safe_load(capsys.readouterr().out)
    assert shard["scrape_configs"][0]["relabel_configs"][1]["regex"] == "1"
    assert shard["remote_write"] == [{"url": "http://s/write"}]
    assert main(["config", "--remote-read", "http://a/read", "--remote-read", "http://b/read", "--rules", "r.yml"]) == 0
    view = yaml.safe_load(capsys.readouterr().out)
    assert [(read["url"], read["read_recent"]) for read in view["remote_read"]] == [
        ("http://a/read", True),
        ("http://b/read", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["2/2"], "is not I/N"), (["half"], "is not I/N"), (["0/2", "--rules", "r.yml"], "a shard is given no rules")],
)
def test_the_command_refuses_what_is_no_shard(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(["config", "--shard", *arguments])
    assert message in capsys.readouterr().err
