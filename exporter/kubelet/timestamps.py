"""RFC 3339 times (https://www.rfc-editor.org/rfc/rfc3339) as the kubelet writes them, with or without fractions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def unix_seconds(text: str) -> float:
    """Unix seconds, to a microsecond. Raises ValueError for anything that is not a date, a time and an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return (moment - _EPOCH).total_seconds()
