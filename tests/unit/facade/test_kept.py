"""Answers made once and kept: for whom, for how long, and how much of them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from facade.errors import UpstreamTimeoutError
from facade.kept import KeptAnswers, Written

KEY = ("/api/pods", "", "application/json")
OTHER = ("/api/nodes", "", "application/json")


def written(body: bytes = b"{}", content_type: str = "application/json") -> Written:
    return Written(body, content_type, "tag")


def made(kept: KeptAnswers, now: float, make: Callable[[], Written] = written) -> Written:
    assert kept.join(KEY, now) is None
    return kept.make(KEY, now, make)


@pytest.mark.parametrize(
    ("interval", "made_at", "asked_at", "there"),
    [
        (15, 1500.0, 1500.0, True),
        (15, 1500.0, 1514.999, True),
        (15, 1500.0, 1515.0, False),
        (15, 1514.0, 1515.0, False),
        (15, 1514.0, 1499.0, False),
        (0.5, 1500.2, 1500.4, True),
        (0.5, 1500.2, 1500.5, False),
    ],
)
def test_an_answer_is_kept_to_the_end_of_its_interval(
    interval: float, made_at: float, asked_at: float, there: bool
) -> None:
    kept = KeptAnswers(interval)
    answer = made(kept, made_at)
    assert kept.get(KEY, asked_at) is (answer if there else None)
    assert kept.get(OTHER, asked_at) is None
    assert answer.made_at == made_at


def test_who_asks_while_it_is_made_waits_and_gets_the_same() -> None:
    kept, begun, go_on = KeptAnswers(15), threading.Event(), threading.Event()
    calls = []

    def slow() -> Written:
        calls.append(1)
        begun.set()
        assert go_on.wait(10)
        return written()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(made, kept, 1500.0, slow)
        try:
            assert begun.wait(10)
            others = [kept.join(KEY, 1501.0) for _ in range(3)]
            # In the next interval it is too old to wait for.
            assert kept.join(KEY, 1515.0) is None
        finally:
            go_on.set()
        answer = first.result(10)
    assert all(other is not None and other.result(10) is answer for other in others)
    assert (kept.get(KEY, 1501.0), len(calls)) == (answer, 1)


def test_who_looked_before_it_was_kept_and_joins_after_gets_it_too() -> None:
    kept = KeptAnswers(15)
    answer = made(kept, 1500.0)
    late = kept.join(KEY, 1500.0)
    assert late is not None
    assert late.result(0) is answer


def test_an_error_is_shared_with_those_who_wait_and_kept_for_nobody() -> None:
    kept = KeptAnswers(15)
    assert kept.join(KEY, 1500.0) is None
    waiting = kept.join(KEY, 1500.0)
    assert waiting is not None

    def fail() -> Written:
        raise UpstreamTimeoutError("late")

    with pytest.raises(UpstreamTimeoutError):
        kept.make(KEY, 1500.0, fail)
    with pytest.raises(UpstreamTimeoutError):
        waiting.result(0)
    assert kept.get(KEY, 1500.0) is None
    assert made(kept, 1500.0) is kept.get(KEY, 1500.0)


def test_what_is_made_anew_takes_the_place_of_what_is_kept() -> None:
    kept = KeptAnswers(15)
    made(kept, 1500.0)
    anew = kept.make_anew(KEY, 1507.0, lambda: written(b"new"))
    assert kept.get(KEY, 1508.0) is anew
    assert anew.made_at == 1507.0


def test_the_first_in_make_room() -> None:
    kept = KeptAnswers(15, most_bytes=2500)
    answers = [kept.make_anew((name, "", ""), 1500.0, lambda: written(b"x" * 1000)) for name in ("a", "b", "c")]
    assert [kept.get((name, "", ""), 1500.0) for name in ("a", "b", "c")] == [None, *answers[1:]]
    kept.make_anew(("d", "", ""), 1500.0, lambda: written(b"x" * 3000))
    assert [kept.get((name, "", ""), 1500.0) for name in ("b", "c", "d")] == [None, None, None]
    # What was forgotten is counted no more.
    again = kept.make_anew(("a", "", ""), 1500.0, lambda: written(b"x" * 2000))
    assert kept.get(("a", "", ""), 1500.0) is again


def test_a_new_interval_forgets_the_old_one() -> None:
    kept = KeptAnswers(15, most_bytes=2500)
    kept.make_anew(KEY, 1500.0, lambda: written(b"x" * 2000))
    kept.make_anew(OTHER, 1515.0, lambda: written(b"x" * 2000))
    assert kept.get(KEY, 1515.0) is None
    assert kept.get(OTHER, 1515.0) is not None
    assert kept.get(KEY, 1500.0) is None


def test_a_body_is_compressed_once() -> None:
    answer = written(b"[1,2,3]" * 1000)
    assert gzip.decompress(answer.compressed()) == answer.body
    assert answer.compressed() is answer.compressed()
