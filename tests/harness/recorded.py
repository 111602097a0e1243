"""Series of any shape in a real Prometheus: written as blocks, and what rules make of them evaluated by Prometheus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from local import tsdb
from local.commands import run_quietly
from local.openmetrics import Exposition, merged, number, sample, timestamp
from promql.rules import Rule
from tests.harness.store import binaries

Points = Iterable[tuple[float, float]]
Row = tuple[str, Mapping[str, str], Points]


def write_series(directory: Path, rows: Iterable[Row]) -> None:
    """Add the rows (name, labels, points in order of Unix seconds) to the blocks of ``directory``."""
    directory.mkdir(exist_ok=True)
    blocks: defaultdict[int, Exposition] = defaultdict(Exposition)
    for name, labels, points in rows:
        for time, value in points:
            milliseconds = round(time * 1000)
            block = blocks[milliseconds // tsdb.BLOCK_MILLISECONDS]
            block.series(name, merged(labels, {}))(sample(number(value), timestamp(milliseconds)))
    for index, block in blocks.items():
        path = directory.parent / f"{directory.name}-{index}.om"
        block.write(path)
        tsdb.create_block(binaries().promtool, path, directory, run_quietly)


def write_rules(
    directory: Path,
    rules: Iterable[Rule],
    first: float,
    last: float,
    interval: float,
    evaluated: Callable[[float], bool],
) -> None:
    """Add what the rules give at ``first``, ``first + interval`` … ``last``, where they were ``evaluated``."""
    rows: list[Row] = []
    with tsdb.temporary_prometheus(binaries(), directory) as prometheus:
        for rule in rules:
            milliseconds = (round(seconds * 1000) for seconds in (first, last, interval))
            for series in prometheus.range(rule.expr, *milliseconds):
                labels = {name: text for name, text in series["metric"].items() if name != "__name__"}
                points = [(time, float(value)) for time, value in series["values"] if evaluated(time)]
                rows.append((rule.record, labels, points))
    write_series(directory, rows)
