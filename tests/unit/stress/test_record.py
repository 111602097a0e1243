"""The report of a stress test."""

from __future__ import annotations

import io

import pytest

from tests.stress.progress import Progress
from tests.stress.record import Record, percentile


def test_percentiles_are_of_what_was_measured() -> None:
    hundred = [float(value) for value in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.9, 0.99, 1)] == [50, 90, 99, 100]
    assert percentile([7.0], 0.5) == 7


def test_a_row_a_route_and_then_the_errors() -> None:
    record = Record(["/a", "/b", "/c"])
    for milliseconds in (1, 2, 3):
        record.answered("/a", milliseconds)
    record.asked_to_wait("/a")
    record.answered("/b", 4, gone=True)
    record.complained("/b", 8, "status 500, not 200", "GET /b?1")
    record.complained("/b", 6, "status 500, not 200", "GET /b?2")
    assert (record.requests, record.errors, record.failed) == (7, 2, True)
    assert record.report(2).splitlines() == [
        "route  requests  errors  429  p50  p90  p95  p99  max ms  req/s",
        "/a            4       0    1  2.0  3.0  3.0  3.0     3.0    2.0",
        "/b            3       2    0  6.0  8.0  8.0  8.0     8.0    1.5",
        "/c            0       0    0    -    -    -    -       -    0.0",
        "all           7       2    1  3.0  8.0  8.0  8.0     8.0    3.5",
        "",
        "1 times something had gone since it was listed: 404, as it should be.",
        "1 times the facade asked to come back later (429); their times are not in the table.",
        "",
        "Errors:",
        "/b: 2 × status 500, not 200",
        "    first: GET /b?1",
        "/c: never answered; was STRESS_SECONDS too short for it?",
    ]


def test_a_route_that_is_never_answered_fails() -> None:
    silent, answered = Record(["/a"]), Record(["/a"])
    silent.asked_to_wait("/a")
    assert silent.failed
    answered.answered("/a", 1)
    assert not answered.failed
    assert "Errors" not in answered.report(1)


def test_that_the_test_itself_was_slow_is_said() -> None:
    record = Record(["/a"])
    record.answered("/a", 1)
    record.saturated()
    assert record.report(1).endswith(
        "\n\nThis test was short of processor time itself: the facade is faster than it says."
    )
    assert not record.failed


def test_many_kinds_of_error_are_counted_not_listed() -> None:
    record = Record(["/a"])
    for number in range(8):
        record.complained("/a", 1, f"wrong {number}", "GET /a")
    assert "/a: and 3 other kinds of error" in record.report(1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINE = "████████████░░░░░░░░░░░░ 5 of 10 s, 1 requests, 0 errors"


@pytest.mark.parametrize(
    ("output", "first", "second"),
    [(Terminal(), f"\r{LINE}\x1b[K", f"\r{LINE}\x1b[K\r\x1b[K"), (io.StringIO(), f"{LINE}\n", "")],
)
def test_progress_is_one_line_on_a_terminal_and_a_few_in_a_log(output: io.StringIO, first: str, second: str) -> None:
    record = Record(["/a"])
    record.answered("/a", 1)
    progress = Progress(10, record, output)
    progress(5.0)
    assert output.getvalue() == first
    progress(5.2)
    progress.end()
    assert output.getvalue() == first + second
