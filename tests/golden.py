"""Golden files: what an output was when someone last looked at it. ``UPDATE_GOLDEN=1`` writes them anew (``make
golden``)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str, folder: Path = FOLDER) -> None:
    """Compare ``text`` with the golden file ``name`` (a path below ``folder``)."""
    path = folder / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no golden file {name}: run `make golden` and read what it wrote"
    assert text == path.read_text("utf-8"), f"differs from {folder.name}/{name}: if it should, run `make golden`"


def rounded(value: Any) -> Any:
    """JSON with its floats to twelve digits: the last ones differ between processors."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value
