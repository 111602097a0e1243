"""The numbers that the contract gives, beside those of the code."""

from __future__ import annotations

import re

import pytest

from facade.config import Settings
from facade.errors import ConfigurationError
from facade.params.series import SERIES_LIMIT
from facade.params.shared import POINT_BUDGET
from facade.window import COARSE_STEP_SECONDS
from promql.catalogue import Catalogue
from promql.queries import LAST_SEEN_SECONDS, Queries
from promql.windows import Windows
from tests.contract.document import PAGE

CONTRACT = " ".join(PAGE.read_text("utf-8").split())
CATALOGUE = Catalogue.load()
QUERIES = Queries(CATALOGUE, Windows(15, 60, 300))


def said(sentence: str) -> list[int]:
    """The numbers in what the contract says, where ``sentence`` has a group for each."""
    (found,) = re.findall(sentence, CONTRACT)
    return [int(number) for number in ([found] if isinstance(found, str) else found)]


def test_the_series_of_a_whole_kind() -> None:
    assert said(r"`sort` and `limit` \(default (\d+)\)") == [SERIES_LIMIT.default]


def test_the_budget_of_an_answer() -> None:
    assert said(r"the budget \((\d+) million by default") == [POINT_BUDGET / 1e6]


def test_the_hours_in_which_kills_are_counted() -> None:
    (hours,) = said(r"`oom_kills`, in the route of one pod, are the kills of the last (\d+) hours")
    query = QUERIES.pods((), CATALOGUE.of_kind("pod"), oom_kills=True)
    assert set(re.findall(r"cloudmon_pod_oom_kills_total(?:{[^}]*})?\[(\w+)\]", query)) == {f"{hours}h"}


def test_how_far_back_a_name_is_looked_for() -> None:
    days, minutes = said(r"last seen within (\d+) days, to (\d+) minutes")
    assert f"[{days}d:{minutes}m]" in QUERIES.last_seen(("cloudmon_pod_info",), ())
    assert minutes * 60 == LAST_SEEN_SECONDS


def test_where_steps_are_coarse() -> None:
    assert said(r"in whole scrape intervals, above (\d+) s in whole five minutes") == [COARSE_STEP_SECONDS]
    assert COARSE_STEP_SECONDS == 5 * 60


def test_the_age_from_which_a_pod_should_report() -> None:
    assert "created at least a minute ago" in CONTRACT
    assert CATALOGUE.totals.expected_after_seconds == 60


def test_the_points_of_a_column() -> None:
    """Two points make a line, and Prometheus gives no more than 11,000."""
    assert "At most `MAX_DATA_POINTS` points a column" in CONTRACT
    assert Settings.from_environment({}).max_data_points == 1000
    for least_and_most in (2, 11000):
        assert Settings.from_environment({"MAX_DATA_POINTS": str(least_and_most)}).max_data_points == least_and_most
    for beyond in (1, 11001):
        with pytest.raises(ConfigurationError, match="MAX_DATA_POINTS"):
            Settings.from_environment({"MAX_DATA_POINTS": str(beyond)})


def test_the_longest_window() -> None:
    """A leap year."""
    assert Settings.from_environment({}).max_time_window_seconds == 366 * 86400
