"""Helpers for tests that run real processes: free ports, waiting with a deadline, processes, real engines."""

from tests.harness.engine import Engine, PrometheusError, Sample, Series
from tests.harness.ports import free_port, free_ports
from tests.harness.process import Process, ProcessError
from tests.harness.prometheus import Prometheus
from tests.harness.victoria_metrics import VictoriaMetrics
from tests.harness.waiting import wait_until

__all__ = [
    "Engine",
    "Process",
    "ProcessError",
    "Prometheus",
    "PrometheusError",
    "Sample",
    "Series",
    "VictoriaMetrics",
    "free_port",
    "free_ports",
    "wait_until",
]
