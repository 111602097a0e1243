from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.documents import split_document

KEYS = st.sampled_from(("items", "metadata", "a", 'x"items'))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('ab"\\[]{},: é'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


def split(body: bytes) -> tuple[Any, Iterator[Any] | None]:
    return split_document(body, "items", after="metadata")


def whole(body: bytes) -> Any:
    document, elements = split(body)
    return document if elements is None else {**document, "items": list(elements)}


@given(JSON, st.sampled_from((None, 1)))
def test_both_parts_are_the_document_up_to_the_array(document: Any, indent: int | None) -> None:
    expected = document
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        keys = list(document)
        before = keys[: keys.index("items")]
        if "metadata" in before and '"items"' not in json.dumps({key: document[key] for key in before}):
            expected = {key: document[key] for key in (*before, "items")}
    assert whole(json.dumps(document, indent=indent).encode()) in (expected, document)


def test_a_last_array_comes_one_by_one_and_any_other_whole() -> None:
    document, elements = split(b'{"kind": "L", "metadata": {"a": 1}, "items": [1, [2], {}], "b": 3}')
    assert document == {"kind": "L", "metadata": {"a": 1}, "items": []}
    assert elements is not None
    assert list(elements) == [1, [2], {}]
    for body in (b'{"items": [1], "metadata": {}}', b'{"metadata": {"items": [1]}}', b'{"metadata": {}, "items": 7}'):
        assert split(body) == (json.loads(body), None)


def test_elements_are_decoded_when_they_are_asked_for() -> None:
    _, elements = split(b'{"metadata": {}, "items": [1, {"a": 2}, nonsense')
    assert elements is not None
    assert next(elements) == 1
    assert next(elements) == {"a": 2}
    with pytest.raises(ValueError):
        next(elements)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"items": [', b'{"metadata": 1, "items": [', b'{"metadata": 1, "items": [1',
        b'{"metadata": 1, "items": [1]', b'{"metadata": 1, "items": [1,]}', b'{"metadata": 1, "items": [1 2]}',
        b'{"metadata": 1, "items": [1]} x', b'{"metadata": 1, "items": []', b'{"metadata": 1, "items": [],}',
        b'{"metadata" "items": []}', b'{"metadata": 1, "items": [\xff]}',
    ],
)  # fmt: skip
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        whole(body)
