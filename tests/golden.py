"""Golden files: what an output was when someone last looked at it. ``UPDATE_GOLDEN=1`` writes them anew (``make
golden``)."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Compare ``text`` with the golden file ``name`` (a path below tests/golden)."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden file {name}: run `make golden` and read what it wrote"
    assert text == path.read_text("utf-8"), f"differs from tests/golden/{name}: if it should, run `make golden`"
