from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from facade.pairs import run_in_pairs

VARIABLE: ContextVar[str] = ContextVar("variable", default="outside")


@pytest.fixture
def helpers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_results_come_in_the_arguments_order(helpers: ThreadPoolExecutor) -> None:
    assert run_in_pairs(helpers, lambda number: number * 2, list(range(50))) == list(range(0, 100, 2))
    assert run_in_pairs(helpers, str, []) == []


def test_two_run_at_once_and_never_three() -> None:
    both = threading.Barrier(2)
    running: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        most.append(len(running))
        both.wait(10)  # returns only when two are here
        running.remove(number)

    with ThreadPoolExecutor(8) as pool:
        run_in_pairs(pool, work, list(range(10)))
    assert max(most) == 2


def test_the_caller_goes_on_alone_when_no_helper_is_free() -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(release.wait, 10)
        threads = run_in_pairs(pool, lambda _: threading.current_thread(), [1, 2, 3])
        assert set(threads) == {threading.current_thread()}
        release.set()
        assert busy.result()


def test_a_helper_sees_the_callers_context(helpers: ThreadPoolExecutor) -> None:
    both = threading.Barrier(2)

    def work(_: int) -> tuple[str, threading.Thread]:
        both.wait(10)
        return VARIABLE.get(), threading.current_thread()

    token = VARIABLE.set("inside")
    try:
        results = run_in_pairs(helpers, work, [1, 2])
    finally:
        VARIABLE.reset(token)
    assert [seen for seen, _ in results] == ["inside", "inside"]
    assert len({thread for _, thread in results}) == 2


@pytest.mark.parametrize("failing_in_helper", [True, False])
def test_a_failure_is_raised_when_all_is_over_and_nothing_more_is_begun(
    helpers: ThreadPoolExecutor, failing_in_helper: bool
) -> None:
    both = threading.Barrier(2)
    caller = threading.current_thread()
    begun: list[int] = []
    over: list[int] = []
    failed = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        both.wait(10)
        if (threading.current_thread() is not caller) == failing_in_helper:
            failed.set()
            raise ValueError("no")
        assert failed.wait(10)
        over.append(number)

    with pytest.raises(ValueError, match="no"):
        run_in_pairs(helpers, work, list(range(10)))
    assert len(over) == 1  # the other of the two was waited for
    assert len(begun) in (2, 3)  # at most one that was taken in the same moment


def test_the_pool_can_be_used_again_after_a_failure(helpers: ThreadPoolExecutor) -> None:
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            run_in_pairs(helpers, lambda number: 1 / number, [0, 0, 0])
    assert run_in_pairs(helpers, abs, [-1, -2, -3]) == [1, 2, 3]
