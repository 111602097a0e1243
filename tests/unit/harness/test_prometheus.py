"""A real Prometheus: started, asked, reloaded, and its refusals shown."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from tests.harness import ProcessError, Prometheus, PrometheusError

# Rules alone give samples: there is nothing to scrape.
CONFIG = "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
RULES = "groups: [{name: test, rules: [{record: answer, labels: {of: everything}, expr: vector(%d)}]}]\n"


def test_it_evaluates_reloads_and_answers(tmp_path: Path) -> None:
    with Prometheus(CONFIG, {"rules.yml": RULES % 42}, data_directory=tmp_path) as prometheus:
        [sample] = prometheus.wait_for("answer")
        assert (sample.labels, sample.value) == ({"__name__": "answer", "of": "everything"}, 42)
        assert sample.time == pytest.approx(time.time(), abs=30)
        assert prometheus.value("answer", time=sample.time) == 42
        assert prometheus.query("answer", time=sample.time - 3600) == []

        prometheus.write_config(CONFIG, {"rules.yml": RULES % 43})
        prometheus.reload()
        prometheus.wait_for("answer == 43")
        [stored] = prometheus.query_matrix("answer[1m]")
        assert {value for _, value in stored.points} == {42, 43}


def test_it_answers_scalars_and_ranges_and_refuses_nonsense() -> None:
    with Prometheus("{}") as prometheus:
        assert prometheus.query("1 + 1", time=1000.5)[0].value == 2
        assert prometheus.query("1 + 1", time=1000.5)[0].time == 1000.5
        assert math.isinf(prometheus.value("vector(Inf)"))
        [series] = prometheus.query_range("time()", 1000, 1030, 15)
        assert list(series.points) == [(1000, 1000), (1015, 1015), (1030, 1030)]
        with pytest.raises(PrometheusError, match="parse error"):
            prometheus.query("sum(")
        with pytest.raises(PrometheusError, match="gives 0 samples"):
            prometheus.value("nothing")
        prometheus.write_config("nonsense: 1", {})
        with pytest.raises(PrometheusError, match="nonsense"):
            prometheus.reload()


def test_a_configuration_it_refuses_at_the_start_is_shown() -> None:
    prometheus = Prometheus("nonsense: 1")

    with pytest.raises(ProcessError, match=r"(?s)ended with .*nonsense"):
        prometheus.__enter__()
