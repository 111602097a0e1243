from __future__ import annotations

from collections.abc import Iterator

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql.catalogue import KINDS, Catalogue
from promql.queries import Queries
from promql.selectors import Matcher, Selector, braces, equal, escape, one_of, select
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows

CATALOGUE = Catalogue.load()
QUERIES = Queries(CATALOGUE, Windows())
SERIES = TimeseriesQueries(CATALOGUE, Windows())
# Everything that could end a string, a matcher or a query, and what is odd in Unicode.
TEXT = st.one_of(
    st.text(),
    st.text(alphabet="\"\\{}=~,()[]`'#\n\r\t\0 or unless x"),
    st.sampled_from(['"} or vector(1) #', "\\", "${x}"]),
)


def every_query(selector: Selector) -> list[str]:
    pods, nodes = CATALOGUE.of_kind("pod"), CATALOGUE.of_kind("node")
    totals = CATALOGUE.of_kind("namespace")
    return [
        QUERIES.pods(selector, pods, oom_kills=True),
        *QUERIES.pods_in_parts(selector, pods),
        QUERIES.nodes(selector, nodes),
        QUERIES.namespaces(selector),
        QUERIES.deployments(selector),
        *(QUERIES.exists(kind, selector) for kind in ("node", "namespace", "deployment")),
        QUERIES.homes(selector, ("cluster", "namespace")),
        QUERIES.last_seen(["cloudmon_pod_info", "cloudmon_pod_ready"], selector),
        SERIES.points("pod", selector, pods, 60),
        SERIES.points("pod", selector, pods, 60, "last", joined=True),
        SERIES.points("node", selector, nodes, 60, "max"),
        SERIES.points("namespace", selector, totals, 60),
        SERIES.points("deployment", selector, totals, 600, "min", coarse=True),
        SERIES.points_of_kind("deployment", selector, totals[0], 600, coarse=True),
        *(query for joined in (False, True) for query in SERIES.statistics("pod", selector, pods, 3600, joined=joined)),
        *SERIES.statistics("namespace", selector, totals, 3600),
        *(query(kind, selector, 3600) for kind in KINDS for query in (SERIES.evidence, SERIES.known)),
        SERIES.known("pod", selector, 3600, equal(node="n1"), "Running"),
    ]


PLAIN = [promql_parser.parse(query) for query in every_query(equal(namespace="plain", pod="plain"))]


def selectors_of(node: object) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector"):
        child = getattr(node, name, None)
        for part in child if isinstance(child, list) else [child]:
            if part is not None:
                yield from selectors_of(part)


def structure(expr: object) -> list[tuple[str | None, list[tuple[str, str, str]]]]:
    """Each vector selector of the query, in order, with the values of user text taken out."""
    return [
        (s.name, [(m.name, str(m.op), "" if m.name in ("namespace", "pod") else m.value) for m in s.matchers.matchers])
        for s in selectors_of(expr)
    ]


@given(TEXT, TEXT)
def test_no_name_changes_the_structure_of_a_query(namespace: str, pod: str) -> None:
    for query, plain in zip(every_query(equal(namespace=namespace, pod=pod)), PLAIN, strict=True):
        parsed = promql_parser.parse(query)
        assert type(parsed) is type(plain)
        assert structure(parsed) == structure(plain)
        for selector in selectors_of(parsed):
            given_values = {m.name: m.value for m in selector.matchers.matchers if m.name in ("namespace", "pod")}
            assert given_values.get("pod", clean(pod)) == clean(pod)
            assert given_values.get("namespace", clean(namespace)) == clean(namespace)


def clean(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def test_structure_sees_a_difference() -> None:
    assert structure(promql_parser.parse('x{pod="a"}')) != structure(promql_parser.parse('x{pod="a", node="b"}'))
    assert structure(promql_parser.parse('x{pod="a"}')) != structure(promql_parser.parse('x{pod="a"} or y'))
    assert structure(promql_parser.parse('rate(x{pod="a"}[1m])')) == structure(
        promql_parser.parse('rate(x{pod="b"}[1m])')
    )


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_an_alternation_means_its_values(values: list[str]) -> None:
    (selector,) = selectors_of(promql_parser.parse(select("x", (one_of("uid", values),))))
    (matcher,) = selector.matchers.matchers
    assert matcher.value == "|".join(matcher_text(clean(value)) for value in values)


def matcher_text(value: str) -> str:
    return "".join(f"\\{c}" if c in "\\.+*?()|[]{}^$" else c for c in value)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("é", "é"), ("\0", "\\x00"), ("\ud800", "���")],
)
def test_escape(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_rendering() -> None:
    assert braces() == ""
    assert equal(namespace=None, pod="a") == (Matcher("pod", "=", "a"),)
    assert select("up", equal(job="x", node="y")) == 'up{job="x", node="y"}'
    assert select(["a", "b"]) == '{__name__=~"a|b"}'


@pytest.mark.parametrize(("label", "operator"), [("a-b", "="), ("", "="), ("a", "=="), ("a\n", "=")])
def test_only_matchers_are_matchers(label: str, operator: str) -> None:
    with pytest.raises(ValueError, match="not a label matcher"):
        Matcher(label, operator, "x")
