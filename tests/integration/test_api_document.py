"""Every command that docs/api.md and README.md print runs as printed, on the sample fleet that ``make run`` runs."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.api_document import BASE_URL
from tests.harness.examples import Stores


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with ExitStack() as exits:
        yield Stores(tmp_path_factory.mktemp("document"), exits).client("sample")


def commands(path: str) -> Iterator[tuple[str, int]]:
    """Every ``curl`` of a document, and the status that the document says it ends in: 200 where it says nothing."""
    text = Path(path).read_text("utf-8")
    for block in re.finditer(r"^```sh\n(.+?)\n```\n\n(?:(\d{3})\b)?", text, re.DOTALL | re.MULTILINE):
        for line in block[1].splitlines():
            if line.startswith("curl "):
                yield line, int(block[2] or 200)


def as_curl(client: FlaskClient, line: str) -> TestResponse:
    """What curl would be answered: it knows the options that the documents use, and no other."""
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-X", default="GET")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("url")
    options = parser.parse_args(shlex.split(line)[1:])
    assert options.url.startswith(f"{BASE_URL}/"), line
    headers = dict(header.split(": ", 1) for header in options.H)
    return client.open(options.url.removeprefix(BASE_URL), method=options.X, headers=headers)


@pytest.mark.parametrize(("line", "status"), dict.fromkeys([*commands("docs/api.md"), *commands("README.md")]))
def test_a_printed_command_runs_as_printed(sample: FlaskClient, line: str, status: int) -> None:
    answer = as_curl(sample, line)
    assert answer.status_code == status, answer.get_data(as_text=True)


def test_every_curl_of_the_documents_is_among_the_commands() -> None:
    for path in ("docs/api.md", "README.md"):
        found = re.findall(r"^curl .*|^\$ curl .*", Path(path).read_text("utf-8"), re.MULTILINE)
        assert found == [line for line, _ in commands(path)]
        assert len(found) > 15
