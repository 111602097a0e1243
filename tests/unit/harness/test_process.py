"""Processes under tests: their environment, their output, their end."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.harness import Process, ProcessError, free_port, free_ports, wait_until

SERVE = """
import http.server, sys
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
IGNORE_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"


def python(log_file: Path, code: str, *arguments: str, environment: dict[str, str] | None = None) -> Process:
    return Process((sys.executable, "-c", code, *arguments), log_file, environment)


def test_ports_are_free_and_different() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_it_waits_for_an_answer_and_ends_by_sigterm(tmp_path: Path) -> None:
    port = free_port()
    with python(tmp_path / "log", SERVE, str(port)) as served:
        served.wait_until_answers(f"http://127.0.0.1:{port}/")
        assert served.returncode is None

    assert served.returncode == -signal.SIGTERM


def test_a_process_that_ends_shows_its_output(tmp_path: Path) -> None:
    with (
        python(tmp_path / "log", "print('no such setting'); raise SystemExit(3)") as process,
        pytest.raises(ProcessError, match=r"(?s)ended with 3.*no such setting"),
    ):
        process.wait_until_answers(f"http://127.0.0.1:{free_port()}/")


def test_a_process_that_never_answers_shows_its_output(tmp_path: Path) -> None:
    with python(tmp_path / "log", IGNORE_SIGTERM) as process:
        wait_until(lambda: "up" in process.output(), 10, "it is up")
        with pytest.raises(ProcessError, match=r"(?s)not within 0.1 s.*up"):
            process.wait_until_answers(f"http://127.0.0.1:{free_port()}/", deadline_seconds=0.1)
        with pytest.raises(ProcessError, match="still runs"):
            process.wait(0.05)
        assert process.terminate(deadline_seconds=0.1) == -signal.SIGKILL


def test_it_sees_its_own_environment_only(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.environ))"
    with python(tmp_path / "log", code, environment={"NODE_NAME": "node-1"}) as process:
        assert process.wait(10) == 0

    output = process.output()
    assert "'NODE_NAME'" in output
    assert "PYTEST_CURRENT_TEST" in os.environ
    assert "PYTEST_CURRENT_TEST" not in output


def test_it_can_be_started_again(tmp_path: Path) -> None:
    with python(tmp_path / "log", "print('once')") as process:
        process.wait(10)
        process.start()
        process.wait(10)

    assert process.output().split() == ["once", "once"]


def test_waiting_gives_the_first_true_answer_or_names_what_it_waited_for() -> None:
    answers = iter([None, 0, 7])

    assert wait_until(lambda: next(answers), 5, "seven") == 7
    with pytest.raises(TimeoutError, match=r"not within 0\.01 s: the moon; last answer False"):
        wait_until(lambda: False, 0.01, "the moon")
