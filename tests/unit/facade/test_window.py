from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facade.config import Settings
from facade.errors import ParameterError
from facade.params.parsing import parse_query
from facade.params.series import TIME_PARAMETERS
from facade.window import COARSE_STEP_SECONDS, TimeWindow

NOW = 1795492807.123
DAY = 86400
SETTINGS = Settings.from_environment({})


def resolve(query: Mapping[str, object], now: float = NOW, settings: Settings = SETTINGS) -> TimeWindow:
    arguments = [(name, str(text)) for name, text in query.items()]
    return TimeWindow.resolve(parse_query(arguments, TIME_PARAMETERS), settings, now)


@pytest.mark.parametrize(
    ("query", "start", "end", "step"),
    [
        pytest.param({}, 1795489200, 1795492800, 15, id="the default window, ending now"),
        pytest.param({"window": "3600"}, 1795489200, 1795492800, 15, id="as the contract shows it"),
        pytest.param({"window": "90s"}, 1795492710, 1795492800, 15, id="90 s"),
        pytest.param({"window": "100s"}, 1795492695, 1795492800, 15, id="up to whole steps"),
        pytest.param({"window": "1"}, 1795492785, 1795492800, 15, id="a window shorter than a step has one point"),
        pytest.param({"window": "0.001"}, 1795492785, 1795492800, 15, id="the shortest window"),
        pytest.param({"window": "6h"}, 1795471200, 1795492800, 30, id="21.6 s a point, in whole scrape intervals"),
        pytest.param({"window": "1d"}, 1795406400, 1795492800, 90, id="86.4 s a point"),
        pytest.param({"window": "80h"}, 1795204800, 1795492800, 300, id="288 s a point is 300"),
        pytest.param({"window": "300001"}, 1795492800 - 501 * 600, 1795492800, 600, id="300.001 s is ten minutes"),
        pytest.param({"step": "60"}, 1795489200, 1795492800, 60, id="a wish"),
        pytest.param({"step": "61"}, 1795489200, 1795492800, 75, id="a wish, up to whole scrape intervals"),
        pytest.param({"step": "1"}, 1795489200, 1795492800, 15, id="a wish below the scrape interval"),
        pytest.param({"step": "301"}, 1795489200, 1795492800, 600, id="a wish above five minutes"),
        pytest.param({"step": "1d", "window": "1h"}, 1795478400 - DAY, 1795478400, DAY, id="a wish above the window"),
        pytest.param({"start": 1795492000, "end": 1795492100}, 1795491990, 1795492095, 15, id="both ends"),
        pytest.param({"start": 1795492000, "end": 1795492100, "window": 100}, 1795491990, 1795492095, 15, id="all"),
        pytest.param({"end": "2026-11-24T03:20:00Z"}, 1795486800, 1795490400, 15, id="an end has the default window"),
        pytest.param({"end": 1795490400, "window": "60s"}, 1795490340, 1795490400, 15, id="an end and a window"),
        pytest.param({"start": 1795492080}, 1795492065, 1795492800, 15, id="a start runs until now"),
        pytest.param({"start": 1795490400, "window": "60s"}, 1795490400, 1795490460, 15, id="a start and a window"),
        pytest.param({"start": 1795492080, "window": "1d"}, 1795492065, 1795492800, 15, id="of which not all has come"),
        pytest.param({"end": 1795500000}, 1795489200, 1795492800, 15, id="an end to come is now"),
        pytest.param({"start": 1795492080, "end": 1795500000}, 1795492065, 1795492800, 15, id="the same"),
    ],
)  # fmt: skip
def test_what_is_asked_and_what_is_in_force(query: dict[str, object], start: float, end: float, step: float) -> None:
    window = resolve(query)
    assert (window.start, window.end, window.step, window.window) == (start, end, step, end - start)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"window": 0}, "window: the window must be longer than nothing"),
        ({"window": "0.0001"}, "window: the window must be longer than nothing"),
        ({"window": -60}, "window: the window must be longer than nothing"),
        ({"window": "367d"}, "window: the window is longer than the 31622400 seconds"),
        ({"start": 1795492000, "end": 1795491999}, "start: is after end"),
        ({"start": 1795492000, "end": 1795492000}, "start: the window must be longer than nothing"),
        ({"start": 1700000000, "end": 1795492000}, "start: the window is longer than"),
        ({"start": 0}, "start: the window is longer than"),
        ({"start": 1795500000}, "start: is still to come"),
        ({"start": 1795500000, "window": "1h"}, "start: is still to come"),
        ({"start": 1795500000, "end": 1795600000}, "start: is still to come"),
        ({"start": 1795492000, "end": 1795492100, "window": 99}, "window: contradicts start and end"),
        ({"start": 1795492000, "end": 1795492100, "window": 0}, "window: the window must be longer than nothing"),
        ({"step": 0}, "step: must be longer than nothing"),
        ({"step": -15}, "step: must be longer than nothing"),
        ({"step": "367d"}, "step: is longer than the 31622400 seconds"),
        ({"end": 100}, "end: the time series would start before 1970"),
    ],
)
def test_what_is_refused(query: dict[str, object], detail: str) -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(query)
    assert str(caught.value).startswith(detail)


def test_the_longest_window_may_be_asked_for() -> None:
    window = resolve({"window": "366d"})
    assert window.step % COARSE_STEP_SECONDS == 0
    assert 0 <= window.window - 366 * DAY < window.step
    assert window.points <= SETTINGS.max_data_points


def test_the_timestamps_run_from_start_plus_step_to_end() -> None:
    window = resolve({"window": "60s"})
    assert window.timestamps() == [1795492755, 1795492770, 1795492785, 1795492800]
    assert window.points == 4
    assert all(isinstance(time, int) for time in window.timestamps())


def test_whole_numbers_are_integers_and_others_are_not_rounded() -> None:
    quick = Settings.from_environment({"SCRAPE_INTERVAL": "0.3"})
    window = resolve({"window": "1"}, 1795492800.7, quick)
    assert (window.step, window.window) == (0.3, 1.2)
    assert window.end == 1795492800.6
    assert window.start == 1795492799.4
    assert window.timestamps() == [1795492799.7, 1795492800, 1795492800.3, 1795492800.6]
    assert isinstance(window.timestamps()[1], int)


lengths = st.floats(0.001, 31622400).map(lambda seconds: f"{seconds:.3f}")
instants = st.floats(1e9, 2e9).map(lambda seconds: f"{seconds:.3f}")


@given(
    query=st.fixed_dictionaries({}, optional={"window": lengths, "start": instants, "end": instants, "step": lengths}),
    now=st.floats(1e9 + 31622400, 2e9),
    scrape=st.sampled_from(["0.05", "0.5", "1", "7", "15", "30", "60", "299", "400", "3600"]),
    most=st.sampled_from([2, 3, 100, 1000, 11000]),
)
def test_the_contract_holds_for_whatever_is_asked(query: dict[str, str], now: float, scrape: str, most: int) -> None:
    settings = Settings.from_environment({"SCRAPE_INTERVAL": scrape, "MAX_DATA_POINTS": str(most)})
    try:
        window = resolve(query, now, settings)
    except ParameterError:
        assume({"start", "end"} & set(query) == set())  # a window or a step within bounds is never refused for itself
        raise
    start, end, step, length = (round(n * 1000) for n in (window.start, window.end, window.step, window.window))
    scrape_ms = round(float(scrape) * 1000)
    assert end - start == length
    assert length % step == end % step == 0
    assert 1 <= window.points == length // step == len(window.timestamps()) <= most
    assert window.timestamps()[-1] == window.end
    assert end <= now * 1000
    assert step >= scrape_ms
    assert step >= round(float(query.get("step", "0")) * 1000)
    assert step % (scrape_ms if step <= COARSE_STEP_SECONDS * 1000 else COARSE_STEP_SECONDS * 1000) == 0


@given(window=lengths, step=lengths, scrape=st.sampled_from(["1", "15", "60"]), most=st.sampled_from([2, 1000]))
def test_no_step_is_longer_than_it_must_be(window: str, step: str, scrape: str, most: int) -> None:
    """The next shorter step of the same kind would break the wish, the scrape interval or the bound on points."""
    settings = Settings.from_environment({"SCRAPE_INTERVAL": scrape, "MAX_DATA_POINTS": str(most)})
    chosen = resolve({"window": window, "step": step}, NOW, settings)
    unit = float(scrape) if chosen.step <= COARSE_STEP_SECONDS else COARSE_STEP_SECONDS
    shorter = chosen.step - unit
    assume(shorter > 0)
    assert shorter < max(float(step), float(scrape), float(window) / most)


@given(window=lengths)
def test_the_window_covers_what_was_asked_to_the_step(window: str) -> None:
    chosen = resolve({"window": window})
    assert NOW - chosen.step < chosen.end <= NOW
    assert 0 <= chosen.window - float(window) < chosen.step + 0.001
