from __future__ import annotations

import json
import logging
import sys

from facade.logs import JsonFormatter, ReadableFormatter


def record(message: str = "request", fields: object = None, *, error: bool = False) -> logging.LogRecord:
    exc_info = None
    if error:
        try:
            raise ValueError("no")
        except ValueError:
            exc_info = sys.exc_info()
    made = logging.LogRecord("facade.requests", logging.INFO, __file__, 1, message, (), exc_info)
    made.created = 1795492800.125
    if fields is not None:
        vars(made)["fields"] = fields
    return made


def test_a_json_line() -> None:
    line = JsonFormatter().format(record(fields={"route": "/ü\n", "status": 200}))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-24T04:00:00.125Z", "level": "info", "logger": "facade.requests", "message": "request",
        "route": "/ü\n", "status": 200,
    }  # fmt: skip


def test_a_json_line_has_its_traceback_inside() -> None:
    line = JsonFormatter().format(record(error=True))
    assert "\n" not in line
    assert "ValueError: no" in json.loads(line)["exception"]


def test_a_readable_line() -> None:
    line = ReadableFormatter().format(record(fields={"route": "/api", "query": 'a{b="c"} or d', "empty": "", "n": 0.5}))
    assert line == ('2026-11-24T04:00:00.125Z INFO    request route=/api query="a{b=\\"c\\"} or d" empty="" n=0.5')


def test_a_readable_line_has_no_line_breaks_of_others() -> None:
    assert "\n" not in ReadableFormatter().format(record(fields={"route": "a\nb", "list": ["x\ny"]}))


def test_a_record_without_fields_is_a_line_too() -> None:
    assert ReadableFormatter().format(record("started")) == "2026-11-24T04:00:00.125Z INFO    started"
    assert ReadableFormatter().format(record("started", fields="odd")).endswith("started")


def test_a_readable_traceback_follows_its_line() -> None:
    first, *rest = ReadableFormatter().format(record(error=True)).splitlines()
    assert first.endswith("request")
    assert rest[-1] == "ValueError: no"
