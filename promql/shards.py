"""Whether all of scope cluster is heard of, where several exporters share it out (shards by uid, an instance each).

Each says of every source that it serves in how many parts the source comes. One exporter alone says nothing of that.
"""

from __future__ import annotations

from typing import Final

from promql import names
from promql.selectors import Selector, select

_KEYS: Final = "cluster, source"
# For the last bits of a sum of fractions.
_TOLERANCE: Final = 0.001


def incomplete(selector: Selector = ()) -> str:
    """Rows of ``cluster`` and ``source``: those of which the parts do not make up a whole now.

    Nor do they while their number changes: one of two parts and two of three have some objects twice, others not at
    all.
    """
    return f"(abs({_parts(select(names.SOURCE_SHARDS.name, selector))} - 1) > {_TOLERANCE})"


def incomplete_within(window: str) -> str:
    """Rows of ``cluster`` and ``source``: those of which not every part was heard of within the window (``1h``)."""
    return f"({_parts(f'last_over_time({names.SOURCE_SHARDS.name}[{window}])')} < {1 - _TOLERANCE})"


def _parts(shards: str) -> str:
    return f"sum by ({_KEYS}) (1 / max by ({_KEYS}, instance) ({shards}))"
