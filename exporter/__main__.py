"""``python -m exporter``: read the environment, wire, serve, and leave in good order."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from exporter.collectors import ErrorCounts
from exporter.config import Config, help_text, unknown_variables
from exporter.errors import ConfigError
from exporter.logs import configure_logs
from exporter.server import ExporterServer, Metrics
from exporter.wiring import build_scope

log = logging.getLogger("exporter")

_STOP_SIGNALS = frozenset((signal.SIGTERM, signal.SIGINT))


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit status: 0 after a signal, 1 when it cannot serve, 2 when the configuration is not usable."""
    if arguments:
        print(help_text())
        return 0 if arguments[0] in ("-h", "--help") else 2
    configure_logs(sys.stderr)
    for sentence in unknown_variables(environment):
        log.warning(sentence)
    try:
        return serve(Config.from_environment(environment))
    except ConfigError as error:
        for problem in error.problems:
            log.error(problem)
        return 2


def serve(config: Config) -> int:
    """Serve until a signal. SIGTERM is followed by the grace; SIGINT, a second SIGTERM or no grace end at once."""
    # Signals are waited for below, in this thread alone: the threads started from here on must not receive them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    errors = ErrorCounts()
    scope = build_scope(config, errors)
    metrics = Metrics(scope.collector, _process_collectors(), scope.handover)
    try:
        server = ExporterServer(config.address, config.port, metrics, ready=scope.handover.ready)
    except OSError as error:
        log.error(_cannot_listen(config, error))
        return 1
    # What is loaded by now stays: no collection of garbage need look at it again.
    gc.collect()
    gc.freeze()
    scope.start()
    threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
    log.info("serving", extra={"port": server.server_port, "source": config.source, "scope": config.scope})

    if signal.sigwait(_STOP_SIGNALS) == signal.SIGTERM and config.shutdown_grace > 0:
        scope.handover.leave()
        log.info("leaving: not ready from now on, answering on for a while", extra={"seconds": config.shutdown_grace})
        signal.sigtimedwait(_STOP_SIGNALS, config.shutdown_grace)
    server.shutdown()
    server.server_close()
    log.info("ended")
    return 0


def _process_collectors() -> tuple[ProcessCollector, PlatformCollector, GCCollector]:
    # Their registry is only a place to be made in; what is served is collected one by one.
    registry = CollectorRegistry()
    return ProcessCollector(registry=registry), PlatformCollector(registry=registry), GCCollector(registry=registry)


def _cannot_listen(config: Config, error: OSError) -> str:
    where = f"port {config.port}" + (f" of {config.address}" if config.address else "")
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: stop what listens there, or set EXPORTER_PORT"
    return f"cannot listen on {where}: {error.strerror or error}; see EXPORTER_ADDRESS and EXPORTER_PORT"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
