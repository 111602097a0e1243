"""The dashboards as they are generated and as the chart delivers them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import promql_parser
import pytest

from local.chart import CHART, objects, render
from local.generate.dashboards import dashboard_files, dashboards
from local.generate.dashboards.panels import WINDOWS
from promql import names
from promql.catalogue import Catalogue
from promql.dashboards import PACES, min_step, min_step_seconds
from promql.windows import Windows
from tests.harness.grafana import (
    BUILT_IN,
    Json,
    Target,
    in_full,
    label_values,
    panels,
    referenced,
    targets,
    variables,
)
from tests.helm.grafana_schema import mistakes

FILES = dashboard_files()
DASHBOARDS: dict[str, Json] = {name.removesuffix(".json"): json.loads(text) for name, text in FILES.items()}
BY_UID = {dashboard["uid"]: dashboard for dashboard in DASHBOARDS.values()}
VALUES = {"cluster": "$__all", "node": "n", "namespace": "ns", "workload_kind": "k", "workload": "w", "pod": "p"}
RECORDED = re.compile(r"(workload|namespace|cluster|node):")
LINK_VARIABLE = re.compile(r"&var-(\w+)=\$\{__data\.fields\.(\w+)\}")
MOST_BYTES = 250_000

every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)


def nodes_of(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every part of a parsed expression, and the parts that it is within, outermost first."""
    yield node, above
    for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
        child = getattr(node, name, None)
        if child is not None:
            yield from nodes_of(child, (*above, node))
    for child in getattr(node, "args", ()):
        yield from nodes_of(child, (*above, node))


def parsed(target: Target, dashboard: Json) -> Any:
    return promql_parser.parse(in_full(target, dashboard, VALUES, 3600))


def selectors(target: Target, dashboard: Json) -> Iterator[tuple[promql_parser.VectorSelector, tuple[Any, ...]]]:
    for node, above in nodes_of(parsed(target, dashboard)):
        if isinstance(node, promql_parser.VectorSelector):
            yield node, above


def test_there_are_the_six() -> None:
    assert set(BY_UID) == {f"cloudmon-{name}" for name in DASHBOARDS}
    assert set(DASHBOARDS) == {"overview", "node", "namespace", "workload", "pod", "health"}
    committed = {path.name: path.read_text("utf-8") for path in (CHART / "dashboards").iterdir()}
    assert committed == FILES, "run `make generate`"


@pytest.mark.parametrize("name", dashboards())
def test_it_is_what_grafanas_schema_has(name: str) -> None:
    assert mistakes(DASHBOARDS[name]) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("titel", "x"), ("refresh", 30), ("panels.1.targets.0.expression", "up"), ("panels.1.gridPos.w", "wide"),
     ("panels.1.options.graphMode", "none at all"), ("templating.list.1.sort", 99)],
)  # fmt: skip
def test_a_mistake_against_the_schema_is_found(path: str, value: object) -> None:
    dashboard = json.loads(FILES["overview.json"])
    *parents, last = path.split(".")
    inner: Any = dashboard
    for part in parents:
        inner = inner[int(part)] if isinstance(inner, list) else inner[part]
    inner[last] = value
    assert mistakes(dashboard)


@every_dashboard
def test_panels_say_what_they_show(dashboard: Json) -> None:
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
    titles = [(panel["title"], panel["type"]) for panel in panels(dashboard)]
    assert len(set(titles)) == len(titles)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@every_dashboard
def test_no_panel_lies_on_another(dashboard: Json) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        apart = [
            one[start] + one[size] <= other[start] or other[start] + other[size] <= one[start]
            for start, size in (("x", "w"), ("y", "h"))
        ]
        assert any(apart), (one, other)


@every_dashboard
def test_every_line_of_panels_is_full(dashboard: Json) -> None:
    lines: dict[int, int] = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        lines[place["y"]] = lines.get(place["y"], 0) + place["w"]
    assert set(lines.values()) == {24}


def everything_in(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything_in(inner)


@every_dashboard
def test_no_data_source_is_written_down(dashboard: Json) -> None:
    found = [part["datasource"] for part in everything_in(dashboard) if "datasource" in part]
    assert len(found) > len(panels(dashboard))
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in found)
    (variable,) = [part for part in dashboard["templating"]["list"] if part["type"] == "datasource"]
    assert (variable["name"], variable["query"]) == ("datasource", "prometheus")
    assert all("datasource" in target for panel in panels(dashboard) for target in panel["targets"])


@every_dashboard
def test_every_variable_is_defined_before_it_is_used(dashboard: Json) -> None:
    defined = {"datasource"}
    for name, variable in variables(dashboard).items():
        assert referenced(variable["query"]) <= defined, name
        defined.add(name)
    for target in targets(dashboard):
        assert referenced(target.expr) <= defined | BUILT_IN, target
    used = {name for target in targets(dashboard) for name in referenced(target.expr)}
    assert set(variables(dashboard)) <= used
    cluster = variables(dashboard)["cluster"]
    assert (cluster["allValue"], cluster["current"]["value"]) == (".*", "$__all")


@every_dashboard
def test_links_lead_to_dashboards_with_what_they_ask_for(dashboard: Json) -> None:
    (menu,) = dashboard["links"]
    assert (menu["type"], menu["tags"], menu["keepTime"], menu["includeVars"]) == (
        "dashboards",
        dashboard["tags"],
        True,
        True,
    )
    for panel in panels(dashboard):
        columns = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        for link in links(panel):
            uid, _, query = link["url"].removeprefix("/d/").partition("?")
            given = dict(LINK_VARIABLE.findall(query))
            assert set(given) == set(variables(BY_UID[uid])), panel["title"]
            assert set(given.values()) <= columns, panel["title"]
            assert query.startswith("${datasource:queryparam}&")
            assert query.endswith("&${__url_time_range}")


def links(panel: Json) -> list[Json]:
    return [
        link
        for override in panel["fieldConfig"]["overrides"]
        for option in override["properties"]
        if option["id"] == "links"
        for link in option["value"]
    ]


def test_every_dashboard_can_be_reached_from_a_table() -> None:
    reached = {link["url"].partition("?")[0] for board in DASHBOARDS.values() for panel in panels(board)
               for link in links(panel)}  # fmt: skip
    assert reached == {f"/d/cloudmon-{name}" for name in ("node", "namespace", "workload", "pod")}


@every_dashboard
def test_queries_are_promql_of_known_metrics(dashboard: Json) -> None:
    known = set(names.METRICS)
    for target in targets(dashboard):
        for selector, _ in selectors(target, dashboard):
            assert selector.name is not None
            if selector.name.startswith(names.PREFIX) and not selector.name.startswith("cloudmon_facade_"):
                assert selector.name in known, target
            assert any(matcher.name == "cluster" for matcher in selector.matchers.matchers), target
        assert "vector(" not in target.expr, "a value that is not there is not 0"
    for variable in variables(dashboard).values():
        promql_parser.parse(label_values(variable["query"])[0].replace("$", ""))


@every_dashboard
def test_duplicates_are_removed_before_anything_is_summed(dashboard: Json) -> None:
    for target in targets(dashboard):
        for selector, above in selectors(target, dashboard):
            if selector.name in names.METRICS or RECORDED.match(str(selector.name)):
                aggregates = [node for node in above if isinstance(node, promql_parser.AggregateExpr)]
                assert str(aggregates[-1].op) in {"max", "group"}, target


@every_dashboard
def test_windows_are_as_wide_as_their_source_needs(dashboard: Json) -> None:
    signals = Catalogue.load().signals.values()
    detail = {counter for signal in signals if signal.source == "detail"
              for measure in (signal.pod, signal.node) if measure for counter in measure.counters}  # fmt: skip
    detail.add(names.POD_CPU_THROTTLED_SECONDS.name)
    for target in targets(dashboard):
        for selector, above in selectors(target, dashboard):
            functions = {node.func.name for node in above if isinstance(node, promql_parser.Call)}
            if "rate" in functions:
                source = "detail" if selector.name in detail else "resource"
                assert target.rate_seconds >= WINDOWS.rate_seconds(source) + WINDOWS.scrape_seconds, target
            if "avg_over_time" in functions:
                assert target.min_step_seconds >= WINDOWS.level_seconds(0), target


def test_usage_is_drawn_beside_requests_and_limits() -> None:
    for name in ("overview", "node", "namespace", "workload", "pod"):
        for title in ("CPU", "Memory"):
            (graph,) = [panel for panel in panels(DASHBOARDS[name])
                        if (panel["title"], panel["type"]) == (title, "timeseries")]  # fmt: skip
            assert {"Requests", "Limits"} <= {target["legendFormat"] for target in graph["targets"]}, (name, title)


def config_maps(values: Json) -> dict[str, str]:
    found = [
        item
        for item in objects(render(values))
        if item["kind"] == "ConfigMap" and "-dashboard-" in item["metadata"]["name"]
    ]
    texts: dict[str, str] = {}
    for item in found:
        assert item["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((file, text),) = item["data"].items()
        texts[file.removeprefix("cloud-monitoring-")] = text
    return texts


def test_the_chart_delivers_them_as_they_are() -> None:
    texts = config_maps({})
    assert {name: json.loads(text) for name, text in texts.items()} == {
        name: json.loads(text) for name, text in FILES.items()
    }
    assert all(len(text.encode()) < MOST_BYTES for text in texts.values())


@pytest.mark.parametrize(("scrape", "detail"), [(5, 60), (30, 90), (32, 60), (60, 120)])
def test_the_chart_sets_the_steps_of_its_intervals(scrape: int, detail: int) -> None:
    windows = Windows(scrape_seconds=scrape, detail_seconds=detail)
    steps = {min_step(WINDOWS, pace): min_step(windows, pace) for pace in PACES}
    assert min_step_seconds(windows, "detail") * 4 >= windows.rate_seconds("detail") + scrape
    texts = config_maps({"intervals": {"scrape": scrape, "detail": detail, "storage": 600}})
    for name, text in texts.items():
        delivered, generated = json.loads(text), json.loads(FILES[name])
        for panel in panels(generated):
            for target in panel["targets"]:
                target["interval"] = steps[target["interval"]]
        assert delivered == generated
