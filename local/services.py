"""The processes of one run: what each is started with, and where it says that it is ready."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.prometheus_binary import Binaries
from local.settings import Settings

CLUSTER = "sample"
NODES = ("node-1", "node-2")
EXPORTERS = (*NODES, "cluster")

# What must not reach the sample exporters from the user's environment: settings of a real one.
_EXPORTER_VARIABLES = ("EXPORTER_", "KUBELET_", "NODE_", "KUBECONFIG")


@dataclass(frozen=True, slots=True)
class Service:
    """One process: ``command`` is what a shell would run, ``environment`` is all it gets."""

    name: str
    command: str
    environment: Mapping[str, str]


def ready_urls(settings: Settings) -> dict[str, str]:
    """The URL of each service that answers 200 once the service is of use."""
    urls = {name: f"{settings.url(name)}/readyz" for name in EXPORTERS}
    urls["prometheus"] = f"{settings.url('prometheus')}/-/ready"
    urls["facade"] = f"{settings.url('facade')}/readyz"
    return urls


def services(settings: Settings, binaries: Binaries, config: Path, environ: Mapping[str, str]) -> list[Service]:
    """Every process of the run, in the order in which they are started."""
    base = {**environ, "PYTHONUNBUFFERED": "1", **_intervals(settings)}
    exporter_base = {name: value for name, value in base.items() if not name.startswith(_EXPORTER_VARIABLES)}
    exporters = [
        Service(name, _python("-m", "exporter"), {**exporter_base, **_exporter(settings, name)}) for name in EXPORTERS
    ]
    facade = {
        "HOST": settings.host,
        "PORT": str(settings.ports["facade"]),
        "PROMETHEUS_URL": settings.url("prometheus"),
    }
    return [
        *exporters,
        Service("prometheus", _prometheus(settings, binaries, config), base),
        Service("facade", _python("-m", "facade"), {**base, **facade}),
        Service("ready", _python("-m", "local.announce", summary(settings), *_pairs(ready_urls(settings))), base),
    ]


def summary(settings: Settings) -> str:
    """What is printed once everything answers."""
    facade, prometheus = settings.url("facade"), settings.url("prometheus")
    exporters = " ".join(f"{settings.url(name)}/metrics" for name in EXPORTERS)
    return "\n".join(
        [
            f'Everything answers. This is the sample fleet (cluster="{CLUSTER}"): made-up numbers, not a real cluster.',
            f"  API         {facade}/  (try {facade}/api/pods, {facade}/api/nodes/node-1/timeseries)",
            f"  Prometheus  {prometheus}/",
            f"  exporters   {exporters}",
            "Ctrl-C stops it all; the data stays (make clean-data forgets it).",
        ]
    )


def _intervals(settings: Settings) -> dict[str, str]:
    return {
        "SCRAPE_INTERVAL": f"{settings.scrape_interval:g}",
        "DETAIL_INTERVAL": f"{settings.detail_interval:g}",
        "STORAGE_INTERVAL": f"{settings.storage_interval:g}",
    }


def _exporter(settings: Settings, name: str) -> dict[str, str]:
    scope = {"EXPORTER_SCOPE": "node", "NODE_NAME": name} if name in NODES else {"EXPORTER_SCOPE": "cluster"}
    return {
        **scope,
        "EXPORTER_SOURCE": "sample",
        "EXPORTER_ADDRESS": settings.host,
        "EXPORTER_PORT": str(settings.ports[name]),
        # Its Prometheus ends at the same moment: nobody is left to be answered.
        "EXPORTER_SHUTDOWN_GRACE": "0",
    }


def _prometheus(settings: Settings, binaries: Binaries, config: Path) -> str:
    prometheus = [
        str(binaries.prometheus),
        f"--config.file={config}",
        f"--storage.tsdb.path={settings.data_directory / 'prometheus'}",
        f"--web.listen-address={settings.address('prometheus')}",
        # It would warn of two things: that the history's blocks overlap, until it merges them, and that it was stopped.
        "--log.level=error",
    ]
    # After the exporters, so that its first scrape of each finds an answer.
    exporters = {name: url for name, url in ready_urls(settings).items() if name in EXPORTERS}
    return _python("-m", "local.after", *_pairs(exporters), "--", *prometheus)


def _pairs(urls: Mapping[str, str]) -> list[str]:
    return [f"{name}={url}" for name, url in urls.items()]


def _python(*arguments: str) -> str:
    # The shell that the supervisor starts gives way to the program: a process less, and the exit code is the program's.
    return f"exec {shlex.join([sys.executable, *arguments])}"
