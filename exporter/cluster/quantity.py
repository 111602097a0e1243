"""Kubernetes quantities: ``100m``, ``1.5Gi``, ``12e6``.

The grammar is that of https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from exporter.errors import DecodeError
from exporter.model import Resources

_GRAMMAR: Final = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:[eE](?P<exponent>[+-]?\d{1,3})|(?P<suffix>[KMGTPE]i|[numkMGTPE]))?"
)
_FACTORS: Final = {
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("numkMGTPE", start=-3) if suffix != "k"},
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


@lru_cache(maxsize=4096)
def parse_quantity(text: str) -> Decimal:
    """The quantity in its base unit (cores, bytes, pods), exactly. Raises DecodeError on anything else."""
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        raise DecodeError(f"{text!r} is not a quantity", reason="quantity")
    number = Decimal(found["number"])
    if found["suffix"]:
        return number * _FACTORS[found["suffix"]]
    return number.scaleb(int(found["exponent"] or 0))


def quantity(amounts: Mapping[str, Any] | None, name: str) -> Decimal | None:
    """One entry of a resource list; None where there is none. A whole number may stand without quotes."""
    value = (amounts or {}).get(name)
    return None if value is None else parse_quantity(str(value))


def resources(amounts: Mapping[str, Any] | None) -> Resources:
    """CPU and memory of a resource list such as ``requests`` or ``capacity``."""
    return Resources(as_float(quantity(amounts, "cpu")), as_float(quantity(amounts, "memory")))


def as_float(exact: Decimal | None) -> float | None:
    return None if exact is None else float(exact)
