"""JSON for reading: what fits stands on one line."""

from __future__ import annotations

import json
from typing import Any, Final

WIDTH: Final = 120
LONGEST_TEXT: Final = 160


def readable(value: Any, indent: int = 0, before: int = 0) -> str:
    """``value`` as JSON in lines of at most ``WIDTH`` characters where that can be; long texts are cut with an ``…``.

    ``indent`` is how far its inner lines are indented, ``before`` what stands before it on its first line.
    """
    flat = json.dumps(_cut(value), ensure_ascii=False)
    if indent + before + len(flat) <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        members = [(f"{json.dumps(key)}: ", item) for key, item in value.items()]
        lines = _joined([(key, readable(item, indent + 2, len(key) + 1)) for key, item in members], len(pad))
        return "{\n" + ",\n".join(pad + line for line in lines) + "\n" + " " * indent + "}"
    lines = _joined([("", readable(item, indent + 2, 1)) for item in value], len(pad))
    return "[\n" + ",\n".join(pad + line for line in lines) + "\n" + " " * indent + "]"


def _joined(members: list[tuple[str, str]], indent: int) -> list[str]:
    """Members as lines; scalars that follow one another share a line while it has room."""
    lines: list[str] = []
    open_line = False
    for key, text in members:
        scalar = text[0] not in "{[" or text in ("{}", "[]")
        if scalar and open_line and indent + len(lines[-1]) + len(key) + len(text) + 3 <= WIDTH:
            lines[-1] += f", {key}{text}"
        else:
            lines.append(key + text)
        open_line = scalar
    return lines


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    return [_cut(item) for item in value] if isinstance(value, list) else value
