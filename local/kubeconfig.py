"""What someone with a real cluster at hand is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def kubeconfig_of(environ: Mapping[str, str], home: Path) -> Path | None:
    """The kubeconfig that clients here would use: of ``KUBECONFIG``, else ``~/.kube/config``; None without."""
    given = [Path(part) for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return next((path for path in given or [home / ".kube" / "config"] if path.is_file()), None)


def how_to_reach_a_cluster(kubeconfig: Path) -> str:
    """One paragraph; what runs is the sample fleet all the same."""
    return "\n".join(
        [
            f"There is a kubeconfig, {kubeconfig}. What starts now is still the sample fleet.",
            "To watch that cluster instead, run one exporter a node and one for the cluster, each with",
            f"KUBECONFIG={kubeconfig}:",
            "  EXPORTER_SOURCE=kubelet EXPORTER_SCOPE=node NODE_NAME=... NODE_IP=... EXPORTER_PORT=... \\",
            "    KUBELET_TOKEN_FILE=... KUBELET_CA_FILE=... .venv/bin/python -m exporter",
            "  EXPORTER_SOURCE=kubelet EXPORTER_SCOPE=cluster EXPORTER_PORT=... .venv/bin/python -m exporter",
            "write their Prometheus configuration with `.venv/bin/python -m promql config` (it has --help), and point",
            "the facade, `.venv/bin/python -m facade`, at that Prometheus with PROMETHEUS_URL. The token's account",
            "needs `get` on nodes/stats and nodes/metrics; a kubelet with a self-signed certificate needs",
            "KUBELET_SERVER_NAME or KUBELET_INSECURE_TLS=true.",
        ]
    )
