"""The OpenMetrics text, read back by a parser that is not ours."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from local.openmetrics import Exposition, merged, number, render_labels, sample, timestamp

# The parser of prometheus_client reads labels as the format has them, any character but a bare line break.
label_values = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from('\n"\\'), min_size=1)
times = st.integers(1_500_000_000_000, 2_000_000_000_000)


def written(exposition: Exposition) -> str:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "text"
        exposition.write(path)
        return path.read_text(encoding="utf-8")


def read(text: str) -> list[tuple[str, dict[str, str], float, int]]:
    """(name, labels, value, milliseconds) of every sample; less than a millisecond is dropped, as Prometheus does."""
    return [
        (sample.name, sample.labels, float(sample.value), math.floor(float(sample.timestamp) * 1000))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


@given(value=st.floats(allow_nan=False), milliseconds=times, labels=st.dictionaries(st.just("pod"), label_values))
def test_what_is_written_is_read_back(value: float, milliseconds: int, labels: dict[str, str]) -> None:
    exposition = Exposition()
    exposition.series("cloudmon_x_total", merged(labels, {}))(sample(number(value), timestamp(milliseconds)))
    assert read(written(exposition)) == [("cloudmon_x_total", labels, value, milliseconds)]


@given(times)
def test_a_timestamp_survives_the_cut_that_prometheus_makes(milliseconds: int) -> None:
    assert int(float(timestamp(milliseconds)) * 1000) == milliseconds


def test_numbers_that_are_none() -> None:
    assert [number(value) for value in (math.nan, math.inf, -math.inf, 3, 0.1)] == ["NaN", "+Inf", "-Inf", "3.0", "0.1"]


def test_samples_of_a_series_stand_together_in_order_of_time(tmp_path: Path) -> None:
    exposition = Exposition()
    for time in (1000, 16000):
        for name in ("b", "a"):
            for node in ("1", "2"):
                exposition.series(name, (("node", node),))(sample("1.0", timestamp(time)))
    assert exposition.write(tmp_path / "text") == 8
    assert (tmp_path / "text").read_text().splitlines() == [
        'b{node="1"} 1.0 1.0005',
        'b{node="1"} 1.0 16.0005',
        'b{node="2"} 1.0 1.0005',
        'b{node="2"} 1.0 16.0005',
        'a{node="1"} 1.0 1.0005',
        'a{node="1"} 1.0 16.0005',
        'a{node="2"} 1.0 1.0005',
        'a{node="2"} 1.0 16.0005',
        "# EOF",
    ]


def test_a_metric_keeps_its_own_labels_and_empty_ones_are_none() -> None:
    own = {"node": "node-2", "pod": "p", "container": ""}
    target = {"job": "cloudmon", "node": "node-1", "cluster": "", "instance": "node-1"}
    assert merged(own, target) == (("instance", "node-1"), ("job", "cloudmon"), ("node", "node-2"), ("pod", "p"))
    assert render_labels(()) == ""
