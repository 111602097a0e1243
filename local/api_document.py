"""docs/api.md, and the routes in README.md: from the OpenAPI document, which comes from the routes.

The words are in api.template.md; parameters, fields, reasons, problems and examples are those of ``/openapi.json``.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

from facade.app import create_app
from facade.config import Settings
from facade.entities.missing import REASONS
from facade.errors import PROBLEMS
from facade.openapi import document
from facade.openapi.entities import title
from facade.openapi.examples import REQUESTS, Example, examples
from facade.openapi.problems import METHOD_NOT_ALLOWED
from facade.openapi.route import Route, routes
from facade.params.series import SAMPLE_BUDGET, SERIES_LIMIT
from facade.params.shared import POINT_BUDGET
from facade.prometheus import PrometheusClient
from local.api_tables import fields_table, parameters_table, table
from local.json_text import readable
from promql.catalogue import KINDS, Catalogue

TEMPLATE: Final = Path(__file__).with_name("api.template.md")
README: Final = Path(__file__).resolve().parent.parent / "README.md"
BASE_URL: Final = "http://localhost:5000"
ROUTES_BEGIN: Final = "<!-- The routes: made by `make docs`. -->\n"
ROUTES_END: Final = "<!-- The end of the routes. -->\n"
_EXAMPLE: Final = "example_"
_ALL_PROBLEMS: Final = sorted((*PROBLEMS.values(), METHOD_NOT_ALLOWED), key=lambda problem: problem.status)
# What to do about each problem, by its type.
_REMEDIES: Final = {
    "invalid-parameter": "`detail` names the parameter and says what it may be",
    "ambiguous-name": "several namespaces or clusters have the name: give one of those that `detail` lists",
    "answer-too-large": "`detail` says what to narrow",
    "not-found": "`detail` says when it was last seen, if that was within 30 days; `/` links to the routes there are",
    "method-not-allowed": "`Allow` names the methods that there are",
    "not-acceptable": "ask for a media type that `detail` names",
    "too-many-requests": "try again after `Retry-After` seconds",
    "prometheus-unreachable": "Prometheus does not run, or not at `PROMETHEUS_URL`; the facade's log has the cause",
    "prometheus-busy": "try again after `Retry-After` seconds",
    "prometheus-partial": "a store, ingester or shard behind Prometheus is away: try again after `Retry-After` seconds",
    "prometheus-timeout": "ask for less (a shorter window, fewer metrics), or set a longer `PROMETHEUS_TIMEOUT`",
    "prometheus-refused": "the facade's log has Prometheus's words; `PROMETHEUS_HEADERS` may lack an authorisation",
    "prometheus-limit": "ask for less, or raise the engine's limits, which the facade's log names: docs/engines.md",
    "prometheus-answer": "what answers at `PROMETHEUS_URL` is no Prometheus API: a path prefix may be missing",
}


def api_document() -> str:
    """The whole of docs/api.md."""
    return Template(TEMPLATE.read_text("utf-8")).substitute(_Parts())


def readme() -> str:
    """README.md, with what stands between its two marks made anew."""
    before, _, rest = README.read_text("utf-8").partition(ROUTES_BEGIN)
    after = rest.partition(ROUTES_END)[2]
    return f"{before}{ROUTES_BEGIN}\n{_Parts().in_short()}\n{ROUTES_END}{after}"


def shown(example: Example) -> str:
    """The request as a command and what it was answered with."""
    return f"```sh\n{command(example)}\n```\n\n{_answered(example)}"


def command(example: Example) -> str:
    """The request as ``curl`` sends it."""
    request = example.request
    options = "" if request.method == "GET" else f"-X {request.method} "
    options += "".join(f"-H '{name}: {value}' " for name, value in request.headers.items())
    return f"curl -s {options}'{BASE_URL}{request.path}'"


def _answered(example: Example) -> str:
    status = "" if example.status == 200 and example.request.store == "sample" else f"{example.status}"
    if example.body is None:
        return f"{status}, and no body."
    language, text = ("json", readable(example.body)) if not isinstance(example.body, str) else ("", example.body)
    body = f"```{language}\n{text.replace(chr(13), '').rstrip()}\n```"
    return f"{status}:\n\n{body}" if status else body


class _Parts(Mapping[str, str]):
    """What the template names: ``example_<name>`` for every example, and the parts of the page."""

    def __init__(self) -> None:
        settings = Settings.from_environment({})
        with PrometheusClient(settings) as client:
            app = create_app(settings, client)
        self._routes = routes(app)
        self._openapi = document(app, settings)
        self._examples = examples()
        self._parts: dict[str, Callable[[], str]] = {
            "max_window": lambda: f"{settings.max_time_window_seconds / 86400:g} days (`MAX_TIME_WINDOW`)",
            "max_points": lambda: f"{settings.max_data_points} (`MAX_DATA_POINTS`)",
            "default_series": lambda: f"{SERIES_LIMIT.default}",
            "point_budget": lambda: f"{POINT_BUDGET:,}",
            "sample_budget": lambda: f"{SAMPLE_BUDGET:,}",
            "reasons": lambda: table(("reason", ""), ((f"`{key}`", text) for key, text in REASONS.items())),
            "signals": _signals,
            "problems": _problems,
            "problem_examples": self._problem_examples,
            "of_clusters": lambda: _elsewhere(self._examples["nodes-of-clusters"]),
            "ambiguous_cluster": lambda: _elsewhere(self._examples["ambiguous-cluster"]),
            "contents": self._contents,
            "routes": lambda: "\n\n".join(map(self._route, self._routes)),
            "fields": self._fields,
        }

    def __getitem__(self, name: str) -> str:
        if name.startswith(_EXAMPLE):
            return shown(self._examples[name.removeprefix(_EXAMPLE).replace("_", "-")])
        return self._parts[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def in_short(self) -> str:
        """The routes as README.md has them: a table, and each with one real answer to unfold."""
        rows = ((f"`{route.rule}`", self._operation(route)["summary"]) for route in self._routes)
        answers = [_folded(route, list(self._answered_with_json(route))) for route in self._routes]
        return "\n\n".join([table(("route", "answers"), rows), *filter(None, answers)]) + "\n"

    def _operation(self, route: Route) -> Mapping[str, Any]:
        operation: Mapping[str, Any] = self._openapi["paths"][route.path]["get"]
        return operation

    def _first(self, route: Route) -> Example | None:
        """The route's first example that was answered with JSON."""
        return next(self._answered_with_json(route), None)

    def _answered_with_json(self, route: Route) -> Iterator[Example]:
        content = self._operation(route)["responses"]["200"]["content"]
        names = content.get("application/json", {}).get("examples", {})
        return (self._examples[name] for name in REQUESTS if name in names)

    def _contents(self) -> str:
        """The routes, each as a link to its section; a heading's anchor has neither slashes nor brackets."""
        rows = []
        for route in self._routes:
            anchor = "".join(letter for letter in route.rule if letter.isalnum() or letter in "-_.").replace(".", "")
            rows.append(
                (f"[`{route.rule}`](#{anchor})" if anchor else f"`{route.rule}`", self._operation(route)["summary"])
            )
        return table(("route", "answers"), rows)

    def _route(self, route: Route) -> str:
        operation = self._operation(route)
        problems = [f"[{status}](#errors)" for status in operation["responses"] if int(status) >= 400]
        example = self._first(route)
        parts = [
            f"### `{route.rule}`",
            f"{operation['summary']}.",
            operation.get("description", ""),
            parameters_table(operation["parameters"]) if operation["parameters"] else "It takes no parameters.",
            f"Problems: {', '.join(problems)}.",
            "" if example is None else shown(example),
        ]
        return "\n\n".join(filter(None, parts))

    def _problem_examples(self) -> str:
        found = (example for example in self._examples.values() if example.status >= 400)
        return "\n\n".join(map(_problem, sorted(found, key=lambda example: example.status)))

    def _fields(self) -> str:
        schemas = self._openapi["components"]["schemas"]
        tables = (f"### Fields of a {kind}\n\n{fields_table(schemas[title(kind)])}" for kind in KINDS)
        return "\n\n".join(tables)


def _signals() -> str:
    catalogue = Catalogue.load()
    of = {
        key: [kind for kind in KINDS if signal in catalogue.of_kind(kind)] for key, signal in catalogue.signals.items()
    }
    rows = ((f"`{key}`", catalogue.signals[key].unit, ", ".join(kinds)) for key, kinds in of.items())
    return table(("signal", "unit", "of"), rows)


def _problems() -> str:
    rows = ((str(int(one.status)), f"`{one.type}`", one.title, _REMEDIES[one.type]) for one in _ALL_PROBLEMS)
    return table(("status", "end of `type`", "", "what to do"), rows)


def _problem(example: Example) -> str:
    """A problem document. One that takes another store or a failing Prometheus has no command."""
    return shown(example) if example.request.store == "sample" else _elsewhere(example)


def _elsewhere(example: Example) -> str:
    """What the sample fleet does not answer: in several clusters, or while Prometheus fails."""
    return f"`GET {example.request.path}` gives {_answered(example)}"


def _folded(route: Route, given: list[Example]) -> str:
    """The shortest of the route's examples on `make run`, to unfold; nothing where it has none."""
    on_make_run = [example for example in given if example.request.store == "sample"]
    if not on_make_run:
        return ""
    example = min(on_make_run, key=lambda one: len(readable(one.body)))
    return f"<details><summary><code>{html.escape(route.rule)}</code></summary>\n\n{shown(example)}\n\n</details>"
