"""The users: locust's, each sending the next call as soon as its last one is answered.

Importing locust makes the standard library's sockets those of gevent, so this is imported by the stress test's own
process and by nothing else. Sleeping here lets the others go on.
"""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final

from locust import FastHttpUser, constant, task
from locust.env import Environment

from tests.stress.calls import Plan
from tests.stress.checks import Answer, complaint
from tests.stress.entities import Entity, entities_of
from tests.stress.record import Record
from tests.stress.settings import Settings

_LONGEST_WAIT_SECONDS: Final = 5.0
_LOOK_EVERY_SECONDS: Final = 0.2
# More is more than locust recommends, and it warns.
_MOST_BEGUN_A_SECOND: Final = 100


def run(settings: Settings, plan: Plan, record: Record, progress: Callable[[float], None]) -> tuple[float, bool]:
    """Call until the time is over; how long that was (seconds), and whether it was interrupted (SIGINT or SIGTERM).

    ``progress`` is told the seconds since the beginning, some times a second.
    """
    # A call that has begun may take its time; what takes longer is ended.
    environment = Environment(
        user_classes=[_users(settings, plan, record)],
        host=settings.url,
        stop_timeout=settings.timeout + 1,
        catch_exceptions=False,
    )
    # Locust warns when this process is what slows the answers down; the report says so in its place.
    logging.disable(logging.WARNING)
    listen: Callable[[Callable[..., None]], object] = environment.events.cpu_warning.add_listener
    listen(lambda **_: record.saturated())
    runner = environment.create_local_runner()
    signals = _noted_signals()
    started = time.monotonic()
    runner.start(settings.users, spawn_rate=min(settings.users, _MOST_BEGUN_A_SECOND))
    while not signals and (passed := time.monotonic() - started) < settings.seconds:
        progress(passed)
        time.sleep(_LOOK_EVERY_SECONDS)
    if signals:
        environment.stop_timeout = 0.0
    runner.quit()
    return time.monotonic() - started, bool(signals)


def _noted_signals() -> list[int]:
    """What arrives from now on of the signals that end a program. An exception would be raised in whichever user's
    code runs at that moment.
    """
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: signals.append(number))
    return signals


def _users(settings: Settings, plan: Plan, record: Record) -> type[FastHttpUser]:
    class Caller(FastHttpUser):
        network_timeout = settings.timeout
        connection_timeout = settings.timeout
        insecure = False
        wait_time = constant(0)

        @task
        def call(self) -> None:
            request = plan.next()
            template, method = request.call.route.template, request.call.method
            started = time.perf_counter()
            answer = self._ask(request.path, method, request.call.headers)
            milliseconds = (time.perf_counter() - started) * 1000
            example = f"{method} {request.path}"
            if isinstance(answer, str):
                record.complained(template, milliseconds, answer, example)
                return
            wrong = complaint(request, answer)
            if answer.status == 404 and request.wanted and request.entity and not self._listed(request.entity):
                plan.forget(request.entity)
                record.answered(template, milliseconds, gone=True)
            elif wrong is not None:
                record.complained(template, milliseconds, wrong, example)
            elif answer.busy:
                record.asked_to_wait(template)
                time.sleep(min(answer.retry_after_seconds, _LONGEST_WAIT_SECONDS))
            else:
                record.answered(template, milliseconds)

        def _ask(self, path: str, method: str, headers: Mapping[str, str]) -> Answer | str:
            """The answer; in words why there is none."""
            # The client would unpack the body that an answer to HEAD has not.
            plain = {"Accept-Encoding": "identity"} if method == "HEAD" else {}
            response = self.client.request(method, path, headers={**headers, **plain}, allow_redirects=False)
            if not response.status_code:
                error = getattr(response, "error", None)
                return f"no answer: {type(error).__name__}: {error}"
            fields = {name.lower(): text for name, text in (response.headers or {}).items()}
            return Answer(response.status_code, fields, response.content or b"")

        def _listed(self, entity: Entity) -> bool:
            """Whether the facade still lists what it has just not found."""
            answer = self._ask(plan.list_path(entity), "GET", {"Cache-Control": "no-cache"})
            if isinstance(answer, str) or answer.status != 200:
                return True
            found = entities_of(entity.kind, json.loads(answer.body)["items"])
            place = (entity.name, entity.namespace, entity.cluster)
            return any((one.name, one.namespace, one.cluster) == place for one in found)

    return Caller
