"""The documents that are made from the code, and whether those in the tree still say what the code does.

A document is a function that gives its whole text; DOCUMENTS is all of them. ``make docs`` writes them, a test
compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from local.api_document import api_document, readme
from local.errors import DocumentsDiffer
from local.metrics_document import metrics_document
from local.scale_document import scale_document

DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {
    "docs/api.md": api_document,
    "docs/metrics.md": metrics_document,
    "docs/scale.md": scale_document,
    "README.md": readme,
}
ROOT: Final = Path(__file__).resolve().parent.parent


def write(root: Path = ROOT, documents: Mapping[str, Callable[[], str]] = DOCUMENTS) -> list[str]:
    """Write every document below ``root``; the paths of those that changed."""
    changed = differing(root, documents)
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(documents[path](), "utf-8")
    return changed


def check(root: Path = ROOT, documents: Mapping[str, Callable[[], str]] = DOCUMENTS) -> None:
    """Raises DocumentsDiffer, which names them, where a document below ``root`` is not what the code gives."""
    if changed := differing(root, documents):
        raise DocumentsDiffer(f"not what the code says: {', '.join(changed)}; run `make docs` and read what it changed")


def differing(root: Path, documents: Mapping[str, Callable[[], str]]) -> list[str]:
    """The paths of the documents that are not there, or not as the code gives them."""
    return [path for path, text in documents.items() if _read(root / path) != text()]


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None
