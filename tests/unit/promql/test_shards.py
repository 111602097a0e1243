"""Numbers of pods are recorded, and sources named, while the shards that are heard of make up the whole (promtool)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from promql.catalogue import Catalogue, record
from promql.queries import Queries
from promql.rules import rules_file
from promql.shards import incomplete_within
from promql.windows import Windows

TOTALS = Catalogue.load().totals
COUNTS = [record("namespace", metric, "count") for metric in (TOTALS.pods, TOTALS.running)]
AT = 120


def exporter(instance: str, shards: int | None, pods: range, until: int = 20) -> list[dict[str, str]]:
    """One exporter of scope cluster, silent after so many of its scrapes."""
    values = f"1x{until} stale"
    target = f'cluster="c", instance="{instance}"'
    series = [{"series": f'cloudmon_source_sample_age_seconds{{{target}, source="pods"}}', "values": values}]
    if shards is not None:
        parts = f"{shards}x{until} stale"
        series.append({"series": f'cloudmon_source_shards{{{target}, source="pods"}}', "values": parts})
    for pod in pods:
        labels = f'{target}, namespace="n", uid="{pod}", workload_kind="Pod", workload="p{pod}"'
        series.append({"series": f'cloudmon_pod_phase{{{labels}, phase="Running"}}', "values": values})
        series.append({"series": f"cloudmon_pod_created_timestamp_seconds{{{labels}}}", "values": f"0x{until} stale"})
    return series


CASES: dict[str, tuple[list[list[dict[str, str]]], int | None]] = {
    "one exporter": ([exporter("cluster", None, range(6))], 6),
    "all of three shards": ([exporter(f"cluster-{n}", 3, range(2 * n, 2 * n + 2)) for n in range(3)], 6),
    "one of three was never heard of": ([exporter(f"cluster-{n}", 3, range(2 * n, 2 * n + 2)) for n in range(2)], None),
    "one of three fell silent": (
        [
            exporter("cluster-0", 3, range(3)),
            exporter("cluster-1", 3, range(3)),
            exporter("cluster-2", 3, range(3, 6), 4),
        ],
        None,
    ),
    "from two to three shards": (
        [exporter("cluster-0", 3, range(2)), exporter("cluster-1", 2, range(3)), exporter("cluster-2", 3, range(4, 6))],
        None,
    ),
    # An exporter that has everything beside the first of its successors.
    "from one to two shards": ([exporter("cluster", None, range(6)), exporter("cluster-0", 2, range(3))], None),
    "ten shards, whose tenths add up to a little less than one": (
        [exporter(f"cluster-{n}", 10, range(n, n + 1)) for n in range(10)],
        10,
    ),
}


def expected(expr: str, *rows: tuple[str, float]) -> dict[str, Any]:
    samples = [{"labels": labels, "value": value} for labels, value in rows]
    return {"expr": expr, "eval_time": f"{AT}s", "exp_samples": samples}


def checked(tmp_path: Path, series: list[list[dict[str, str]]], expectations: list[dict[str, Any]]) -> None:
    (tmp_path / "rules.yml").write_text(rules_file(15, 60))
    inputs = [one for each in series for one in each]
    test = {"interval": "15s", "input_series": inputs, "promql_expr_test": expectations}
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": [test]}))
    found = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("case", CASES)
def test_what_is_recorded_and_answered(case: str, tmp_path: Path) -> None:
    series, pods = CASES[case]
    known = pods is not None
    expectations = [
        expected(name, *([(f'{name}{{cluster="c", namespace="n"}}', pods)] if pods is not None else []))
        for name in COUNTS
    ]
    rows = [(f'{TOTALS.collection}{{cluster="c"}}', AT)] if known else []
    expectations.append(expected(TOTALS.collection, *rows))
    # That some exporter gives something to go by is true in any case.
    expectations.append(expected(TOTALS.evaluation, (f'{TOTALS.evaluation}{{cluster="c"}}', AT)))
    queries = Queries(Catalogue.load(), Windows())
    source = 'cloudmon_source_sample_age_seconds{cluster="c", source="pods"}'
    expectations.append(expected(queries.sources(), *([(source, 1)] if known else [])))
    checked(tmp_path, series, expectations)


@pytest.mark.parametrize(
    ("case", "whole"),
    [
        ("one exporter", True),
        ("all of three shards", True),
        ("one of three was never heard of", False),
        ("one of three fell silent", True),  # in the window it was heard of
        ("from two to three shards", True),
    ],
)
def test_what_was_heard_of_within_a_window(case: str, whole: bool, tmp_path: Path) -> None:
    row = '{cluster="c", source="pods"}'
    expr = f"group by (cluster, source) {incomplete_within('120s')}"
    checked(tmp_path, CASES[case][0], [expected(expr, *([] if whole else [(row, 1)]))])
