"""What a route answers with, status by status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from facade.context import CSV, JSON
from facade.openapi.entities import title
from facade.openapi.examples import Example
from facade.openapi.problems import component_name, problems_of
from facade.openapi.route import Route
from facade.openapi.schemas import COUNT, TEXT, TIME, Schema, described, ref
from facade.openapi.service import SERVICE_ANSWERS
from facade.shapes import Shape

_COMPONENTS: Final = {
    "list": "{}List",
    "entity": "{}",
    "timeseries": "{}Timeseries",
    "timeseries_of_kind": "Timeseries",
}
VALIDATORS: Final[Mapping[str, Any]] = {
    "Vary": {
        "required": True,
        "description": "`Accept` chooses among the forms of an answer, `Accept-Encoding: gzip` has it compressed.",
        "schema": TEXT,
    },
    "ETag": {
        "required": True,
        "description": "What If-None-Match takes, for a 304 while the answer is the same.",
        "schema": TEXT,
    },
    "Cache-Control": {
        "required": True,
        "description": "`max-age` of at most one scrape interval. A request with `no-cache` is answered from upstream.",
        "schema": TEXT,
    },
    "Age": {"description": "Seconds since the answer was made, of one that was kept.", "schema": COUNT},
}
# What the JSON has beside its rows, and a CSV does not, is in header fields.
BESIDE_ROWS: Final[Mapping[str, Any]] = {
    "Link": {
        "description": 'With `format=csv` and `limit`: `<path of the following page>; rel="next"`.',
        "schema": TEXT,
    },
    "X-Total-Count": {"description": "With `format=csv`: `total`.", "schema": COUNT},
    "X-Warnings": {"description": "With `format=csv`: `warnings`, where there are any.", "schema": TEXT},
    "X-Time": {"description": "With `format=csv`: `time`.", "schema": TIME},
}


def component_of(shape: Shape) -> str:
    """The name of the schema of what has this shape."""
    return _COMPONENTS[shape.frame].format(title(shape.kind) if shape.kind else "")


def responses(route: Route, examples: Iterable[Example]) -> dict[str, Any]:
    """Every response of the route, by status. ``examples`` are real answers of it."""
    given = list(examples)
    shape = route.endpoint.shape
    answers = _of_service(route, given) if shape is None else _of_entities(route, shape, given)
    for status, problems in problems_of(route).items():
        answers[str(status)] = ref(component_name(problems), "responses")
    return dict(sorted(answers.items()))


def _of_entities(route: Route, shape: Shape, examples: list[Example]) -> dict[str, Any]:
    table = described(TEXT, "With `format=csv`: one row an entity, or one a point.")
    bodies = {JSON: ref(component_of(shape)), CSV: table}
    headers = {**VALIDATORS, **BESIDE_ROWS}
    return {
        "200": {"description": route.endpoint.help, "headers": headers, "content": _content(bodies, examples, 200)},
        "304": {
            "description": "The answer is the one whose ETag the request names in If-None-Match.",
            "headers": VALIDATORS,
        },
    }


def _of_service(route: Route, examples: list[Example]) -> dict[str, Any]:
    answer = SERVICE_ANSWERS[route.name]
    answers: dict[str, Any] = {
        "200": {"description": route.endpoint.help, "content": _content(answer.bodies, examples, 200)}
    }
    for status, (description, bodies) in (answer.otherwise or {}).items():
        answers[str(status)] = {"description": description, "content": _content(bodies, examples, status)}
    return answers


def _content(bodies: Mapping[str, Schema], examples: list[Example], status: int) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media_type, schema in bodies.items():
        content[media_type] = {"schema": schema}
        shown = {
            example.name: {"summary": example.request.path, "value": example.body}
            for example in examples
            if example.status == status and example.media_type.partition(";")[0] == media_type.partition(";")[0]
        }
        if shown:
            content[media_type]["examples"] = shown
    return content
