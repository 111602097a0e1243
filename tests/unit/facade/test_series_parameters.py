"""What a request of a whole kind may ask, and how many samples may be looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facade.errors import BudgetError, ParameterError
from facade.params.parsing import parse_query
from facade.params.series import WHOLE_KIND_PARAMETERS, check_samples, whole_kind
from promql.catalogue import KINDS, Catalogue, Kind

DAY = 86400
CATALOGUE = Catalogue.load()
KEYS = {kind: {signal.key for signal in CATALOGUE.of_kind(kind)} for kind in KINDS}
FILTERS = {
    "node": {"node", "name"},
    "pod": {"namespace", "node", "workload", "phase", "name"},
    "namespace": {"namespace", "name"},
    "deployment": {"namespace", "workload", "name"},
}
VALUES = {"namespace": "shop", "node": "n1", "workload": "web", "phase": "Running", "name": "web"}
SORTS = [*CATALOGUE.signals, "name", "namespace"]


@given(
    kind=st.sampled_from(KINDS),
    signal=st.sampled_from(list(CATALOGUE.signals)),
    sort=st.sampled_from([form for key in SORTS for form in (key, f"-{key}")]),
    filters=st.sets(st.sampled_from(sorted(VALUES)), max_size=2),
)
def test_a_request_is_taken_or_told_which_parameter_is_wrong(
    kind: Kind, signal: str, sort: str, filters: set[str]
) -> None:
    arguments = [("kind", kind), ("metrics", signal), ("sort", sort), *((name, VALUES[name]) for name in filters)]
    values = parse_query(arguments, WHOLE_KIND_PARAMETERS)
    key = sort.removeprefix("-")
    wrong = set()
    if signal not in KEYS[kind]:
        wrong.add("metrics")
    if key not in ("name", signal) and not (key == "namespace" and kind in ("pod", "deployment")):
        wrong.add("sort")
    wrong |= filters - FILTERS[kind]
    if not wrong:
        assert whole_kind(values) == (kind, signal)
        return
    with pytest.raises(ParameterError) as caught:
        whole_kind(values)
    assert caught.value.parameter in wrong


def test_statistics_of_a_month_of_one_signal_and_of_a_week_of_all_are_within_the_budget() -> None:
    check_samples(1, 31 * DAY, 15)
    check_samples(len(CATALOGUE.of_kind("pod")), 7 * DAY, 15)
    check_samples(0, 366 * DAY, 1)
    with pytest.raises(BudgetError, match="13 series over 2678400 seconds have about 2321280 stored samples"):
        check_samples(13, 31 * DAY, 15)
    check_samples(2, 15, 15, budget=2)
    with pytest.raises(BudgetError, match="about 3 stored samples"):
        check_samples(2, 16, 15, budget=2)
