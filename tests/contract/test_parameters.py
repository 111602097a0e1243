"""Whatever is asked, with whatever parameters: 200, or a 4xx that names what is wrong; never a 5xx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facade.context import endpoint_of
from facade.params.parsing import Parameter
from tests.contract.parameters import requests
from tests.contract.sample import Asked, sample_fleet

# Some ten milliseconds each, so that all of it stays well within half a minute.
EXAMPLES = 1200
REFUSALS = {400, 404, 406}
# Errors about a whole request: what to narrow, and where else a name is.
ABOUT_THE_WHOLE = ("answer-too-large",)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory, hours=0.5) as fleet:
        yield fleet


def test_any_parameters_get_200_or_are_named(asked: Asked) -> None:
    app = asked.client.application
    statuses: Counter[int] = Counter()
    answered: set[str] = set()

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(st.data())
    def any_request(data: st.DataObject) -> None:
        asking = data.draw(requests(app))
        response = asked.client.get(asking.url)
        statuses[response.status_code] += 1
        if response.status_code == 200:
            answered.add(asking.rule)
            return
        assert response.status_code in REFUSALS, response.get_data(as_text=True)
        assert response.mimetype == "application/problem+json"
        document = response.get_json(force=True)
        if response.status_code == 400 and not document["type"].endswith(ABOUT_THE_WHOLE):
            sent = {name for name, _ in response.request.args.items(multi=True)}
            named = document["detail"].partition(": ")[0]
            names = {name[:100] or "(empty name)" for name in sent} | segments(asking.rule)
            # A parameter may be wrong for not being there: kind=, or the namespace of a name that several have.
            names |= {parameter.name for parameter in declared(asking.rule)}
            assert named in names, document["detail"]

    def declared(rule: str) -> tuple[Parameter[Any], ...]:
        (endpoint,) = (one.endpoint for one in app.url_map.iter_rules() if one.rule == rule)
        return endpoint_of(app.view_functions[endpoint]).parameters

    any_request()
    # It was no monologue: most routes answered, and most kinds of refusal were among the answers.
    assert answered == {rule.rule for rule in app.url_map.iter_rules()}
    assert statuses[200] >= EXAMPLES / 5
    assert statuses[400] >= EXAMPLES / 5
    assert statuses[404] > 0


def segments(rule: str) -> set[str]:
    return {part.strip("<>") for part in rule.split("/") if part.startswith("<")}
