"""``docs/contract.md`` taken apart into items that a test can name.

    route:/api/nodes/<node>       of the table of routes
    parameter:sort                a word with ``=`` after it; with a value too, where the page gives one:
    parameter:agg=max
    field:entity.usage.cpu_cores  of the JSON, and of the words about it; the first part is what the paragraph is about,
                                  and ``*`` stands for the keys of a map (signals, mostly)
    column:timestamp              of CSV
    reason:no_samples             why a value is null
    status:404                    of the table of errors
    header:ETag, media:…, setting:MAX_DATA_POINTS

Every `word` of the page becomes an item, or is listed below as one that promises nothing. So a word that the page gains
is an item that some test has to name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.contract.snippet import keys

PAGE: Final = Path(__file__).parents[2] / "docs" / "contract.md"
# What a paragraph is about, by how it begins; one that begins otherwise goes on about the last subject.
_SUBJECTS: Final = {
    "All routes": "answer",
    "| route": "index",
    "**A list**": "list",
    "**An entity**": "entity",
    "**`null` and `missing`.**": "missing",
    "**A time series**": "timeseries",
    "**Everywhere**": "answer",
    "**Errors**": "problem",
    "| status": "problem",
}
# Words that are no field of their subject: what they are instead, None where they promise nothing that is not said
# elsewhere. The subject * is any.
_READINGS: Final[dict[tuple[str, str], str | tuple[str, ...] | None]] = {
    ("*", "limit"): "parameter:limit",
    ("*", "offset"): "parameter:offset",
    ("*", "sort"): "parameter:sort",
    ("*", "null"): None,
    ("answer", "GET"): None,
    ("answer", "timestamps"): "field:timeseries.timestamps",
    ("answer", "Cache-Control: no-cache"): "header:Cache-Control=no-cache",
    ("answer", "start"): "field:answer.explain.start",
    ("answer", "end"): "field:answer.explain.end",
    ("answer", "step"): "field:answer.explain.step",
    ("answer", "time"): "field:answer.explain.time",
    ("answer", "timestamp"): "column:timestamp",
    ("answer", "missing.…"): "column:missing",
    ("entity", "cpu_pressure_ratio"): "field:entity.usage.cpu_pressure_ratio",
    ("entity", "memory_pressure_ratio"): "field:entity.usage.memory_pressure_ratio",
    ("entity", "io_pressure_ratio"): "field:entity.usage.io_pressure_ratio",
    ("index", "/timeseries"): None,
    ("index", "cpu_cores"): None,
    ("index", "degraded"): "field:index.status=degraded",
    ("index", "status: ok"): "field:index.status=ok",
    ("index", "namespace"): "parameter:namespace",
    ("list", "Kind/name"): "parameter:workload=Kind/name",
    ("list", "name"): ("field:list.name", "parameter:sort=name"),
    ("list", "namespace"): ("field:list.namespace", "parameter:sort=namespace"),
    ("list", "restarts"): "parameter:sort=restarts",
    ("list", "started"): "parameter:sort=started",
    ("missing", "utilization"): "field:entity.utilization",
    ("problem", "start"): "parameter:start",
    ("problem", "end"): "parameter:end",
    ("timeseries", "avg"): "field:timeseries.stats.*.avg",
    ("timeseries", "start + step"): None,
    ("timeseries", "t"): None,
}
# Objects whose keys are names and not fields.
_MAPS: Final = ("series", "stats", "missing", "coverage")
_PARENTHESES: Final = re.compile(r"`([^`]+)` \((`[^`]+`(?:,\s+`[^`]+`)*)\)")


class UnreadableError(Exception):
    """The page has something that this module does not know how to read; it has to learn it."""


def items(page: str) -> dict[str, str]:
    """Every item of the page, with the text that it was read from."""
    found: dict[str, str] = {}
    readings: set[tuple[str, str]] = set()
    for subject, paragraph in _paragraphs(page):
        for item, text in _of_paragraph(subject, paragraph, readings):
            found.setdefault(item, text)
    if stale := sorted(set(_READINGS) - readings):
        raise UnreadableError(f"nothing on the page is read as {stale} says")
    return found


def routes(page: str) -> set[str]:
    """The routes of the table, those that end in /timeseries included."""
    return {item.removeprefix("route:") for item in items(page) if item.startswith("route:")}


def _paragraphs(page: str) -> Iterator[tuple[str, str]]:
    subject = ""
    for block in re.split(r"\n\s*\n", page.strip()):
        # What an example stands beside without an empty line is the paragraph's too.
        for paragraph in re.split(r"\n(?=\*\*[^*]+\*\*)", block):
            if paragraph.startswith("#"):
                continue
            subject = next((name for text, name in _SUBJECTS.items() if paragraph.startswith(text)), subject)
            if not subject:
                raise UnreadableError(f"what is this about? {paragraph[:60]!r}")
            yield subject, paragraph


def _of_paragraph(subject: str, text: str, readings: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for example in re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL):
        yield from ((item, "an example") for item in _fields(subject, example))
    text = re.sub(r"```json\n.*?```", "", text, flags=re.DOTALL)
    if text.startswith("| route"):
        yield from ((f"route:{route}", "the table of routes") for route in _table_of_routes(text))
    if text.startswith("| status"):
        yield from ((f"status:{status}", "the table of errors") for status in _table_of_statuses(text))
    for parent, children in _PARENTHESES.findall(text):
        for child in re.findall(r"`([^`]+)`", children):
            yield f"{_parent(subject, parent)}{child}", f"`{child}` of `{parent}`"
    text = _PARENTHESES.sub(lambda match: f"`{match[1]}`", text)
    if subject == "missing":
        reasons, text = _reasons(text)
        yield from ((f"reason:{reason}", "the list of reasons") for reason in reasons)
    for span in re.findall(r"`([^`]+)`", text):
        yield from ((item, f"`{span}`") for item in _of_span(subject, span, readings))


def _parent(subject: str, parent: str) -> str:
    """What the words in parentheses after a word are of: values of a parameter, or fields within a field."""
    name, equals, _ = parent.rpartition("?")[2].partition("=")
    return f"parameter:{name}=" if equals else f"field:{subject}.{parent}."


def _table_of_routes(text: str) -> Iterator[str]:
    found: list[str] = []
    for row in text.splitlines()[2:]:
        cell = row.split("|")[1]
        for span in re.findall(r"`([^`]+)`", cell):
            if span == "/timeseries":
                found += [f"{route}/timeseries" for route in found if route.endswith(">")]
            elif span.startswith("/"):
                found.append(span.partition("?")[0].replace("<ns>", "<namespace>"))
    return iter(found)


def _table_of_statuses(text: str) -> Iterator[str]:
    for row in text.splitlines()[2:]:
        if row.startswith("|"):
            yield from re.findall(r"[0-9]{3}", row.split("|")[1])


def _reasons(text: str) -> tuple[list[str], str]:
    """The reasons, and the rest of the text: they are the words from "says why" to the end of that sentence, and the
    one that "stands for" what only the cluster-scope exporter knows.
    """
    match = re.search(r"says why.*?`([^`]+)` stands for", text, flags=re.DOTALL)
    if match is None:
        raise UnreadableError("the sentence that lists the reasons is not there")
    reasons = [word for word in re.findall(r"`([^`]+)`", match[0]) if word != "null"]
    return reasons, text.replace(match[0], "")


def _of_span(subject: str, span: str, readings: set[tuple[str, str]]) -> Iterable[str]:
    """The items of what stands between two backticks."""
    for key in ((subject, span), ("*", span)):
        if key in _READINGS:
            readings.add(key)
            reading = _READINGS[key]
            return (reading,) if isinstance(reading, str) else reading or ()
    return next(found for form, read in _FORMS if (found := form.search(span) and read(subject, span)) is not None)


def _is_not_read(_: str, span: str) -> list[str]:
    raise UnreadableError(f"what is `{span}`?")


def _words(subject: str, span: str) -> list[str]:
    if "," in span:
        return [f"column:{word}" for word in span.split(",")]
    return [f"column:{span}"] if "." in span else [f"field:{subject}.{span}"]


def _parameters(span: str) -> list[str]:
    """``agg=max|min|last`` and the like."""
    name, _, values = span.partition("=")
    given = [value for value in values.removesuffix(",…").split("|") if value]
    return [f"parameter:{name}", *(f"parameter:{name}={value}" for value in given)]


def _fields(subject: str, text: str) -> list[str]:
    """The paths of all keys, with * for those of maps."""
    found = []
    for path in keys(text):
        parts = ["*" if index and path[index - 1] in _MAPS else part for index, part in enumerate(path)]
        if parts[-1] != "*":
            found.append(f"field:{subject}." + ".".join(parts))
    return found


# The forms of what stands between backticks, and how each is read; the first that fits.
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[str, str], list[str]]], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"[A-Z]{2,}_[A-Z]", lambda _, span: [f"setting:{name}" for name in re.findall(r"[A-Z]+(?:_[A-Z]+)+", span)]),
        (r"^\{", _fields),
        (r'^"', lambda subject, span: _fields(subject, f"{{{span}}}")),
        (r"^/[^?]*$", lambda _, __: []),
        (r"^/[^?]*\?[a-z]+=", lambda _, span: _parameters(span.partition("?")[2])),
        (r"^[A-Z][A-Za-z-]+(: .+)?$", lambda _, span: [f"header:{span.partition(':')[0]}"]),
        (r"^[a-z]+/[a-z+]+$", lambda _, span: [f"media:{span}"]),
        (r"^[0-9]+[smhd]$", lambda _, span: [f"parameter:window={span}"]),
        (r"^[a-z]+=[^ ]*$", lambda _, span: _parameters(span)),
        (r"^[a-z][a-z0-9_]*([.,][a-z0-9_]+)*$", _words),
        (r"", _is_not_read),
    )
)
