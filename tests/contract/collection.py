"""Which tests claim which items of the contract, as pytest itself collects them.

Run as a plugin (``pytest --collect-only -p tests.contract.collection``), it writes one line of JSON: the items by test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.contract.witness import MARKER

ROOT: Final = Path(__file__).parents[2]
_BEGIN: Final = "contract claims: "
_MARKED: Final = f".{MARKER}("


def pytest_collection_finish(session: pytest.Session) -> None:
    claims: dict[str, list[str]] = defaultdict(list)
    for test in session.items:
        for mark in test.iter_markers(MARKER):
            claims[test.nodeid] += mark.args
    sys.stdout.write(f"\n{_BEGIN}{json.dumps(claims)}\n")


def claims() -> Mapping[str, list[str]]:
    """The items that each marked test claims, of all tests."""
    files = [str(path) for path in (ROOT / "tests").rglob("test_*.py") if _MARKED in path.read_text("utf-8")]
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", __name__)
    # A process of its own measures nothing and knows nothing of the workers of this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    ran = subprocess.run((*command, *files), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = [line.removeprefix(_BEGIN) for line in ran.stdout.splitlines() if line.startswith(_BEGIN)]
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert len(lines) == 1, ran.stdout[-3000:]
    found: dict[str, list[str]] = json.loads(lines[0])
    return found
