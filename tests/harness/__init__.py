"""Helpers for tests that run real processes: free ports, waiting with a deadline, processes, a real Prometheus."""

from tests.harness.ports import free_port, free_ports
from tests.harness.process import Process, ProcessError
from tests.harness.prometheus import Prometheus, PrometheusError, Sample, Series
from tests.harness.waiting import wait_until

__all__ = [
    "Process",
    "ProcessError",
    "Prometheus",
    "PrometheusError",
    "Sample",
    "Series",
    "free_port",
    "free_ports",
    "wait_until",
]
