"""The frames of the facade's JSON, as the contract has them; each check raises Complaint."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from tests.stress.calls import Request

_NOT_BLOCKS: Final = ("missing", "coverage", "workload")
# `null` there means that there was none.
_NULL_WITHOUT_REASON: Final = ("last_oom_kill",)
_FLAT_BLOCKS: Final = ("usage", "utilization")
_STATISTICS: Final = frozenset({"min", "max", "avg", "p50", "p95", "last"})
_IDENTITY: Final = frozenset(
    {"name", "namespace", "uid", "node", "workload", "phase", "cluster", "usage", "missing", "coverage"}
)
_IN_NAMESPACES: Final = ("pod", "deployment")
_OF_TOTALS: Final = ("namespace", "deployment")


class Complaint(Exception):
    """What is wrong with an answer, in words."""


def need(holds: object, words: str) -> None:
    if not holds:
        raise Complaint(words)


def object_in(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise Complaint(f"no {key}")
    return value


def list_in(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if not isinstance(value, list):
        raise Complaint(f"no {key}")
    return value


def number_in(document: Mapping[str, Any], key: str) -> int | float:
    value = document.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Complaint(f"{key} is {value!r}, no number")
    return value


# --- what the facade says of itself -----------------------------------------------------------------------------------
def about(request: Request, document: dict[str, Any]) -> None:
    need(document.get("name") == "cloud-monitoring", "/ does not say cloud-monitoring")
    need(isinstance(document.get("links"), dict), "/ has no links")
    need(document.get("status") == "ok", f"/ says status {document.get('status')!r}")


def state(request: Request, document: dict[str, Any]) -> None:
    need(document.get("status") == "ok", f"status {document.get('status')!r}")


def openapi(request: Request, document: dict[str, Any]) -> None:
    need(str(document.get("openapi")).startswith("3.1"), f"not OpenAPI 3.1 but {document.get('openapi')!r}")
    need(document.get("paths"), "OpenAPI without paths")


def other(request: Request, document: dict[str, Any]) -> None:
    """A route that the contract does not know may answer any object."""


def explained(request: Request, document: dict[str, Any]) -> None:
    """With explain=true an answer says what was asked of Prometheus, and when; else it does not."""
    if request.query.get("explain") != "true":
        need("explain" not in document or request.call.route.frame == "other", "explain without being asked")
        return
    entries = list_in(document, "explain")
    need(entries, "explain=true without a query")
    for entry in entries:
        moment = isinstance(entry.get("time"), int | float)
        stretch = all(isinstance(entry.get(name), int | float) for name in ("start", "end", "step"))
        need(isinstance(entry.get("query"), str) and (moment or stretch), f"explain cannot be pasted: {entry!r:.200}")


# --- lists and entities -----------------------------------------------------------------------------------------------
def listing(request: Request, document: dict[str, Any]) -> None:
    items, total = _items(document)
    _instant(document)
    kind = str(request.call.route.items)
    for item in items:
        _item(item, kind, request.query.get("metrics"))
    limit = request.query.get("limit")
    _page(request, document, len(items), total, limit=None if limit is None else int(limit))
    _filtered(request, items)
    _ordered(request.query.get("sort", "name"), items)


def entity(request: Request, document: dict[str, Any]) -> None:
    _instant(document)
    if request.entity is not None:
        need(
            document.get("name") == request.entity.name,
            f"asked for {request.entity.name}, got {document.get('name')!r}",
        )
    _item(document, str(request.call.route.owner), None)


def _items(document: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    items, total = list_in(document, "items"), number_in(document, "total")
    need(all(isinstance(item, dict) for item in items), "items that are no objects")
    return items, int(total)


def _instant(document: Mapping[str, Any]) -> None:
    time = document.get("time")
    need(isinstance(time, str) and time.endswith("Z") and "T" in time, f"time {time!r} is not RFC 3339 in UTC")


def _item(item: Mapping[str, Any], kind: str, metrics: str | None) -> None:
    need(isinstance(item.get("name"), str) and item["name"], f"an item without a name: {item!r:.100}")
    where = item["name"]
    if kind in _IN_NAMESPACES:
        need(isinstance(item.get("namespace"), str), f"{where} has no namespace")
    usage, missing = object_in(item, "usage"), object_in(item, "missing")
    for key, path in _nulls(item):
        need(
            key in _NULL_WITHOUT_REASON or missing.get(key) or missing.get(path),
            f"{where}: {path} is null without a reason",
        )
    if metrics is not None:
        need(usage.keys() == set(metrics.split(",")), f"{where}: metrics={metrics} gave {', '.join(usage)}")
        more = item.keys() - _IDENTITY
        need(not more, f"{where}: metrics={metrics} gave {', '.join(sorted(more))} too")


def _nulls(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, path) of every null; a key of ``usage`` or ``utilization`` stands in ``missing`` by itself."""
    for key, value in item.items():
        if value is None:
            yield key, key
        elif isinstance(value, dict) and key not in _NOT_BLOCKS:
            for inner, number in value.items():
                if number is None:
                    yield inner if key in _FLAT_BLOCKS else f"{key}.{inner}", f"{key}.{inner}"


def _page(request: Request, document: Mapping[str, Any], shown: int, total: int, *, limit: int | None) -> None:
    """Whether the page has as many as it should, and ``next`` where more follow."""
    offset = int(request.query.get("offset", 0))
    left = max(0, total - offset)
    expected = left if limit is None else min(left, limit)
    need(shown == expected, f"{shown} items of a total of {total} with offset {offset} and limit {limit}")
    following = document.get("next")
    if offset + shown < total and shown:
        need(isinstance(following, str) and following.startswith("/"), f"next is {following!r} though more follow")
    else:
        need(following is None, "next though nothing follows")


def _filtered(request: Request, items: list[dict[str, Any]]) -> None:
    """What filters let through. The namespace of a Deployment's pods says where it is looked for: as good as one."""
    for name, text in request.query.items():
        for item in items:
            if name in ("namespace", "node", "phase"):
                own = item.get("name") if request.call.route.items == name else item.get(name)
                need(own == text, f"{name}={text} let {item['name']} through, whose {name} is {own!r}")
            elif name == "workload":
                of = item.get("workload") or {}
                need(
                    text in (of.get("name"), f"{of.get('kind')}/{of.get('name')}"), f"workload={text} let {of} through"
                )
            elif name == "name":
                need(text in item["name"], f"name={text} let {item['name']} through")


def _ordered(sort: str, items: list[dict[str, Any]]) -> None:
    """By the key, what is missing last in both directions."""
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    values = [item[key] if key in item else (item.get("usage") or {}).get(key) for item in items]
    for before, after in pairwise(values):
        if after is None:
            continue
        need(before is not None, f"sort={sort}: {after!r} comes after what is missing")
        need(before >= after if descending else before <= after, f"sort={sort}: {before!r} comes before {after!r}")


# --- time series ------------------------------------------------------------------------------------------------------
def series(request: Request, document: dict[str, Any]) -> None:
    length = _axis(document)
    columns, missing = object_in(document, "series"), object_in(document, "missing")
    metrics = request.query.get("metrics")
    if metrics is not None:
        need(columns.keys() == set(metrics.split(",")), f"metrics={metrics} gave {', '.join(columns)}")
    for signal in columns:
        column = _column(columns, signal, length)
        need(signal in missing or any(value is not None for value in column), f"{signal} is all null without a reason")
    if request.call.route.owner in _OF_TOTALS:
        _column(document, "coverage", length)
    _stats(request, document, columns)


def kind_series(request: Request, document: dict[str, Any]) -> None:
    length = _axis(document)
    items, total = _items(document)
    kind, signal = request.query["kind"], request.query.get("metrics", "cpu_cores")
    _page(request, document, len(items), total, limit=int(request.query.get("limit", 100)))
    for item in items:
        need(isinstance(item.get("name"), str), f"an item without a name: {item!r:.100}")
        if kind in _IN_NAMESPACES:
            need(isinstance(item.get("namespace"), str), f"{item['name']} has no namespace")
        if kind in _OF_TOTALS:
            _column(item, "coverage", length)
        measured = any(value is not None for value in _column(item, "values", length))
        need(measured or signal in item.get("missing", {}), f"{item['name']}: {signal} is all null without a reason")
        _stats(request, item, {signal} if measured else ())


def _stats(request: Request, document: Mapping[str, Any], signals: Collection[str]) -> None:
    """Statistics, where they are asked for, of these signals at least."""
    if request.query.get("stats") == "true" and signals:
        stats = object_in(document, "stats")
        need(stats.keys() >= set(signals), f"no stats of {', '.join(sorted(set(signals) - stats.keys()))}")
        for signal in stats:
            lacking = _STATISTICS - object_in(stats, signal).keys()
            need(not lacking, f"stats of {signal} lack {', '.join(sorted(lacking))}")


def _axis(document: Mapping[str, Any]) -> int:
    """The number of points, whose times are as window, start, end and step say."""
    timestamps = list_in(document, "timestamps")
    window, start, end, step = (number_in(document, name) for name in ("window", "start", "end", "step"))
    need(timestamps and step > 0, "no timestamps, or no step")
    need(window == end - start, f"window {window} from {start} to {end}")
    need(len(timestamps) == round(window / step), f"{len(timestamps)} timestamps in {window} s by {step} s")
    need((timestamps[0], timestamps[-1]) == (start + step, end), "timestamps do not run from start + step to end")
    need(all(before < after for before, after in pairwise(timestamps)), "timestamps do not ascend")
    return len(timestamps)


def _column(document: Mapping[str, Any], name: str, length: int) -> list[Any]:
    column = list_in(document, name)
    need(len(column) == length, f"{name} has {len(column)} values for {length} timestamps")
    need(
        all(value is None or isinstance(value, int | float) for value in column),
        f"{name} has values that are no numbers",
    )
    return column
