"""Orders, pages and the paths between them, of any data."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facade.listing import Filters, Here, Listing, Place
from facade.params.kinds import Ordering, Workload
from facade.params.lists import list_parameters
from facade.params.parsing import Values, parse_query
from facade.params.shared import CLUSTER
from promql.catalogue import KINDS, Kind

Item = tuple[Place, float | None]
NAMES: Final = st.text("ab-", max_size=3)
VALUES: Final = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.0]), st.floats(allow_nan=False))
ITEMS: Final = st.lists(
    st.tuples(st.tuples(NAMES, NAMES, st.sampled_from(["", "east"]), NAMES), VALUES),
    unique_by=lambda item: item[0],
    max_size=30,
)
ORDERINGS: Final = st.builds(Ordering, st.sampled_from(["name", "namespace", "cpu_cores"]), st.booleans())


def place(item: Item) -> Place:
    return item[0]


def value(item: Item) -> float | None:
    return item[1]


def listed(listing: Listing, items: list[Item]) -> list[Item]:
    return listing.page(listing.in_order(items, place, value))


@given(ITEMS, ORDERINGS, st.integers(1, 12), st.randoms(use_true_random=False))
def test_who_pages_sees_each_once_and_in_order(items: list[Item], sort: Ordering, limit: int, random: Random) -> None:
    whole = listed(Listing(sort=sort), items)
    assert sorted(whole, key=place) == sorted(items, key=place)
    seen: list[Item] = []
    following: str | None = "/api/pods?offset=0"
    while following is not None:
        offset = int(dict(parse_qsl(urlsplit(following).query))["offset"])
        listing = Listing(sort=sort, limit=limit, offset=offset, here=Here("/api/pods"))
        # Prometheus gives rows in any order.
        random.shuffle(items)
        page = listed(listing, items)
        seen += page
        following = listing.next(len(items))
        assert (following is None) == (len(seen) == len(items))
    assert seen == whole


@given(ITEMS, st.booleans())
def test_what_is_missing_comes_last_in_both_directions_and_ties_go_by_place(
    items: list[Item], descending: bool
) -> None:
    ordered = listed(Listing(sort=Ordering("cpu_cores", descending)), items)
    values = [item[1] for item in ordered]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=descending)
    for one, other in pairwise(ordered):
        assert one[1] != other[1] or one[0] < other[0]


@given(ITEMS, st.booleans())
def test_the_default_is_by_name_then_namespace(items: list[Item], descending: bool) -> None:
    def by_name(item: Item) -> tuple[str, ...]:
        namespace, name, cluster, uid = item[0]
        return name, namespace, cluster, uid

    assert listed(Listing(), items) == sorted(items, key=by_name)
    ordered = listed(Listing(sort=Ordering("namespace", descending)), items)
    assert [item[0][0] for item in ordered] == sorted((item[0][0] for item in items), reverse=descending)
    for one, other in pairwise(ordered):
        assert one[0][0] != other[0][0] or one[0] < other[0]


@given(
    st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=5, unique_by=lambda pair: pair[0]),
    st.text("/abä %?#", max_size=8),
    st.integers(0, 10**7),
)
def test_the_path_of_another_page_has_every_other_parameter(
    arguments: list[tuple[str, str]], path: str, offset: int
) -> None:
    given_ = [*arguments[:1], ("offset", "7"), *arguments[1:]]
    following = Here(f"/api/{path}", tuple(given_)).at(offset)
    assert following.isascii()
    before, _, query = following.partition("?")
    assert unquote(before) == f"/api/{path}"
    kept = [pair for pair in arguments if pair[0] != "offset"]
    assert parse_qsl(query, keep_blank_values=True) == [*kept, ("offset", str(offset))]


@pytest.mark.parametrize(
    ("limit", "offset", "total", "following"),
    [(None, 0, 9, None), (None, 5, 9, None), (3, 0, 3, None), (3, 0, 2, None), (3, 9, 9, None),
     (3, 0, 4, "/x?offset=3"), (3, 3, 7, "/x?offset=6")],
)  # fmt: skip
def test_where_a_following_page_is(limit: int | None, offset: int, total: int, following: str | None) -> None:
    assert Listing(limit=limit, offset=offset, here=Here("/x")).next(total) == following


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_request_asks_of_a_list(kind: Kind) -> None:
    def values(*arguments: tuple[str, str]) -> Values:
        return parse_query(arguments, (CLUSTER, *list_parameters(kind)))

    here = Here("/x")
    assert Listing.of(kind, values(), here) == Listing(here=here)
    given_ = values(("cluster", "east"), ("name", "web"), ("sort", "-cpu_cores"), ("limit", "3"), ("offset", "6"),
                    ("metrics", "cpu_cores"))  # fmt: skip
    assert Listing.of(kind, given_, here) == Listing(
        Filters(cluster="east", name="web"), Ordering("cpu_cores", descending=True), 3, 6, ("cpu_cores",), here
    )


def test_the_filters_of_pods() -> None:
    arguments = [("namespace", "shop"), ("node", "n1"), ("workload", "Deployment/web"), ("phase", "Running")]
    filters = Listing.of("pod", parse_query(arguments, list_parameters("pod")), Here()).filters
    assert filters == Filters(namespace="shop", node="n1", workload=Workload("web", "Deployment"), phase="Running")
    assert filters.lets_name("anything")
    assert Filters(name="b-1").lets_name("web-1")
    assert not Filters(name="b-2").lets_name("web-1")
