"""Work done two at a time: by the caller, and by one helper beside it when one is free."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from contextvars import copy_context
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")


class _Queue:
    """The numbers of what is left to do, shared by the two who do it."""

    def __init__(self, count: int) -> None:
        self._left = deque(range(count))
        self._lock = threading.Lock()

    def next(self) -> int | None:
        with self._lock:
            return self._left.popleft() if self._left else None

    def close(self) -> None:
        with self._lock:
            self._left.clear()


def run_in_pairs(helpers: Executor, work: Callable[[A], R], arguments: Sequence[A]) -> list[R]:
    """``work`` of each argument, at most two at once; the results in the arguments' order.

    The caller's own thread does its share, so that a batch goes on when every helper is busy, and batches never wait
    for each other. A helper sees the caller's context variables. After a failure nothing more is begun, and it is
    raised when what had begun is over, so that nothing outlives the call; of two at once, the caller's own is raised.
    """
    queue = _Queue(len(arguments))
    results: dict[int, R] = {}

    def drain() -> None:
        try:
            while (index := queue.next()) is not None:
                results[index] = work(arguments[index])
        finally:
            queue.close()

    helper = helpers.submit(copy_context().run, drain) if len(arguments) > 1 else None
    try:
        drain()
    finally:
        if helper is not None and not helper.cancel():
            wait([helper])
    if helper is not None and not helper.cancelled():
        helper.result()
    return [results[index] for index in range(len(arguments))]
