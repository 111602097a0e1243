"""What docker-compose.yml mounts into Prometheus: its configuration, the recording rules and the alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from local.services import CLUSTER, NODES
from promql.alerts import alerts_file
from promql.config import prometheus_config
from promql.rules import rules_file

FOLDER: Final = Path("deploy") / "compose" / "prometheus"
# Where the folder is in the container.
MOUNTED: Final = "/etc/prometheus"
# Seconds, as the exporters and the facade have them where nobody says otherwise.
SCRAPE_INTERVAL: Final = 15.0
DETAIL_INTERVAL: Final = 60.0
STORAGE_INTERVAL: Final = 300.0
_EXPORTER_PORT: Final = 9477
_MADE: Final = "# Made by `make generate`.\n"


def compose_files() -> dict[Path, str]:
    """Every file of the folder, by its path below the repository's root. Addresses are names of Compose's services."""
    config = prometheus_config(
        {node: f"exporter-{node}:{_EXPORTER_PORT}" for node in NODES},
        f"exporter-cluster:{_EXPORTER_PORT}",
        CLUSTER,
        SCRAPE_INTERVAL,
        [f"{MOUNTED}/rules/*.yaml"],
        facade_target="facade:5000",
        prometheus_target="localhost:9090",
    )
    texts = {
        FOLDER / "prometheus.yml": config,
        FOLDER / "rules" / "recording.yaml": rules_file(SCRAPE_INTERVAL, DETAIL_INTERVAL),
        FOLDER / "rules" / "alerts.yaml": alerts_file(SCRAPE_INTERVAL, DETAIL_INTERVAL, STORAGE_INTERVAL),
    }
    return {path: _MADE + text for path, text in texts.items()}
