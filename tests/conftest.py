"""Settings of every test."""

from __future__ import annotations

from hypothesis import settings

from tests.contract.witness import claims_are_proven

__all__ = ["claims_are_proven"]

# No deadline an example: the machines that run this are shared. The same examples every time: a red run can be run
# again.
settings.register_profile("cloud-monitoring", deadline=None, derandomize=True)
settings.load_profile("cloud-monitoring")
