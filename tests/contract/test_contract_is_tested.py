"""Every route, parameter, field, reason and status of ``docs/contract.md`` has a test that names it, and proves it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from flask import Flask

from facade.app import create_app
from facade.config import Settings
from facade.context import endpoint_of
from facade.entities.missing import REASONS
from facade.errors import PROBLEMS
from facade.prometheus import PrometheusClient
from promql.catalogue import KINDS, Catalogue
from tests.contract.collection import claims
from tests.contract.document import PAGE, UnreadableError, items
from tests.contract.snippet import keys
from tests.contract.witness import Exchange, unproven
from tests.harness.script import Script, constant

CONTRACT = PAGE.read_text("utf-8")
ITEMS = items(CONTRACT)


def untested(page: str, named: Iterable[str]) -> list[str]:
    """Items of the page that are not among those named."""
    return sorted(set(items(page)) - set(named))


@pytest.fixture(scope="module")
def named() -> set[str]:
    return {item for of_test in claims().values() for item in of_test}


@pytest.fixture(scope="module")
def app() -> Flask:
    settings = Settings.from_environment({})
    with PrometheusClient(settings, transport=Script({"1": constant()}), helpers=1) as client:
        return create_app(settings, client)


def test_every_item_of_the_contract_has_a_test(named: set[str]) -> None:
    without = [f"{item}  ({ITEMS[item]})" for item in untested(CONTRACT, named)]
    assert not without, "no test names these items of docs/contract.md:\n" + "\n".join(without)


def test_every_claim_is_an_item_of_the_contract(named: set[str]) -> None:
    assert not named - set(ITEMS), "tests claim what docs/contract.md does not have"


@pytest.mark.parametrize(
    ("old", "new", "item"),
    [
        ("| `/api/nodes`, ", "| `/api/volumes`, `/api/nodes`, ", "route:/api/volumes"),
        ("the one-entity routes + `/timeseries`", "`/api/volumes/<volume>`, the one-entity routes + `/timeseries`",
         "route:/api/volumes/<volume>/timeseries"),
        ("`phase=`, ", "`phase=`, `label=`, ", "parameter:label"),
        ("`agg=max|min|last`", "`agg=max|min|last|first`", "parameter:agg=first"),
        ("`window=90s`, `15m`", "`window=90s`, `2w`, `15m`", None),
        ('"oom_kills": 0,', '"oom_kills": 0, "owner": {"kind": "Deployment"},', "field:entity.owner.kind"),
        ('"p95", "last"', '"p95", "p99", "last"', "field:timeseries.stats.*.p99"),
        ("namespaces add `pods`", "namespaces add `quota`, `pods`", "field:entity.quota"),
        ("`ready`, `available`, `updated`)", "`ready`, `available`, `paused`)", "field:entity.replicas.paused"),
        ("`not_reported` (the kubelet", "`not_asked`, `not_reported` (the kubelet", "reason:not_asked"),
        ("| 405, 406 |", "| 405, 406, 410 |", "status:410"),
        ('{"type", "title",', '{"type", "instance", "title",', "field:problem.instance"),
        ("`timestamp,name,namespace,value`", "`timestamp,name,uid,value`", "column:uid"),
        ("Answers carry `ETag` and", "Answers carry `ETag`, `Last-Modified` and", "header:Last-Modified"),
        ("or over `MAX_TIME_WINDOW`", "or over `MAX_TIME_WINDOW` or `MAX_AGE`", "setting:MAX_AGE"),
    ],
)  # fmt: skip
def test_what_the_contract_gains_is_noticed(old: str, new: str, item: str | None) -> None:
    """None where the page has what cannot be read."""
    assert CONTRACT.count(old) == 1
    changed = CONTRACT.replace(old, new)
    if item is None:
        with pytest.raises(UnreadableError):
            items(changed)
    else:
        assert item in untested(changed, ITEMS)
        # And what it says beside, such as the outer of two new keys, but nothing that it said before.
        assert not [other for other in untested(changed, ITEMS) if not item.startswith(other)]


@pytest.mark.parametrize(
    "text",
    [
        "Some words about `something`.",
        "**A list**: with `an = equation`",
        "**`null` and `missing`.** no reasons at all",
    ],
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(UnreadableError):
        items(text)


def test_a_reading_that_the_page_has_no_word_for_is_noticed() -> None:
    with pytest.raises(UnreadableError, match="Kind/name"):
        items(CONTRACT.replace("`Kind/name`", "a kind and a name"))


# --- the contract and the code's declarations -------------------------------------------------------------------------


def of_kind(kind: str) -> set[str]:
    return {item.partition(":")[2] for item in ITEMS if item.startswith(f"{kind}:")}


def test_the_application_has_the_contracts_routes_and_no_others(app: Flask) -> None:
    assert {rule.rule for rule in app.url_map.iter_rules()} == of_kind("route")


def test_the_routes_take_the_contracts_parameters_and_no_others(app: Flask) -> None:
    declared = {parameter.name for view in app.view_functions.values() for parameter in endpoint_of(view).parameters}
    assert declared == {name for name in of_kind("parameter") if "=" not in name}


def test_the_errors_have_the_contracts_statuses_and_no_others() -> None:
    assert {str(int(problem.status)) for problem in PROBLEMS.values()} | {"405"} == of_kind("status")


def test_the_reasons_are_the_contracts() -> None:
    assert set(REASONS) == of_kind("reason")


def test_the_signals_are_the_contracts() -> None:
    signals = {signal.key for kind in KINDS for signal in Catalogue.load().of_kind(kind)}
    documented = {name.removeprefix("entity.usage.") for name in of_kind("field") if name.startswith("entity.usage.")}
    assert signals == documented


# --- the examples' keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": {"c": [null, …], "d"?: "x, {y}"}}', [("a",), ("b",), ("b", "c"), ("b", "d")]),
        ('{"a", "b"?, "c": N}', [("a",), ("b",), ("c",)]),
        ('{"a": [{"b": "…"}, {"b": "c"}]}', [("a",), ("a", "b")]),
    ],
)
def test_keys(text: str, expected: list[tuple[str, ...]]) -> None:
    assert keys(text) == expected


@pytest.mark.parametrize("text", ['{"a": [}', '{"a": 1', "}", "[1, 2]"])
def test_brackets_that_do_not_match(text: str) -> None:
    with pytest.raises(ValueError, match=r"clos|no key"):
        keys(text)


# --- claims are held to what happened ---------------------------------------------------------------------------------

POD = '{"name": "a", "usage": {"cpu_cores": 1, "x": null}, "missing": {"x": "no_samples"}}'
SEEN = Exchange("/api/pods/<pod>", (("namespace", "default"), ("window", "15m")), body=POD)
LIST = replace(SEEN, route="/api/pods", body=f'{{"items": [{POD}], "total": 1}}')
REFUSED = replace(SEEN, status=400, media="application/problem+json", body='{"detail": "namespace: no"}')
CSV = replace(SEEN, media="text/csv", body="name,usage.cpu_cores,missing.x\na,1,\n")


@pytest.mark.parametrize(
    ("claim", "exchange", "holds"),
    [
        ("route:/api/pods/<pod>", SEEN, True),
        ("route:/api/pods/<pod>", LIST, False),
        ("route:/api/pods/<pod>", REFUSED, False),
        ("parameter:namespace", SEEN, True),
        ("parameter:namespace", REFUSED, False),
        ("parameter:node", SEEN, False),
        ("parameter:window=15m", SEEN, True),
        ("parameter:window=6h", SEEN, False),
        ("parameter:workload=Kind/name", replace(SEEN, arguments=(("workload", "Job/a"),)), True),
        ("parameter:workload=Kind/name", replace(SEEN, arguments=(("workload", "a"),)), False),
        ("field:entity.usage.cpu_cores", SEEN, True),
        ("field:entity.usage.cpu_cores", LIST, True),
        ("field:entity.usage.x", SEEN, False),
        ("field:entity.usage.cpu_cores", replace(SEEN, route="/api/pods/<pod>/timeseries"), False),
        ("field:list.total", LIST, True),
        ("field:list.total", SEEN, False),
        ("field:problem.detail", REFUSED, True),
        ("field:entity.detail", REFUSED, False),
        ("field:entity.usage.cpu_cores", CSV, False),
        ("column:usage.cpu_cores", CSV, True),
        ("column:missing", CSV, True),
        ("column:value", CSV, False),
        ("column:name", SEEN, False),
        ("reason:no_samples", SEEN, True),
        ("reason:no_samples", LIST, True),
        ("reason:no_limit", LIST, False),
        ("reason:no_samples", replace(SEEN, body="[]"), False),
        ("status:400", REFUSED, True),
        ("status:400", SEEN, False),
        ("header:ETag", replace(SEEN, headers={"ETag": '"a"'}), True),
        ("header:ETag", replace(SEEN, request_headers={"ETag": '"a"'}), False),
        ("header:Cache-Control=no-cache", replace(SEEN, request_headers={"Cache-Control": "no-cache"}), True),
        ("header:Cache-Control=no-cache", SEEN, False),
        ("header:Accept", replace(SEEN, request_headers={"Accept": "text/html"}), True),
        ("media:application/problem+json", REFUSED, True),
        ("media:application/problem+json", SEEN, False),
        ("setting:MAX_DATA_POINTS", SEEN, False),
        ("setting:MAX_DATA_POINTS", replace(SEEN, settings=Settings.from_environment({})), False),
        ("setting:MAX_DATA_POINTS",
         replace(SEEN, settings=Settings.from_environment({"MAX_DATA_POINTS": "50"})), True),
    ],
)  # fmt: skip
def test_a_claim_holds_only_where_an_answer_bears_it_out(claim: str, exchange: Exchange, *, holds: bool) -> None:
    assert unproven([claim], [exchange]) == ([] if holds else [claim])
    assert unproven([claim], []) == [claim]
