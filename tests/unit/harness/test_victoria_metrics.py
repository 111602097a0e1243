"""A real VictoriaMetrics: started, given what a Prometheus has stored, asked, and its refusals shown."""

from __future__ import annotations

import json

import pytest

from tests.harness import ProcessError, Prometheus, PrometheusError, VictoriaMetrics

# Rules alone give samples: there is nothing to scrape.
CONFIG = "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
RULES = "groups: [{name: test, rules: [{record: answer, expr: vector(42)}]}]\n"


def test_it_stores_what_a_prometheus_has() -> None:
    with Prometheus(CONFIG, {"rules.yml": RULES}) as prometheus, VictoriaMetrics() as victoria_metrics:
        prometheus.wait_for("count_over_time(answer[1m]) > 1")
        [sample] = prometheus.query("answer")
        [stored] = prometheus.query_matrix("answer[1m]", sample.time)
        assert victoria_metrics.copy(prometheus, sample.time, 60) >= len(stored.points)
        [copied] = victoria_metrics.query_matrix("answer[1m]", sample.time)
        assert copied == stored
        assert victoria_metrics.value("answer", sample.time) == 42


def test_a_query_that_is_refused_says_why() -> None:
    with VictoriaMetrics() as victoria_metrics:
        with pytest.raises(PrometheusError, match="unparsed data"):
            victoria_metrics.query("sum(")
        # What it cannot read it leaves out, and says so in its log alone.
        victoria_metrics.load(json.dumps({"metric": {"__name__": "answer"}, "values": [42]}))
        assert victoria_metrics.query("answer") == []


def test_a_flag_that_it_does_not_know_is_shown() -> None:
    victoria_metrics = VictoriaMetrics(extra_flags=("-nonsense",))

    with pytest.raises(ProcessError, match=r"(?s)ended with .*nonsense"):
        victoria_metrics.__enter__()
