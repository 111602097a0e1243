"""How the entities of a page of a whole kind are asked for."""

from __future__ import annotations

from facade.entities.facts import Key
from facade.listing import Filters
from facade.lookup.series_of_kind import page_selector
from promql.selectors import equal, one_of

PODS: dict[Key, set[str]] = {("c", "shop", f"web-{index}"): {f"u{index}"} for index in range(20)}
PAGE = list(PODS)[:2]


def test_few_are_asked_all_together() -> None:
    few = dict(list(PODS.items())[:8])
    assert page_selector("pod", Filters(namespace="shop"), PAGE, few) == equal(namespace="shop")
    assert page_selector("pod", Filters(cluster="c"), PAGE, PODS) == (*equal(cluster="c"), one_of("uid", ["u0", "u1"]))


def test_what_held_at_times_does_not_say_who_else_there_is() -> None:
    few = dict(list(PODS.items())[:2])
    assert page_selector("pod", Filters(node="n1"), PAGE, few) == (one_of("uid", ["u0", "u1"]),)


def test_pods_of_one_name_are_asked_for_by_all_their_uids() -> None:
    known = {**PODS, PAGE[0]: {"old", "new"}}
    assert page_selector("pod", Filters(), PAGE[:1], known) == (one_of("uid", ["new", "old"]),)


def test_others_are_asked_for_by_name() -> None:
    known: dict[Key, set[str]] = {("c", "shop", f"web-{index}"): {""} for index in range(9)}
    page: list[Key] = [("c", "shop", "web-3"), ("c", "infra", "web-3")]
    assert page_selector("deployment", Filters(), page, known) == (one_of("workload", ["web-3"]),)
    assert page_selector("node", Filters(), [("c", "n1")], known) == (one_of("node", ["n1"]),)


def test_most_of_thousands_are_not_named() -> None:
    known: dict[Key, set[str]] = {("c", "shop", f"web-{index}"): {f"u{index}"} for index in range(5000)}
    assert page_selector("pod", Filters(phase="Running"), list(known)[:2501], known) == ()
    (named,) = page_selector("pod", Filters(), list(known)[:1200], known)
    assert named.value.count("|") == 1199
