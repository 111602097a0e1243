"""The supervisor with real processes: together up, together down."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.harness import Process, wait_until

# Three children; the third one's command is an argument.
PROGRAM = """
import os, sys
from local.services import Service
from local.supervisor import supervise

environment = dict(os.environ)
commands = {"steady": "echo $$ up; exec sleep 60", "ready": "echo all is well; exec sleep 60", "third": sys.argv[1]}
services = [Service(name, command, environment) for name, command in commands.items()]
sys.exit(supervise(services, plain="ready"))
"""


def supervisor(tmp_path: Path, third: str) -> Process:
    return Process([sys.executable, "-c", PROGRAM, third], tmp_path / "log", directory=Path.cwd())


def pid_of_steady(process: Process) -> int:
    def line() -> str | None:
        lines = [line for line in process.output().splitlines() if line.endswith(" up")]
        return lines[0] if lines else None

    return int(wait_until(line, 10, "the first child's line").split()[-2])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_dies_ends_all_with_its_name_and_last_lines(tmp_path: Path) -> None:
    with supervisor(tmp_path, "echo one; echo two >&2; exit 7") as process:
        assert process.wait(15) == 1
        pid = pid_of_steady(process)
        output = process.output()
    assert "third ended with exit code 7, so everything else was stopped. Its last lines:\n  one\n  two\n" in output
    assert not is_running(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_children(tmp_path: Path, number: signal.Signals) -> None:
    with supervisor(tmp_path, "exec sleep 60") as process:
        pid = pid_of_steady(process)
        wait_until(
            lambda: "\nall is well\n" in f"\n{process.output()}", 10, "the announcement, without a name before it"
        )
        process.send_signal(number)
        assert process.wait(15) == 0
        assert process.output().endswith("Everything has stopped.\n")
    assert not is_running(pid)


EARLY = """
from local.supervisor import EarlyStopManager

manager = EarlyStopManager()
manager.add_process("first", "exec sleep 60")
manager.add_process("second", "exec sleep 60")
manager.terminate()
manager.loop()
"""


def test_a_stop_that_comes_before_any_child_has_a_process_id_is_not_lost(tmp_path: Path) -> None:
    with Process([sys.executable, "-c", EARLY], tmp_path / "log", directory=Path.cwd()) as process:
        assert process.wait(15) == 0
        assert "sending SIGTERM to first" in process.output()
        assert "sending SIGTERM to second" in process.output()
        assert "Traceback" not in process.output()
