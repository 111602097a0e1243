"""The examples of ``/openapi.json`` and docs/api.md are real answers of the real application."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from facade.openapi.examples import FOLDER, REQUESTS
from tests.golden import check_golden, rounded
from tests.harness.examples import Stores

# What of the header fields an example keeps: the rest says nothing about the answer.
KEPT = ("Allow", "Cache-Control", "Content-Type", "Link", "Retry-After", "X-Time", "X-Total-Count")
_FLOAT = re.compile(r"[0-9]+\.[0-9]{9,}(?:e-?[0-9]+)?")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with ExitStack() as exits:
        yield Stores(tmp_path_factory.mktemp("examples"), exits)


def _rounded(match: re.Match[str]) -> str:
    return str(rounded(float(match[0])))


def recorded(answer: TestResponse) -> str:
    """The answer as the examples keep it."""
    text = answer.get_data(as_text=True)
    body = answer.get_json() if answer.is_json else _FLOAT.sub(_rounded, text) or None
    headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
    if "Allow" in headers:  # in any order
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    return json.dumps({"status": answer.status_code, "headers": headers, "body": rounded(body)}, indent=1) + "\n"


@pytest.mark.parametrize("name", REQUESTS)
def test_an_example_is_what_the_application_answers(stores: Stores, name: str) -> None:
    check_golden(f"{name}.json", recorded(stores.ask(REQUESTS[name])), Path(str(FOLDER)))


def test_there_is_no_example_that_nobody_asks_for() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in REQUESTS}
