"""Whether a request is answered with JSON or CSV: ``format=`` says so, else the Accept header chooses."""

from __future__ import annotations

from typing import Any, Final

from facade.context import CSV, JSON, Endpoint, chosen_type
from facade.errors import NotAcceptableError, ParameterError
from facade.params.parsing import Parameter, Values
from facade.params.series import STATS
from facade.params.shared import CSV_FORMAT, EXPLAIN, FORMAT, JSON_FORMAT

_MEDIA_TYPES: Final = {JSON_FORMAT: JSON, CSV_FORMAT: CSV}
# What they add stands beside the rows, and a table has no place for it.
NOT_IN_CSV: Final[tuple[Parameter[Any], ...]] = (EXPLAIN, STATS)


def negotiated(endpoint: Endpoint, values: Values) -> str:
    """The media type of the answer, one of what ``endpoint`` offers; JSON where it offers nothing to choose from.

    Raises NotAcceptableError where the Accept header admits none of them, and ParameterError for a parameter that the
    chosen one cannot serve.
    """
    if not endpoint.offers:
        return JSON
    if values.given(FORMAT):
        chosen: str | None = _MEDIA_TYPES[values[FORMAT]]
    else:
        chosen = chosen_type(endpoint.offers)
    if chosen is None:
        raise NotAcceptableError(
            f"This route gives {' or '.join(endpoint.offers)}, which the Accept header does not admit."
        )
    if chosen == CSV:
        for parameter in NOT_IN_CSV:
            if values.get(parameter):
                raise ParameterError(
                    parameter.name, f"a CSV has no place for it; leave it out, or ask for format={JSON_FORMAT}"
                )
    return chosen
