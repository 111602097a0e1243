"""The written past, served by a real Prometheus: the labels, the times, the values, the rules, and nothing half."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from exporter import sample
from local import tsdb
from local.commands import Completed
from local.errors import HistoryFailed
from local.history import History, Span
from local.prometheus_binary import Binaries, find_prometheus
from local.rule_levels import RecordingRule, levels
from promql.config import prometheus_config
from promql.rules import rules_file
from tests.harness import Prometheus

# Half an hour before and after a border between two blocks, on a day on which the fleet has long been running.
BORDER = 83_125 * tsdb.BLOCK_MILLISECONDS // 1000
NOW = BORDER + 1800.25
PAST_SECONDS = 3600.0
INTERVAL = 15.0


class Clock:
    """Each look at it takes as long as told: the first history takes 40 s, what is missing then no time."""

    def __init__(self, *times: float) -> None:
        self._times = iter(times)
        self._last = times[0]

    def __call__(self) -> float:
        self._last = next(self._times, self._last)
        return self._last


def config() -> str:
    targets = {"node-1": "127.0.0.1:9477", "node-2": "127.0.0.1:9478"}
    return prometheus_config(targets, "127.0.0.1:9479", "sample", INTERVAL, [])


@pytest.fixture(scope="module")
def binaries() -> Binaries:
    return find_prometheus(Path(".data/bin"), lambda _: None)


@pytest.fixture(scope="module")
def history(binaries: Binaries) -> History:
    return History(
        binaries=binaries,
        prometheus_yaml=config(),
        rules_yaml=rules_file(INTERVAL, 60),
        samples=sample.samples,
        scrape_interval=INTERVAL,
        clock=Clock(NOW, NOW + 40),
        say=lambda _: None,
    )


@pytest.fixture(scope="module")
def written(history: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("history") / "prometheus"
    assert history.write(directory, PAST_SECONDS)
    assert [path.name for path in directory.parent.iterdir()] == ["prometheus"]
    assert tsdb.blocks_in(directory)
    with Prometheus(
        "scrape_configs: []\n", data_directory=directory, extra_flags=("--storage.tsdb.retention.time=100y",)
    ) as server:
        yield server


def times(server: Prometheus, selector: str) -> list[list[float]]:
    series = server.query_matrix(f"{selector}[2h]", NOW + 3600)
    return [[time for time, _ in one.points] for one in series]


def test_every_series_has_the_labels_that_a_scrape_gives(written: Prometheus) -> None:
    expected = {
        (name, tuple(sorted({**target, **{key: value for key, value in labels if value}}.items())))
        for scope, node, target in targets()
        for name, labels, _ in sample.samples(scope, node, NOW)
    }
    found = {
        (element.labels["__name__"], tuple(sorted((k, v) for k, v in element.labels.items() if k != "__name__")))
        for element in written.query('{job="cloudmon", __name__!="up"}', NOW + 40)
    }
    assert found == expected
    assert written.value('sum(up{job="cloudmon", cluster="sample"})', NOW + 40) == 3


def targets() -> Iterator[tuple[str, str, dict[str, str]]]:
    for node in ("node-1", "node-2"):
        yield "node", node, {"job": "cloudmon", "instance": node, "node": node, "cluster": "sample"}
    yield "cluster", "", {"job": "cloudmon", "instance": "cluster", "cluster": "sample"}


def test_there_is_a_sample_an_interval_off_the_round_seconds_and_none_after_now(written: Prometheus) -> None:
    for series in times(written, 'up{job="cloudmon"}'):
        assert {round(later - earlier, 3) for earlier, later in pairwise(series)} == {INTERVAL}
        assert series[0] - INTERVAL <= NOW - PAST_SECONDS < series[0]
        # 40 s passed while the past was written: they are in it too.
        assert NOW + 40 - INTERVAL < series[-1] <= NOW + 40
        assert all(time % 1 for time in series)
    # The exporters are not scraped all at the same moment.
    assert len({series[0] % INTERVAL for series in times(written, 'up{job="cloudmon"}')}) == 3


def test_values_are_the_fleets_at_the_time_of_the_scrape(written: Prometheus) -> None:
    for element in written.query_matrix('cloudmon_pod_cpu_usage_seconds_total{pod="web-server-1"}[1m]', BORDER + 20):
        assert len(element.points) == 4
        for time, value in element.points:
            assert value == value_of("cloudmon_pod_cpu_usage_seconds_total", "web-server-1", time)


def value_of(name: str, pod: str, time: float) -> float:
    every = sample.samples("node", "node-1", time)
    return next(value for metric, labels, value in every if metric == name and ("pod", pod) in labels)


def test_no_counter_ever_runs_backwards(written: Prometheus) -> None:
    counters = written.query_matrix('{job="cloudmon", __name__=~".+_total"}[2h]', NOW + 3600)
    assert len(counters) > 20
    for counter in counters:
        values = [value for _, value in counter.points]
        assert values == sorted(values), counter.labels


def test_rules_have_recorded_what_they_give_at_each_evaluation(written: Prometheus) -> None:
    """Each rule of the chain, asked anew at evaluations of the past, gives just what is stored."""
    stored_at = times(written, "cluster:cloudmon_pods:count")[0]
    assert {round(later - earlier, 3) for earlier, later in pairwise(stored_at)} == {INTERVAL}
    assert NOW + 40 - INTERVAL < stored_at[-1] <= NOW + 40
    every = [rule for level in levels(rules_file(INTERVAL, 60)) for rule in level]
    fine = [rule for rule in every if rule.interval_milliseconds == INTERVAL * 1000]
    coarse = [rule for rule in every if rule not in fine]
    middle = stored_at[len(stored_at) // 2 + 1]
    assert sum(as_recorded(written, fine, time) for time in (stored_at[20], middle, stored_at[-1])) > 300
    coarse_at = times(written, "cluster:cloudmon_pods:count:max_5m")[0]
    assert {round(later - earlier, 3) for earlier, later in pairwise(coarse_at)} == {300}
    assert sum(as_recorded(written, coarse, time) for time in (coarse_at[1], coarse_at[-1])) > 600


def as_recorded(server: Prometheus, rules: list[RecordingRule], time: float) -> int:
    """How many series the rules give at ``time``, each of which must be stored."""
    compared = 0
    for rule in rules:
        given = by_labels(server, rule.expr, time)
        assert by_labels(server, rule.record, time) == given, rule.record
        compared += len(given)
    return compared


def by_labels(server: Prometheus, expr: str, time: float) -> dict[tuple[tuple[str, str], ...], float]:
    return {
        tuple(sorted((k, v) for k, v in element.labels.items() if k != "__name__")): element.value
        for element in server.query(expr, time)
    }


def test_a_directory_with_data_is_left_alone(history: History, tmp_path: Path) -> None:
    segment = tmp_path / "prometheus/wal/00000000"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"x")
    assert not history.write(tmp_path / "prometheus", PAST_SECONDS)
    assert segment.read_bytes() == b"x"


def test_a_past_of_no_length_is_none(history: History, tmp_path: Path) -> None:
    assert not history.write(tmp_path / "prometheus", 0)
    assert not (tmp_path / "prometheus").exists()


def failing_run(command: Sequence[str]) -> Completed:
    return Completed(list(command), 1, "", "no space left on device")


def interrupted_run(_: Sequence[str]) -> Completed:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("run", "error"), [(failing_run, HistoryFailed), (interrupted_run, KeyboardInterrupt)], ids=["fails", "interrupted"]
)
def test_a_history_that_does_not_get_to_its_end_leaves_nothing(
    history: History, tmp_path: Path, run: Callable[[Sequence[str]], Completed], error: type[BaseException]
) -> None:
    with pytest.raises(error):
        replace(history, run=run).write(tmp_path / "prometheus", 60.0)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_history_left_is_removed(history: History, tmp_path: Path) -> None:
    (tmp_path / "prometheus-history-killed/data").mkdir(parents=True)
    with pytest.raises(HistoryFailed):
        replace(history, run=failing_run).write(tmp_path / "prometheus", 60.0)
    assert list(tmp_path.iterdir()) == []


def test_a_prometheus_that_does_not_start_says_why(binaries: Binaries, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    with (
        pytest.raises(HistoryFailed, match="Prometheus did not start: "),
        tsdb.temporary_prometheus(binaries, tmp_path / "data"),
    ):
        pass


def test_a_query_that_is_refused_says_why(written: Prometheus) -> None:
    with pytest.raises(HistoryFailed, match=r"sum\(: .*parse error"):
        tsdb.PrometheusQueries(written.url).range("sum(", 0, 1000, 1000)


def test_spans_are_cut_where_blocks_end() -> None:
    block = tsdb.BLOCK_MILLISECONDS
    assert Span(block - 10, block + 10).by_block() == [Span(block - 10, block - 1), Span(block - 1, block + 10)]
    assert Span(block - 1, block + 10).by_block() == [Span(block - 1, block + 10)]
    assert Span(5, 7).by_block() == [Span(5, 7)]
    assert Span(5, 5).by_block() == []
    assert [list(span.times(5, 2)) for span in Span(2, 17).by_block()] == [[7, 12, 17]]
