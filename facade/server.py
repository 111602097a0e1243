"""What a server process runs: ``build`` makes the application from the environment. The server is ``__main__``'s."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Final

from flask import Flask

from facade import logs
from facade.app import create_app
from facade.config import METRICS_DIRECTORY_VARIABLE, Settings
from facade.kept import KeptAnswers
from facade.prometheus import PrometheusClient
from facade.shared import SharedAnswers

_log = logging.getLogger(__name__)
# Beside the metrics that the processes share: the same directory in memory, with the same life.
_ANSWERS: Final = "answers"


def build() -> Flask:
    """The application of one server process, with its client and its logs."""
    settings = Settings.from_environment(os.environ)
    logs.configure(debug=settings.debug)
    _log.info("process started", extra={"fields": {"process": os.getpid()}})
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    directory = os.environ.get(METRICS_DIRECTORY_VARIABLE)
    shared = SharedAnswers(Path(directory) / _ANSWERS) if directory else None
    return create_app(
        settings,
        PrometheusClient(settings),
        in_flight=settings.threads,
        kept=KeptAnswers(settings.scrape_interval_seconds, shared),
        metrics_directory=directory,
    )


def _end_with_parent() -> None:
    """End this process when the server's main process is gone, however it went: else it would keep the port.

    A main process that was killed has not cleaned up either.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    if metrics_directory := os.environ.get(METRICS_DIRECTORY_VARIABLE):
        shutil.rmtree(metrics_directory, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
