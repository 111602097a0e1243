"""Waiting for a condition that has no event of its own, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

_POLL_SECONDS: Final = 0.05


def wait_until(condition: Callable[[], T | None], deadline_seconds: float, what: str) -> T:
    """The first true answer of ``condition``, asked again and again. Raises ``TimeoutError`` naming ``what``."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {deadline_seconds} s: {what}; last answer {answer!r}")
        time.sleep(_POLL_SECONDS)
