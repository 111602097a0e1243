"""The facade: Cloud Monitoring's REST API, translated into PromQL and answered from Prometheus alone."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
