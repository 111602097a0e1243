"""The chart's README: its hand-written part and a table of every value, made from the comments in values.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_INTRODUCTION: Final = Path(__file__).parent / "chart_readme.md"
# Longer defaults are named by their kind; values.yaml has them in full.
_LONGEST_DEFAULT: Final = 80


class UndocumentedValue(Exception):
    """A value in values.yaml has no comment above it; the message is its path."""


@dataclass(frozen=True, slots=True)
class Value:
    """One line of the table: ``path`` is what --set takes, ``default`` is JSON."""

    path: str
    default: str
    meaning: str


def chart_readme(values_yaml: str) -> str:
    """The whole README (Markdown). Raises UndocumentedValue."""
    lines = [_INTRODUCTION.read_text("utf-8").rstrip(), "", "## Values", "", "| value | default | |", "|---|---|---|"]
    lines += [f"| `{value.path}` | {_code(value.default)} | {_cell(value.meaning)} |" for value in values(values_yaml)]
    return "\n".join([*lines, ""])


def values(values_yaml: str) -> list[Value]:
    """Every value that can be set, in the file's order: a mapping whose keys have comments counts by its keys."""
    defaults = yaml.safe_load(values_yaml)
    comments = _comments(values_yaml)
    found = list(_leaves(defaults, (), comments))
    for path, _ in found:
        if not comments.get(path):
            raise UndocumentedValue(".".join(path))
    return [Value(".".join(path), _shown(default), comments[path]) for path, default in found]


def _leaves(
    node: dict[str, Any], prefix: tuple[str, ...], comments: dict[tuple[str, ...], str]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in node.items():
        path = (*prefix, key)
        documented_inside = any(other[: len(path)] == path and len(other) > len(path) for other in comments)
        if isinstance(value, dict) and documented_inside:
            yield from _leaves(value, path, comments)
        else:
            yield path, value


def _comments(text: str) -> dict[tuple[str, ...], str]:
    """The comment that ends right above each key. Keys of mappings only, which is all that values.yaml documents."""
    found: dict[tuple[str, ...], str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped.lstrip("# "))
            continue
        key, colon, _ = stripped.partition(":")
        if stripped and colon and not stripped.startswith("- "):
            indentation = len(line) - len(line.lstrip())
            path = [(depth, name) for depth, name in path if depth < indentation] + [(indentation, key)]
            if above:
                found[tuple(name for _, name in path)] = " ".join(above)
        above = []
    return found


def _shown(default: Any) -> str:
    text = json.dumps(default, ensure_ascii=False)
    if len(text) > _LONGEST_DEFAULT:
        return "see values.yaml"
    return text


def _code(default: str) -> str:
    return default if default.startswith("see ") else f"`{_cell(default)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
