"""Expositions that are compared to the letter, and that promtool has no complaint about."""

from __future__ import annotations

import shutil
import subprocess

from tests.golden import check_golden


def check_exposition(name: str, exposition: bytes) -> None:
    """The exposition is the golden file ``exporter/<name>.prom``."""
    check_golden(f"exporter/{name}.prom", exposition.decode())
    assert check_metrics(exposition) == ""


def check_metrics(exposition: bytes) -> str:
    """What ``promtool check metrics`` says of an exposition; empty when it is content."""
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool comes with Prometheus and must be on PATH"
    command = (promtool, "check", "metrics")
    checked = subprocess.run(command, input=exposition, capture_output=True, timeout=30, check=False)
    return (checked.stdout + checked.stderr).decode()
