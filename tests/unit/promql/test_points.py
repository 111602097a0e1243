"""What a point of a counter is where its series begins, ends or starts again, as promtool evaluates it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from promql import names
from promql.catalogue import Catalogue
from promql.selectors import equal
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows

CPU = Catalogue.load().signals["cpu_cores"]
QUERY = TimeseriesQueries(Catalogue.load(), Windows()).points("pod", equal(pod="web"), [CPU], 300)
SERIES = f'{names.POD_CPU_USAGE_SECONDS.name}{{namespace="shop", pod="web", uid="w1"}}'


def evaluated(folder: Path, values: str, cores: float | None) -> subprocess.CompletedProcess[str]:
    """``values`` of every 15 s; the point is that of the five minutes until 600 s."""
    labels = '{namespace="shop", pod="web", signal="cpu_cores"}'
    expected = [] if cores is None else [{"labels": labels, "value": cores}]
    test = {
        "interval": "15s",
        "input_series": [{"series": SERIES, "values": values}],
        "promql_expr_test": [{"expr": QUERY, "eval_time": "600s", "exp_samples": expected}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump({"evaluation_interval": "15s", "tests": [test]}))
    command = ["promtool", "test", "rules", "test.yml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("values", "cores"),
    [
        pytest.param("0x20 600x19", 2, id="counted between two samples on either side of the beginning"),
        pytest.param("0x20 600x18 stale", 2, id="ended within the interval"),
        pytest.param("0x20 600x8 stale _x9", 2, id="ended long before the end"),
        pytest.param("0x19 stale _x19", None, id="ended with the interval before"),
        pytest.param("7x40", 0, id="stood still"),
    ],
)
def test_a_point_is_what_was_counted(tmp_path: Path, values: str, cores: float | None) -> None:
    result = evaluated(tmp_path, values, cores)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_oracle_can_fail(tmp_path: Path) -> None:
    assert evaluated(tmp_path, "0x20 600x19", 3).returncode != 0
