from __future__ import annotations

import json
import logging
import sys

from exporter.logs import JsonFormatter


def formatted(record: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_line() -> None:
    record = logging.LogRecord("exporter.x", logging.WARNING, "x.py", 1, "no %s\nat all", ("reading",), None)
    record.created = 1795489207.25
    record.node = "node-1"
    assert formatted(record) == {
        "time": "2026-11-24T03:00:07.250+00:00",
        "level": "warning",
        "logger": "exporter.x",
        "message": "no reading\nat all",
        "node": "node-1",
    }


def test_an_exception_is_one_field() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("exporter", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    exception = formatted(record)["exception"]
    assert isinstance(exception, str)
    assert exception.endswith("ValueError: why")


def test_what_json_cannot_hold_is_written_as_text() -> None:
    record = logging.LogRecord("exporter", logging.INFO, "x.py", 1, "m", (), None)
    record.cause = OSError("gone")
    assert formatted(record)["cause"] == "gone"
