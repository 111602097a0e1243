"""The commands behind ``make run`` and ``make test``: ``python -m local --help``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local.errors import LocalError, SettingsError
from local.prometheus_binary import Finder
from local.run import run
from local.settings import add_options, settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (2: a setting cannot be used, 130: interrupted)."""
    options = _parser().parse_args(arguments)
    # Being told to stop leaves through the cleaning up, like Ctrl-C, until the supervisor takes the signals over.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    try:
        code: int = options.command(options)
    except LocalError as error:
        _say(str(error))
        return 2 if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run_ = commands.add_parser(
        "run",
        help="run the sample fleet, Prometheus and the facade until Ctrl-C",
        description="Runs the sample fleet's exporters, Prometheus and the facade until Ctrl-C. "
        "Each option can be given as the environment variable in brackets instead.",
    )
    add_options(run_)
    run_.set_defaults(command=_run)
    prometheus = commands.add_parser(
        "prometheus",
        help="make sure that there is a Prometheus",
        description="Finds or installs Prometheus and promtool, and prints the directories that hold them, for PATH.",
    )
    prometheus.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR") or ".data"))
    prometheus.set_defaults(command=_prometheus)
    return parser


def _run(options: argparse.Namespace) -> int:
    environ = dict(os.environ)
    return run(settings(vars(options), environ), environ, _say)


def _prometheus(options: argparse.Namespace) -> int:
    binaries = Finder(options.data_dir.resolve() / "bin", _say).find()
    print(os.pathsep.join(binaries.directories))
    return 0


def _interrupt(signum: int, _frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(signum).name)


def _say(text: str) -> None:
    # To standard error: standard output is what a command is asked for.
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
