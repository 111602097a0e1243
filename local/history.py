"""The sample fleet's past, written into Prometheus before its first start, so that every window has an answer at once.

The past is what Prometheus would have stored had it run: one scrape of every exporter an interval, off the round
seconds, with the labels of the scrape configuration, and then every evaluation of the recording rules, by Prometheus
itself. Since the fleet is a pure function of seed and clock, the live exporters go on just where it ends.

Everything is written beside the data directory and takes its place in one rename: an interrupted history leaves
nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from local import tsdb
from local.commands import Runner, Say, run_quietly
from local.openmetrics import Exposition, merged, number, sample, timestamp
from local.prometheus_binary import Binaries
from local.rule_levels import RecordingRule, levels
from local.targets import Target, targets_of

Sample = tuple[str, tuple[tuple[str, str], ...], float]
# (scope, node or "" in scope cluster, Unix seconds) -> what the exporter's /metrics gives at that time.
Samples = Callable[[str, str, float], Iterable[Sample]]

# Prometheus answers at most 11,000 points a series.
_MOST_POINTS = 10_000
# Two processors: one promtool beside this process, or two queries.
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in milliseconds: after ``start``, up to and with ``end``."""

    start: int
    end: int

    def times(self, interval: int, phase: int) -> range:
        """The multiples of ``interval`` plus ``phase`` within."""
        first = (self.start - phase) // interval + 1
        return range(first * interval + phase, self.end + 1, interval)

    def by_block(self) -> list[Span]:
        """The span cut where one block ends and the next begins."""
        cuts = range((self.start + 1) // tsdb.BLOCK_MILLISECONDS + 1, self.end // tsdb.BLOCK_MILLISECONDS + 1)
        edges = [self.start, *(cut * tsdb.BLOCK_MILLISECONDS - 1 for cut in cuts), self.end]
        return [Span(start, end) for start, end in pairwise(edges) if end > start]


@dataclass(frozen=True, slots=True)
class History:
    """How the past of one fleet is made. ``clock`` gives Unix seconds; ``scrape_interval`` is in seconds.

    ``evaluating_yaml`` is the configuration of the Prometheus that evaluates the rules: it may read others.
    """

    binaries: Binaries
    prometheus_yaml: str
    rules_yaml: str
    samples: Samples
    scrape_interval: float
    clock: Callable[[], float]
    say: Say
    run: Runner = run_quietly
    evaluating_yaml: str = tsdb.NOTHING_TO_SCRAPE

    def write(self, data_directory: Path, seconds: float) -> bool:
        """Write the past ``seconds`` if nothing is stored in ``data_directory`` yet; whether it did.

        Raises HistoryFailed; whatever happens, ``data_directory`` then is what it was.
        """
        if seconds <= 0 or tsdb.holds_data(data_directory):
            return False
        started = self._now()
        done = Span(started - round(seconds * 1000), started)
        self.say(f"writing the past {seconds / 3600:g} h of the sample fleet, once")
        with _workspace(data_directory) as workspace:
            writer = _Writer(self, workspace, targets_of(self.prometheus_yaml), levels(self.rules_yaml))
            writer.fill(done)
            # What has passed while that was written, so that little is missing when the first live scrape comes.
            writer.fill(Span(done.end, self._now()), quiet=True)
            _publish(writer.blocks, data_directory)
        self.say(f"the past is written: {(self._now() - started) / 1000:.1f} s")
        return True

    def _now(self) -> int:
        return int(self.clock() * 1000)


class _Writer:
    """Fills a directory with blocks."""

    def __init__(
        self, history: History, workspace: Path, targets: list[Target], rules: list[list[RecordingRule]]
    ) -> None:
        self.blocks = workspace / "data"
        self.blocks.mkdir()
        self._history = history
        self._workspace = workspace
        self._targets = targets
        self._levels = rules
        self._interval = round(history.scrape_interval * 1000)
        self._files = 0

    def fill(self, span: Span, quiet: bool = False) -> None:
        """Write every scrape and every evaluation within ``span``."""
        say: Say = (lambda _: None) if quiet else self._history.say
        with _workers() as pool:
            self._write(pool, (self._scrapes(part) for part in span.by_block()))
            say("scrapes are written")
            for number_, level in enumerate(self._levels, 1):
                if not span.times(self._interval, self._phase(len(self._targets))):
                    return
                evaluating = self._history.evaluating_yaml
                # A block cannot hold the marker that ends a series where a scrape no longer has it. Every series is
                # there once an interval: one that is older has ended.
                lookback = f"--query.lookback-delta={self._interval - 1}ms"
                with tsdb.temporary_prometheus(
                    self._history.binaries, self.blocks, [lookback], evaluating
                ) as prometheus:
                    self._write(pool, (self._evaluations(pool, prometheus, level, part) for part in span.by_block()))
                say(f"recording rules are written: level {number_} of {len(self._levels)}")

    def _write(self, pool: ThreadPoolExecutor, expositions: Iterable[Exposition]) -> None:
        """Make blocks of ``expositions``, each while the next is computed."""
        pending: list[Future[None]] = []
        for exposition in expositions:
            self._files += 1
            path = self._workspace / f"{self._files}.om"
            if exposition.write(path):
                pending.append(
                    pool.submit(
                        tsdb.create_block, self._history.binaries.promtool, path, self.blocks, self._history.run
                    )
                )
        for future in pending:
            future.result()

    def _phase(self, position: int) -> int:
        """When within an interval the target of that position is scraped; after the last, the rules are evaluated.

        Like Prometheus, which spreads them over the interval, and never on a round second.
        """
        return (self._interval * (position + 1)) // (len(self._targets) + 2) + 37

    def _scrapes(self, span: Span) -> Exposition:
        exposition = Exposition()
        for position, target in enumerate(self._targets):
            # Labels are merged once for each series, not for each sample: there are a million samples.
            known: dict[tuple[str, tuple[tuple[str, str], ...]], Callable[[str], None]] = {}
            up = exposition.series("up", merged({}, target.labels))
            for milliseconds in span.times(self._interval, self._phase(position)):
                stamp = timestamp(milliseconds)
                up(sample("1", stamp))
                for name, labels, value in self._history.samples(target.scope, target.node or "", milliseconds / 1000):
                    add = known.get((name, labels))
                    if add is None:
                        add = known[name, labels] = exposition.series(name, merged(dict(labels), target.labels))
                    add(sample(number(value), stamp))
        return exposition

    def _evaluations(
        self, pool: ThreadPoolExecutor, prometheus: tsdb.PrometheusQueries, level: list[RecordingRule], span: Span
    ) -> Exposition:
        exposition = Exposition()
        for interval in sorted({rule.interval_milliseconds for rule in level}):
            rules = [rule for rule in level if rule.interval_milliseconds == interval]
            times = span.times(interval, self._phase(len(self._targets)))
            for piece in [times[start : start + _MOST_POINTS] for start in range(0, len(times), _MOST_POINTS)]:
                answers = [pool.submit(prometheus.range, rule.expr, piece[0], piece[-1], interval) for rule in rules]
                for rule, answer in zip(rules, answers, strict=True):
                    _add_evaluations(exposition, rule, answer.result())
        return exposition


def _add_evaluations(exposition: Exposition, rule: RecordingRule, result: list[dict[str, Any]]) -> None:
    for series in result:
        own = {name: value for name, value in series["metric"].items() if name != "__name__"}
        add = exposition.series(rule.record, merged({**own, **rule.labels}, {}))
        for seconds, value in series["values"]:
            add(sample(value, timestamp(round(seconds * 1000))))


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Threads that, when something fails or is interrupted, finish what they are at and begin nothing more."""
    pool = ThreadPoolExecutor(_WORKERS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _workspace(data_directory: Path) -> Iterator[Path]:
    """A directory beside ``data_directory``, gone afterwards; those of histories that were killed go too."""
    prefix = f"{data_directory.name}-history-"
    data_directory.parent.mkdir(parents=True, exist_ok=True)
    for leftover in data_directory.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=data_directory.parent, prefix=prefix) as workspace:
        yield Path(workspace)


def _publish(blocks: Path, data_directory: Path) -> None:
    """Let a directory with nothing but blocks take the place of ``data_directory``, which holds no data."""
    keep = set(tsdb.blocks_in(blocks))
    for path in blocks.iterdir():
        if path not in keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if data_directory.exists():
        shutil.rmtree(data_directory)
    blocks.rename(data_directory)
