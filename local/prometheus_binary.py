"""The Prometheus of this machine, as what runs it needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local.commands import Say
from local.products import PROMETHEUS
from local.programs import Finder


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the two programs of one Prometheus."""

    prometheus: Path
    promtool: Path


def find_prometheus(directory: Path, say: Say) -> Binaries:
    """Find it or install it; ``directory`` is where an official release is kept. Raises ProgramUnavailable."""
    programs = Finder(PROMETHEUS, directory, say).find()
    return Binaries(programs["prometheus"], programs["promtool"])
