"""Waiting for a condition of the cluster, which is asked again and again, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

_ASK_AGAIN_AFTER_SECONDS: Final = 1.0


class NotInTime(Exception):
    """A condition did not come true before its deadline; says which, and what was seen last."""


def wait_for(
    what: str,
    condition: Callable[[], T | None],
    deadline_seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """The first true answer of ``condition``. Raises NotInTime, which names ``what``."""
    deadline = clock() + deadline_seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if clock() >= deadline:
            raise NotInTime(f"not within {deadline_seconds:g} s: {what}")
        pause(_ASK_AGAIN_AFTER_SECONDS)
