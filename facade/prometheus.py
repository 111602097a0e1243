"""A typed client of the Prometheus HTTP API: instant and range queries, each within one deadline.

The API: https://prometheus.io/docs/prometheus/latest/querying/api/. Whatever goes wrong is one of the UpstreamErrors of
``facade.errors``; nothing else is raised. What carries the bytes is a ``Transport``; ``facade.transport`` has the real
one.
"""

from __future__ import annotations

import threading
import time as monotonic_time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Final, Protocol, Self, TypeVar

from facade import asked, dialect, engines
from facade.answer import Answer, Sample, Series, decode_evaluation_time, decode_samples, decode_series
from facade.asked import Entry, Instant, Number, Question, Range
from facade.clock import ServerClock
from facade.config import Settings
from facade.errors import UpstreamError
from facade.pairs import run_in_pairs
from facade.transport import Form, HttpTransport, Response, Transport

__all__ = ["Answer", "PrometheusClient", "QueryObserver", "Response", "Sample", "Series", "Transport"]

T = TypeVar("T")
R = TypeVar("R")
CHECK_SECONDS: Final = 3.0
_CONSTANT: Final = "1"
_INSTANT_PATH: Final = "/api/v1/query"
_RANGE_PATH: Final = "/api/v1/query_range"


class QueryObserver(Protocol):
    """Hears of every query when it has ended: its seconds, and the error it ended in, if any."""

    def __call__(self, seconds: float, error: UpstreamError | None) -> None: ...


class PrometheusClient:
    """Asks Prometheus, in the dialect of the settings. One per process; safe to use from any number of threads.

    ``transport`` and ``clock`` (monotonic, in seconds) may be replaced. ``helpers`` bounds the threads that the
    gathering methods may use beside those of their callers. Close it, or use it as a context manager, to end its
    threads and connections.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Transport | None = None,
        clock: Callable[[], float] = monotonic_time.monotonic,
        helpers: int = 16,
    ) -> None:
        self._translate = dialect.translate(settings)
        self._timeout_seconds = settings.prometheus_timeout_seconds
        self._parameters = settings.prometheus_parameters
        self._transport = transport or HttpTransport(
            settings.prometheus_url, settings.prometheus_headers, connections=settings.threads + helpers
        )
        self._clock = clock
        self._server_clock = ServerClock(self._read_server_time, clock)
        self._helpers = ThreadPoolExecutor(helpers, thread_name_prefix="prometheus")
        self._observers: list[QueryObserver] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads (what runs in them is waited for) and the connections."""
        self._helpers.shutdown()
        self._transport.close()

    def observe(self, observer: QueryObserver) -> None:
        """Let ``observer`` hear of every query from now on, those of the clock included."""
        self._observers.append(observer)

    def now(self) -> float:
        """Prometheus's time, in Unix seconds; see ``facade.clock``. Raises an UpstreamError when it cannot be asked.

        It costs a query once a minute at most, which no recorder has as a question.
        """
        return self._server_clock.now()

    def now_at_hand(self) -> float | None:
        """``now`` as far as it is known without asking; None where Prometheus was never asked."""
        return self._server_clock.at_hand()

    def check(self) -> None:
        """Ask for a constant, which no recorder has as a question. Raises an UpstreamError when there is no answer.

        The deadline is ``CHECK_SECONDS`` where the usual one is longer: who asks for a constant and waits longer than
        that need not wait on to know how things stand.
        """
        self._ask_for_constant(min(CHECK_SECONDS, self._timeout_seconds))

    def instant(self, query: str, time: Number) -> Answer[Sample]:
        """The query's value at ``time`` (Unix seconds): one Sample a series, or one without labels for a scalar."""
        return self._instant(asked.note(Instant(self._translate(query), time)))

    def range(self, query: str, start: Number, end: Number, step: Number) -> Answer[Series]:
        """The query's values at ``start``, ``start + step`` … ``end`` (Unix seconds): one Series each.

        A series has points only where it has a value; times are as Prometheus gives them.
        """
        return self._range(asked.note(Range(self._translate(query), start, end, step)))

    def gather(self, queries: Sequence[str], time: Number) -> list[Answer[Sample]]:
        """``instant`` of each query, two at a time; the answers in the queries' order. The first failure is raised."""
        return run_in_pairs(self._helpers, self._instant, self._note_all(queries, time))

    def gather_then(
        self, queries: tuple[str, str], time: Number, follow: Callable[[Answer[Sample]], R]
    ) -> tuple[R, Answer[Sample]]:
        """``instant`` of both queries at once, the first followed by what is made of its answer; the first failure is
        raised, also one of ``follow``.
        """
        first, second = self._note_all(queries, time)
        followed: list[R] = []

        def ask(entry: Entry) -> Answer[Sample]:
            answer = self._instant(entry)
            if entry is first:
                followed.append(follow(answer))
            return answer

        answers = run_in_pairs(self._helpers, ask, (first, second))
        return followed[0], answers[1]

    def gather_ranges(self, queries: Sequence[str], start: Number, end: Number, step: Number) -> list[Answer[Series]]:
        """``range`` of each query, two at a time; the answers in the queries' order. The first failure is raised."""
        entries = _note_all(Range(self._translate(query), start, end, step) for query in queries)
        return run_in_pairs(self._helpers, self._range, entries)

    def gather_each(self, queries: Sequence[str], time: Number, merge: Callable[[int, Answer[Sample]], None]) -> None:
        """``instant`` of each query, two at a time; ``merge(index, answer)`` as each comes, one call at a time.

        For answers too large to be held all at once: what ``merge`` does not keep is freed when it returns. Its calls
        come in any order and from two threads. The first failure, also one of ``merge``, is raised.
        """
        merging = threading.Lock()

        def ask_and_merge(numbered: tuple[int, Entry]) -> None:
            index, entry = numbered
            answer = self._instant(entry)
            with merging:
                merge(index, answer)

        run_in_pairs(self._helpers, ask_and_merge, list(enumerate(self._note_all(queries, time))))

    def _note_all(self, queries: Sequence[str], time: Number) -> list[Entry]:
        return _note_all(Instant(self._translate(query), time) for query in queries)

    def _instant(self, entry: Entry) -> Answer[Sample]:
        return self._ask(entry, _INSTANT_PATH, decode_samples)

    def _range(self, entry: Entry) -> Answer[Series]:
        return self._ask(entry, _RANGE_PATH, decode_series)

    def _ask(self, entry: Entry, path: str, decode: Callable[[Response], Answer[T]]) -> Answer[T]:
        started = self._clock()
        try:
            answer = self._exchange(path, _form(entry.question), decode, self._timeout_seconds)
        finally:
            entry.seconds = self._clock() - started
        entry.warnings, entry.infos, entry.partial = answer.warnings, answer.infos, answer.partial
        return answer

    def _exchange(self, path: str, form: Form, decode: Callable[[Response], T], deadline_seconds: float) -> T:
        """One exchange within the deadline, which Prometheus is told of too; the observers hear how it ended."""
        started = self._clock()
        failure: UpstreamError | None = None
        try:
            timeout = {"timeout": _decimal(deadline_seconds)}
            return decode(self._transport.post(path, {**self._parameters, **form, **timeout}, deadline_seconds))
        except UpstreamError as error:
            failure = error
            raise
        finally:
            for observer in self._observers:
                observer(self._clock() - started, failure)

    def _read_server_time(self) -> float:
        return self._ask_for_constant(self._timeout_seconds)

    def _ask_for_constant(self, deadline_seconds: float) -> float:
        """What it takes is upstream time of the request, though no question of it."""
        started = self._clock()
        try:
            return self._exchange(_INSTANT_PATH, {"query": _CONSTANT}, _server_time, deadline_seconds)
        finally:
            asked.spend(self._clock() - started)


def _note_all(questions: Iterable[Question]) -> list[Entry]:
    """Note all of them before the first is asked, so that the recorder has them in their order."""
    return [asked.note(question) for question in questions]


def _form(question: Question) -> dict[str, str]:
    """The parameters of ``/api/v1/query`` or ``/api/v1/query_range``."""
    if isinstance(question, Instant):
        return {"query": question.query, "lookback_delta": engines.LOOKBACK, "time": _decimal(question.time)}
    return {
        "query": question.query,
        "lookback_delta": engines.LOOKBACK,
        "start": _decimal(question.start),
        "end": _decimal(question.end),
        "step": _decimal(question.step),
    }


def _decimal(seconds: Number) -> str:
    """Seconds to the millisecond, which is Prometheus's resolution, and no more digits than they need."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _server_time(response: Response) -> float:
    """The Date of an answer, in Unix seconds; the time of its evaluation where a proxy dropped that header."""
    evaluated_at = decode_evaluation_time(response)
    try:
        return parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return float(int(evaluated_at))
