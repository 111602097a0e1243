"""Structured logs: a record's message says what happened, its ``fields`` (``extra={"fields": {…}}``) say the rest."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Final

_LOGGER: Final = "facade"


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time, level, logger, message, the fields, and the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


class ReadableFormatter(logging.Formatter):
    """The same for eyes: ``time LEVEL message key=value …``."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={_plain(value)}" for key, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname:7} {record.getMessage()} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(*, debug: bool, stream: IO[str] | None = None) -> None:
    """Log this package to ``stream`` (default: stderr): readable and verbose for ``debug``, else JSON lines.

    Other packages' warnings go the same way. Called once by a process, not by the app: logging belongs to the process.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(ReadableFormatter() if debug else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_LOGGER).setLevel(logging.DEBUG if debug else logging.INFO)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> str:
    """A value without line breaks: as it is where it is simple, else as JSON."""
    text = str(value)
    return text if text and text.isprintable() and " " not in text else json.dumps(value, default=str)
