"""The queries that find a page of pods, and what lists ask of it."""

from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql import names
from promql.catalogue import Catalogue
from promql.pages import PageQueries, matching, narrowed, whole_names
from promql.queries import EVERY_POD_FACT, Queries, identifying
from promql.selectors import Matcher, equal
from promql.windows import Windows
from tests.golden import check_golden

CATALOGUE = Catalogue.load()
SIGNALS = CATALOGUE.signals
QUERIES = Queries(CATALOGUE, Windows())
PAGES = PageQueries(QUERIES)
SHOP = equal(cluster="east", namespace="shop")
CPU, THROTTLED = SIGNALS["cpu_cores"], SIGNALS["cpu_throttled_ratio"]


def test_golden_pages() -> None:
    queries = [
        PAGES.top(SHOP, CPU, 101, descending=True),
        PAGES.name_counts(SHOP),
        PAGES.present((*SHOP, *matching(["u1", "u2"], "uid", 2))),
        *PAGES.order(SHOP, THROTTLED, "Running"),
        *PAGES.order(SHOP, CPU, None)[1:],
        *PAGES.order(SHOP, "restarts", None)[1:],
        *PAGES.order(SHOP, "started", None)[1:],
        PAGES.namesakes((*SHOP, *equal(node="n1")), ["web-1", "web-0"], 2),
        QUERIES.pods(SHOP, [CPU, THROTTLED], identifying([CPU, THROTTLED])),
        *QUERIES.pods_in_parts(SHOP, [CPU], identifying([CPU])),
        QUERIES.nodes(equal(cluster="east"), [CPU], brief=True),
        QUERIES.totals("namespace", SHOP, [CPU]),
        QUERIES.totals("deployment", SHOP, [THROTTLED]),
        *(QUERIES.owner(kind, SHOP) for kind in ("node", "namespace", "deployment")),
    ]
    check_golden("promql/pages.promql", "\n\n".join(queries) + "\n")


def test_an_order_by_names_asks_no_more_than_who_there_is() -> None:
    assert len(PAGES.order(SHOP, "name", None)) == 1
    assert len(PAGES.order(SHOP, "namespace", "Running")) == 2


def test_the_least_are_asked_for_too() -> None:
    assert PAGES.top((), CPU, 3, descending=False) == "bottomk(3, cloudmon_pod_cpu_usage_cores)"


@pytest.mark.parametrize(
    ("labels", "narrow"),
    [({}, False), ({"cluster": "c", "namespace": "n"}, False), ({"node": "n"}, True), ({"workload": "w"}, True),
     ({"workload_kind": "Job"}, True)],
)  # fmt: skip
def test_what_may_keep_namesakes_apart(labels: dict[str, str], narrow: bool) -> None:
    selector = equal(**labels)
    assert narrowed(selector) is narrow
    assert whole_names(selector) == equal(**{k: v for k, v in labels.items() if k in ("cluster", "namespace")})


def test_more_than_can_be_asked_for_by_name_are_not() -> None:
    assert matching(["a", "b.c"], "pod", 2) == (Matcher("pod", "=~", r"a|b\.c"),)
    assert matching(["a", "b", "c"], "pod", 2) == ()


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5))
def test_whatever_names_the_store_has_queries_keep_their_structure(values: list[str]) -> None:
    selector = matching(values, "uid", 5)
    for query in (PAGES.namesakes((), values, 5), PAGES.present(selector), QUERIES.pods(selector, [CPU])):
        promql_parser.parse(query)


@given(st.text(), st.text())
def test_whatever_filters_say_queries_keep_their_structure(namespace: str, node: str) -> None:
    selector = equal(namespace=namespace, node=node)
    queries = [PAGES.top(selector, CPU, 3, descending=True), PAGES.name_counts(selector)]
    for query in (*queries, *PAGES.order(selector, THROTTLED, "Running"), PAGES.namesakes(selector, ["a"], 1)):
        parsed = promql_parser.parse(query)
        assert isinstance(parsed, promql_parser.AggregateExpr | promql_parser.BinaryExpr | promql_parser.Call)


def test_what_identifies_pods() -> None:
    limit = names.POD_CPU_LIMIT_CORES
    assert limit in identifying([THROTTLED]).gauges
    brief = identifying([CPU])
    assert set(brief.gauges) == {names.POD_INFO, names.POD_PHASE, names.POD_READY}
    assert (brief.restarts, brief.last_oom_kill) == (False, False)
    assert set(brief.gauges) < set(EVERY_POD_FACT.gauges)


def test_the_totals_of_one_signal_have_what_its_coverage_and_reasons_are_made_of() -> None:
    cpu, throttled = (QUERIES.totals("namespace", (), [signal]) for signal in (CPU, THROTTLED))
    for what in ("cloudmon_pod_cpu_usage_cores:sum", "cloudmon_pod_cpu_usage_cores:count", "cloudmon_pods:count",
                 "cloudmon_pods_expected:count", "cloudmon_namespace_info"):  # fmt: skip
        assert what in cpu, what
    assert "cloudmon_pod_cpu_limit_cores:count" in throttled
    assert "memory" not in cpu + throttled
    assert QUERIES.totals("namespace", ()) == QUERIES.namespaces(())
    assert QUERIES.totals("deployment", ()) == QUERIES.deployments(())
