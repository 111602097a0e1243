"""JSON documents that are mostly one long array: its elements are decoded one at a time.

Decoded whole, a list of pods takes ten times the memory of its text, and Python keeps what it was once given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


def split_document(body: bytes, array: str, after: str) -> tuple[Any, Iterator[Any] | None]:
    """The document, and the elements of the array that it has under the key ``array``, which is empty in the document.

    The array must come after the key ``after``; what follows the array is left out of the document. None in place of
    the elements where there is no such array: then the document is whole. Raises ValueError and RecursionError for what
    is no JSON; so does the iterator.
    """
    text = body.decode()
    found = re.search(rf'"{array}"[ \t\n\r]*:[ \t\n\r]*\[', text)
    document = None if found is None else _beginning(text[: found.end()])
    if found is not None and document is not None and document.get(array) == [] and after in document:
        return document, _elements(text, found.end())
    return json.loads(text), None


def _beginning(text: str) -> dict[str, Any] | None:
    """The object of which ``text`` is all up to the elements of an array of its own; None for any other text."""
    try:
        document = json.loads(text + "]}")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _elements(text: str, start: int) -> Iterator[Any]:
    place = _after_space(text, start)
    if text[place : place + 1] != "]":
        while True:
            element, place = _DECODER.raw_decode(text, place)
            yield element
            del element
            place = _after_space(text, place)
            if text[place : place + 1] != ",":
                break
            place = _after_space(text, place + 1)
    if text[place : place + 1] != "]":
        raise ValueError(f"expecting ',' or ']' at char {place}")
    # What is left must close the array and the document.
    json.loads('{"": [' + text[place:])


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()
