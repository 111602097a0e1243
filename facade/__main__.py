"""``python -m facade``: read the environment, then serve until SIGTERM or SIGINT.

The server is granian (docs/decisions/0003-wsgi-server.md). It lets several servers share a port, so that a second
facade would quietly take half of the first one's requests: the port is tried before.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from facade import __version__, logs
from facade.config import METRICS_DIRECTORY_VARIABLE, VARIABLES, Settings
from facade.errors import ConfigurationError

_log = logging.getLogger("facade")
# Beyond those that may answer requests, and as many that may wait for the same answer: threads that answer 429, the
# routes of health and what is kept when all of those are busy.
SPARE_THREADS: Final = 4
_CONNECTIONS: Final = 1024
_GRACE_SECONDS: Final = 5
# A container has it, writable, also where its root file system is read-only.
_SHARED_MEMORY: Final = Path("/dev") / "shm"
# Long lists are made of blocks that live for one answer. glibc, as it is set up, learns from the first of them to keep
# the next in each thread's own heap, where they leave holes: a process that listed 10,000 pods a few times stood at 150
# MiB, and with this at 110. It is read when a process starts; other C libraries do not look at it.
_ALLOCATION: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the facade; the exit code. Every mistake is one line on stderr."""
    _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
        address = listening_address(settings)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"facade: {problem}", file=sys.stderr)
        return 2
    logs.configure(debug=settings.debug)
    os.environ["PROMETHEUS_DISABLE_CREATED_SERIES"] = "true"
    metrics_directory = _metrics_directory(settings)
    try:
        _serve(settings, address)
    finally:
        if metrics_directory is not None:
            shutil.rmtree(metrics_directory, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    width = max(len(variable.name) for variable in VARIABLES)
    lines = [f"  {v.name:{width}}  {v.meaning} (default: {v.default or 'none'})" for v in VARIABLES]
    parser = argparse.ArgumentParser(
        prog="python -m facade",
        description="The REST API of Cloud Monitoring. It is configured by environment variables alone:",
        epilog="\n".join(["environment variables:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def listening_address(settings: Settings) -> str:
    """The address to listen on: HOST, or all of them, with IPv6 where the machine has it.

    Raises ConfigurationError when the port is in use or the address is not this machine's.
    """
    reason = ""
    for address in [settings.host] if settings.host else ["::", "0.0.0.0"]:
        try:
            _try_to_listen(address, settings.port)
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return address
    raise ConfigurationError([f"cannot listen on {settings.host or 'any address'}, port {settings.port}: {reason}"])


def _try_to_listen(address: str, port: int) -> None:
    family, kind, protocol, _, target = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(1)


def _metrics_directory(settings: Settings) -> Path | None:
    """Where several processes share their metrics; one needs none. Without a place for it each has its own."""
    if settings.workers == 1:
        return None
    for parent in (_SHARED_MEMORY, Path(tempfile.gettempdir())):
        try:
            directory = Path(tempfile.mkdtemp(prefix="facade-metrics-", dir=parent))
        except OSError:
            continue
        os.environ[METRICS_DIRECTORY_VARIABLE] = str(directory)
        return directory
    return None


def _serve(settings: Settings, address: str) -> None:
    fields = {"address": address, "port": settings.port, "workers": settings.workers, "threads": settings.threads}
    _log.info("serving", extra={"fields": fields})
    for name, text in _ALLOCATION.items():
        os.environ.setdefault(name, text)
    # Processes begin afresh: a fork of a process with threads may inherit their locks.
    multiprocessing.set_start_method("spawn")
    Granian(
        "facade.server:build",
        factory=True,
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        websockets=False,
        workers=settings.workers,
        blocking_threads=2 * settings.threads + SPARE_THREADS,
        # Connections, not requests: one that is kept alive and silent counts, and a low bound would shut others out.
        backpressure=_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=int(settings.prometheus_timeout_seconds) + _GRACE_SECONDS,
        # Through our own handler, and errors alone: it would warn at every start that the threads outnumber the
        # processors, which they are meant to, since they wait for Prometheus.
        log_level=LogLevels.error,
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
    ).serve()


if __name__ == "__main__":
    sys.exit(main())
