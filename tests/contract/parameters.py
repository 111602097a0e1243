"""Requests that hypothesis makes up from the declarations of the routes: every parameter, right and wrong.

What a parameter admits is read from its kind's schema, so that a new one is tried as soon as it is declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Flask
from hypothesis import strategies as st

from facade.context import endpoint_of
from facade.params.parsing import Parameter
from facade.params.series import KIND

# Names that the sample fleet has, by parameter and by path segment; and one that nothing has.
KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "node": ("node-1", "node-2", "none"),
    "pod": ("web-server-1", "app-backend-1", "none"),
    "namespace": ("default", "monitoring", "none"),
    "deployment": ("web-server", "prometheus", "none"),
    "cluster": ("sample",),
    "workload": ("web-server", "Deployment/app-backend"),
    "name": ("er",),
}
_WRONG: Final = st.one_of(
    st.sampled_from(["", " ", "0", "-1", "1e9", "nan", "inf", "1,2", ",", "null", "true", "ä", "\x00", "\u202e", "𝟙"]),
    st.sampled_from(['"}', "{}", "') or vector(1)", "..", "%00", "=cmd()", "A" * 5000, "9" * 400, "-" * 300]),
    st.text(max_size=20),
)
_RAW: Final = st.sampled_from(["", "", "", "&", "=", "&&==&", "%", "%FF=%FF", "a=%ED%A0%80", "+=+", "?", "#", ";x=1"])


@dataclass(frozen=True)
class Asking:
    """A request: the rule of its route, the path with its names, and the parameters in their order."""

    rule: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    raw: str = ""

    @property
    def url(self) -> str:
        return f"{self.path}?{urlencode(self.parameters, errors='replace')}{self.raw}"


def admitted(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    """Texts that a JSON schema of a parameter admits, or nearly: a pattern or a number may still be out of bounds."""
    if "anyOf" in schema:
        return st.one_of([admitted(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from([str(value) for value in schema["enum"]])
    return {"array": _array, "boolean": _boolean, "integer": _number, "number": _number, "string": _string}[
        schema["type"]
    ](schema)


def _array(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    return st.lists(admitted(schema["items"]), min_size=1, max_size=3).map(",".join)


def _boolean(_: Mapping[str, Any]) -> st.SearchStrategy[str]:
    return st.sampled_from(["true", "false"])


def _number(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    least, most = int(schema.get("minimum", 0)), int(schema.get("maximum", 10**6))
    return st.one_of(st.integers(least, min(most, 50)), st.integers(least, most)).map(str)


def _string(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda time: f"{time.isoformat()}Z")
    return st.from_regex(schema["pattern"], fullmatch=True) if "pattern" in schema else st.text(min_size=1, max_size=20)


def right(parameter: Parameter[Any]) -> st.SearchStrategy[str]:
    """A value that the parameter admits, of the sample fleet where it is a name."""
    known = KNOWN.get(parameter.name)
    return admitted(parameter.kind.schema) if known is None else st.sampled_from(known)


def any_value(parameter: Parameter[Any]) -> st.SearchStrategy[str]:
    """A value that the parameter admits, or one that it does not."""
    return st.one_of(right(parameter), admitted(parameter.kind.schema), _WRONG)


@st.composite
def requests(draw: st.DrawFn, app: Flask) -> Asking:
    """A request of any route with any of its parameters: all of them right, or some of them wrong, unknown, given twice
    or garbled.
    """
    wrong = draw(st.booleans())
    rule = draw(st.sampled_from(sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)))
    path = rule.rule
    for name in rule.arguments:
        text = draw(st.one_of(st.sampled_from(KNOWN[name]), _WRONG) if wrong else st.sampled_from(KNOWN[name]))
        path = path.replace(f"<{name}>", quote(text, safe="", errors="replace") or "%20")
    declared = endpoint_of(app.view_functions[rule.endpoint]).parameters
    given: list[tuple[str, str]] = []
    if declared:
        chosen = draw(st.lists(st.sampled_from(declared), max_size=5, unique_by=lambda parameter: parameter.name))
        # The only one that a route cannot do without.
        if KIND in declared and KIND not in chosen and not wrong:
            chosen.append(KIND)
        given = [(one.name, draw(any_value(one) if wrong else right(one))) for one in chosen]
    if not wrong:
        return Asking(rule.rule, path, tuple(given))
    if draw(st.integers(0, 4)) == 0:
        given.append((draw(st.sampled_from(["nonsense", "Limit", "", "ä", "x" * 300])), draw(_WRONG)))
    if given and draw(st.integers(0, 4)) == 0:
        given.append(draw(st.sampled_from(given)))
    return Asking(rule.rule, path, tuple(given), draw(_RAW))
