from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder

from exporter.collectors.exposition import Collected, Writer, families, text
from exporter.collectors.rows import Row, labels
from promql import names

OPENMETRICS = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3"
ACCEPTS = ("", "text/plain;version=0.0.4", "text/plain;version=1.0.0;escaping=allow-utf-8", OPENMETRICS)

METRICS = st.sampled_from((names.POD_CPU_USAGE_CORES, names.POD_CPU_USAGE_SECONDS, names.PODS_SEEN))
LABELS = st.dictionaries(st.sampled_from(("node", "namespace", "pod")), st.text(max_size=8), max_size=3)
VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**60))
ROWS = st.lists(st.tuples(METRICS, LABELS.map(lambda pairs: labels(**pairs)), VALUES), max_size=6)


@given(ROWS, st.sampled_from(ACCEPTS))
def test_every_format_is_to_the_letter_that_of_prometheus_client(rows: list[Row], accept: str) -> None:
    foreign = GaugeMetricFamily("foreign", 'Not "ours".', value=1)
    found = [*families(rows), foreign]
    encoder, content_type = choose_encoder(accept)
    assert Writer().write(found, accept) == (encoder(Collected(*found)), content_type)


@pytest.mark.parametrize(
    ("value", "written"),
    [(999999.0, "999999.0"), (1e6, "1e+06"), (1234567.5, "1.2345675e+06"), (3, "3.0"), (0.1, "0.1"), (1e-9, "1e-09")],
)
def test_numbers(value: float, written: str) -> None:
    assert text(families([(names.PODS_SEEN, (), value)])).decode().splitlines()[-1] == f"cloudmon_pods_seen {written}"


def test_rows_of_one_pod_are_told_from_another_of_equal_labels() -> None:
    one, other = labels(pod="a"), labels(pod="a")
    rows: list[Row] = [(names.POD_READY, one, 1), (names.POD_OOM_KILLS, other, 2), (names.POD_OOM_KILLS, one, 3)]
    lines = [line for line in text(families(rows)).decode().splitlines() if not line.startswith("#")]
    assert [line.partition("{")[2] for line in lines] == ['pod="a"} 1.0', 'pod="a"} 2.0', 'pod="a"} 3.0']


def test_a_writer_writes_what_is_there_now() -> None:
    """Labels of another scrape may be where those of the last one were."""
    writer = Writer()
    for number in range(200):
        kept = labels(pod="kept")
        pods = [labels(pod=f"{number}-{place}") for place in range(3)]
        rows: list[Row] = [(names.POD_READY, pairs, number) for pairs in (*pods, kept)]
        lines = [line for line in writer.text(families(rows)).decode().splitlines() if not line.startswith("#")]
        expected = [f'pod="{number}-{place}"' for place in range(3)] + ['pod="kept"']
        assert lines == [f"cloudmon_pod_ready{{{pair}}} {number}.0" for pair in expected]


def test_families_of_others_are_theirs_to_write() -> None:
    family = HistogramMetricFamily("waits", "Waits.", buckets=[("1", 2), ("+Inf", 3)], sum_value=4)
    body, _ = Writer().write([family], OPENMETRICS)
    assert body.decode().splitlines()[2:] == [
        'waits_bucket{le="1"} 2.0',
        'waits_bucket{le="+Inf"} 3.0',
        "waits_count 3.0",
        "waits_sum 4.0",
        "# EOF",
    ]


def test_samples_are_there_for_whoever_asks() -> None:
    (family,) = families([(names.POD_OOM_KILLS, labels(pod="a"), 2)])
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("cloudmon_pod_oom_kills_total", {"pod": "a"}, 2)
    ]
    assert not hasattr(family, "something")
