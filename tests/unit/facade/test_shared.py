"""Answers that several processes make once between them. Each ``SharedAnswers`` here stands for one process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facade.errors import UpstreamTimeoutError
from facade.kept import Key, Written
from facade.shared import SharedAnswers

KEY = ("/api/pods", "limit=1", "text/csv")
ANSWER = Written(b"name\r\n\xc3\xbc\n", "text/csv", "tag", (("X-Time", "12:00"), ("Link", "</>")), 1500.25)


def never() -> Written:
    raise AssertionError("made once more")


def test_another_process_reads_what_one_has_made(tmp_path: Path) -> None:
    one, other = SharedAnswers(tmp_path / "answers"), SharedAnswers(tmp_path / "answers")
    assert one.once(KEY, 100, lambda: ANSWER) is ANSWER
    assert other.once(KEY, 100, never) == ANSWER


@pytest.mark.parametrize(("key", "interval"), [(KEY, 101), (("/api/pods", "limit=2", "text/csv"), 100)])
def test_another_request_or_interval_is_another_answer(tmp_path: Path, key: Key, interval: int) -> None:
    one, other = SharedAnswers(tmp_path), SharedAnswers(tmp_path)
    one.once(KEY, 100, lambda: ANSWER)
    mine = Written(b"mine", "text/csv", "other")
    assert other.once(key, interval, lambda: mine) is mine


def test_another_process_waits_for_who_is_making_it(tmp_path: Path) -> None:
    one, other = SharedAnswers(tmp_path), SharedAnswers(tmp_path)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Written:
        begun.set()
        assert go_on.wait(10)
        return ANSWER

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one.once, KEY, 100, slow)
        try:
            assert begun.wait(10)
            second = pool.submit(other.once, KEY, 100, never)
        finally:
            go_on.set()
        assert (first.result(10), second.result(10)) == (ANSWER, ANSWER)


def test_an_error_is_for_the_next_to_try_again(tmp_path: Path) -> None:
    one, other = SharedAnswers(tmp_path), SharedAnswers(tmp_path)

    def fail() -> Written:
        raise UpstreamTimeoutError("late")

    with pytest.raises(UpstreamTimeoutError):
        one.once(KEY, 100, fail)
    assert other.once(KEY, 100, lambda: ANSWER) is ANSWER


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_half_an_answer_is_none(tmp_path: Path, cut: int) -> None:
    SharedAnswers(tmp_path).once(KEY, 100, lambda: ANSWER)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:cut])
    assert SharedAnswers(tmp_path).once(KEY, 100, lambda: ANSWER) is ANSWER
    assert SharedAnswers(tmp_path).once(KEY, 100, never) == ANSWER


def test_no_more_is_written_than_has_room(tmp_path: Path) -> None:
    one = SharedAnswers(tmp_path, most_bytes=len(ANSWER.body), most_files=3)
    other_key = ("/api/nodes", "", "text/csv")
    for key in (KEY, other_key):
        one.once(key, 100, lambda: ANSWER)
    assert sorted(path.stat().st_size > 0 for path in tmp_path.iterdir()) == [False, True]
    for number in range(5):
        one.once((str(number), "", ""), 100, lambda: ANSWER)
    assert len(list(tmp_path.iterdir())) == 3
    # The next interval has room again.
    one.once(other_key, 101, lambda: ANSWER)
    assert SharedAnswers(tmp_path).once(other_key, 101, never) == ANSWER


def test_old_files_are_deleted(tmp_path: Path) -> None:
    one = SharedAnswers(tmp_path)
    for interval in (100, 101, 102):
        one.once(KEY, interval, lambda: ANSWER)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".101", ".102"]


def test_without_a_place_every_process_makes_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert SharedAnswers(tmp_path / "file" / "answers").once(KEY, 100, lambda: ANSWER) is ANSWER
