"""schemathesis over ``/openapi.json``: whatever it makes of the document, right or wrong, is answered as documented.

The application is the real one, on a real Prometheus with the sample fleet. The requests are the same every time:
every parameter at its bounds and beyond, methods that are not documented, and some that are drawn from the schemas.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.examples import Stores
from tests.harness.serving import serving

MOST_SECONDS = 100
# Left out, with the reason: positive_data_acceptance takes every 400 for a mistake whose parameters are each as their
# schemas have them. OpenAPI cannot say that two of them exclude each other: ``explain`` and ``stats`` a CSV, a
# ``window`` other times than its own.
# Every other check is on: no 500, documented status, media type, headers and body; what no schema admits is refused;
# a method that is not documented gets 405 with Allow.
LEFT_OUT = "positive_data_acceptance"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ExitStack() as exits:
        stores = Stores(tmp_path_factory.mktemp("schemathesis"), exits)
        yield exits.enter_context(serving(stores.client("sample").application))


@pytest.mark.timeout(MOST_SECONDS + 20)
def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--no-color"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--generation-deterministic"]
    command += ["--checks", "all", "--exclude-checks", LEFT_OUT, "--continue-on-failure", "--workers", "2"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    cases = re.search(r"(\d+) generated, (\d+) passed", ended.stdout)
    assert cases is not None, ended.stdout
    assert int(cases[1]) == int(cases[2]) > 2000
