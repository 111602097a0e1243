"""Coverage of the processes that tests start: what such a process needs in its environment to measure itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coverage import Coverage

_ROOT: Final = Path(__file__).parents[2]


def measured() -> dict[str, str]:
    """Variables that make a Python process measure itself as this one does; none where this one is not measured.

    https://coverage.readthedocs.io/en/latest/subprocess.html. For processes whose pace no test depends on.
    """
    if Coverage.current() is None:
        return {}
    return {"COVERAGE_PROCESS_START": str(_ROOT / "pyproject.toml"), "COVERAGE_FILE": str(_ROOT / ".coverage")}
