"""The keys of a piece of JSON as documents write it: ``…`` for what is left out, ``"key"?`` for what may be missing,
``{"a", "b"}`` where only the keys matter, and bare words for values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([{}\[\],:?])|([^\s{}\[\],:?"]+)')
Path = tuple[str, ...]


def keys(text: str) -> list[Path]:
    """The path of every key, from the outermost object inwards; arrays add nothing to a path.

    Raises ValueError where brackets do not match.
    """
    tokens = [(match[0], match[1]) for match in _TOKEN.finditer(text)]
    found = list(dict.fromkeys(_value(iter(tokens), ())))
    if not found:
        raise ValueError(f"no key in {text!r}")
    return found


def _value(tokens: Iterator[tuple[str, str]], path: Path) -> Iterator[Path]:
    """Keys of the values up to the bracket that closes where this begins."""
    name: str | None = None
    depth: list[tuple[str, Path]] = []
    for token, string in tokens:
        if token in "{[":
            inner = path if name is None else (*path, name)
            depth.append((token, path))
            path, name = inner, None
        elif token in "}]":
            if not depth or depth[-1][0] + token not in ("{}", "[]"):
                raise ValueError(f"{token} closes nothing")
            path, name = depth.pop()[1], None
        elif token == ",":
            name = None
        elif token.startswith('"') and depth and depth[-1][0] == "{" and name is None:
            name = string
            yield (*path, name)
    if depth:
        raise ValueError(f"{depth[-1][0]} is not closed")
