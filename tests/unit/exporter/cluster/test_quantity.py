from __future__ import annotations

from decimal import Decimal

import pytest

from exporter.cluster.quantity import parse_quantity, quantity, resources
from exporter.errors import DecodeError
from exporter.model import Resources


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("2", "2"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+3", "3"),
        ("-1", "-1"),
        ("100m", "0.1"),
        ("250u", "0.00025"),
        ("1500000n", "0.0015"),
        ("2k", "2000"),
        ("3M", "3000000"),
        ("1G", "1000000000"),
        ("1T", "1000000000000"),
        ("1P", "1000000000000000"),
        ("1E", "1000000000000000000"),
        ("24632884Ki", str(24632884 * 1024)),
        ("128Mi", str(128 * 1024**2)),
        ("1.5Gi", str(3 * 1024**3 // 2)),
        ("1Ti", str(1024**4)),
        ("1Pi", str(1024**5)),
        ("1Ei", str(1024**6)),
        ("1e3", "1000"),
        ("12E6", "12000000"),
        ("5e-3", "0.005"),
        ("1.5e3", "1500"),
    ],
)
def test_every_suffix(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", " ", "1 Gi", "1KiB", "ki", "1ki", "1mi", "1K", "0x10", "1e", "--1", "NaN", "inf", "1m\n"]
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(DecodeError) as raised:
        parse_quantity(text)
    assert (raised.value.stage, raised.value.reason) == ("decode", "quantity")


def test_resource_lists() -> None:
    assert resources({"cpu": "1500m", "memory": "1Ki", "pods": "110"}) == Resources(1.5, 1024.0)
    assert resources({"cpu": 2}) == Resources(2.0, None)
    assert resources(None) == Resources()
    assert quantity({"pods": "110"}, "pods") == 110
