"""``python -m local run``: the sample fleet, Prometheus and the facade on this machine, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from exporter import sample
from local import services
from local.commands import Say
from local.history import History
from local.kubeconfig import how_to_reach_a_cluster, kubeconfig_of
from local.ports import check_ports
from local.prometheus_binary import Binaries, find_prometheus
from local.settings import Settings
from local.supervisor import supervise
from promql.alerts import alerts_file
from promql.config import prometheus_config
from promql.rules import rules_file


def run(settings: Settings, environ: Mapping[str, str], say: Say) -> int:
    """Check, prepare, start and stay; returns an exit code. Raises LocalError before anything is started."""
    check_ports(settings)
    kubeconfig = kubeconfig_of(environ, Path.home())
    if kubeconfig:
        say(how_to_reach_a_cluster(kubeconfig))
    binaries = find_prometheus(settings.data_directory / "bin", say)
    config, rules = _write_configuration(settings)
    _write_history(settings, binaries, config, rules, say)
    say("starting the exporters, Prometheus and the facade")
    return supervise(services.services(settings, binaries, config, environ), plain="ready")


def _write_configuration(settings: Settings) -> tuple[Path, Path]:
    """prometheus.yml, its recording rules and its alerts, made anew for these ports and intervals."""
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    config, rules = settings.data_directory / "prometheus.yml", settings.data_directory / "rules.yml"
    alerts = settings.data_directory / "alerts.yml"
    rules.write_text(rules_file(settings.scrape_interval, settings.detail_interval), encoding="utf-8")
    alerts.write_text(
        alerts_file(settings.scrape_interval, settings.detail_interval, settings.storage_interval), encoding="utf-8"
    )
    config.write_text(
        prometheus_config(
            {node: settings.address(node) for node in services.NODES},
            settings.address("cluster"),
            services.CLUSTER,
            settings.scrape_interval,
            [str(rules), str(alerts)],
        ),
        encoding="utf-8",
    )
    return config, rules


def _write_history(settings: Settings, binaries: Binaries, config: Path, rules: Path, say: Say) -> None:
    history = History(
        binaries=binaries,
        prometheus_yaml=config.read_text(encoding="utf-8"),
        rules_yaml=rules.read_text(encoding="utf-8"),
        samples=sample.samples,
        scrape_interval=settings.scrape_interval,
        clock=time.time,
        say=say,
    )
    history.write(settings.data_directory / "prometheus", settings.history_seconds)
