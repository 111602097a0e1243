"""Waiting until services answer."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping

from local.commands import Say
from local.errors import NotAnswering

_POLL_SECONDS = 0.1
_REQUEST_SECONDS = 5.0
# Everything asked is on this machine, whatever proxy the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def named_urls(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=URL`` words as a mapping."""
    return dict(pair.split("=", 1) for pair in pairs)


def answers(url: str) -> str | None:
    """None if ``url`` answers with success, else what it does instead."""
    try:
        with _open(url, timeout=_REQUEST_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"answers {error.code}"
    except (OSError, http.client.HTTPException):
        return "does not answer"


def wait_for(
    urls: Mapping[str, str],
    timeout_seconds: float,
    say: Say,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return once every one of ``urls`` (by the name of its service) answers with success; ``say`` hears of each.

    Raises NotAnswering, which names those that do not, after ``timeout_seconds``.
    """
    started = clock()
    waiting = dict(urls)
    while waiting:
        state = {name: answers(url) for name, url in waiting.items()}
        for name in [name for name, problem in state.items() if problem is None]:
            say(f"{name} answers after {clock() - started:.1f} s")
            del waiting[name]
        if waiting and clock() - started > timeout_seconds:
            late = "; ".join(f"{name} at {waiting[name]} {problem}" for name, problem in state.items() if problem)
            raise NotAnswering(f"after {timeout_seconds:g} s: {late}")
        if waiting:
            pause(_POLL_SECONDS)
