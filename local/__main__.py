"""The commands behind ``make run`` and ``make test``: ``python -m local --help``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local import documents
from local.errors import LocalError, SettingsError
from local.products import DOCKER_COMPOSE, PROMETHEUS, VICTORIA_METRICS, Product
from local.programs import Finder, directories
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
    _add_finding(commands, "prometheus", (PROMETHEUS,))
    _add_finding(commands, "tested-with", (PROMETHEUS, VICTORIA_METRICS, DOCKER_COMPOSE))
    documents_ = commands.add_parser("documents", help="write the documents that are made from the code")
    documents_.add_argument("--check", action="store_true", help="write nothing; fail where one is not as it should be")
    documents_.set_defaults(command=_documents)
    generate = commands.add_parser(
        "generate",
        help="write the generated files",
        description="Writes what is generated and committed: the chart's rules and README, and the plain manifests.",
    )
    generate.set_defaults(command=_generate)
    return parser


def _run(options: argparse.Namespace) -> int:
    environ = dict(os.environ)
    return run(settings(vars(options), environ), environ, _say)


def _add_finding(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], command: str, products: tuple[Product, ...]
) -> None:
    names = ", ".join(product.name for product in products)
    programs = ", ".join(program for product in products for program in product.programs)
    parser = commands.add_parser(
        command,
        help=f"make sure that there is {names}",
        description=f"Finds or installs {names} ({programs}), and prints the directories that hold them, for PATH.",
    )
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR") or ".data"))
    parser.set_defaults(command=_find, products=products)


def _find(options: argparse.Namespace) -> int:
    downloads = options.data_dir.resolve() / "bin"
    found: list[str] = []
    for product in options.products:
        found += directories(Finder(product, downloads, _say).find())
    # What was downloaded comes first: something on PATH with its name was passed over.
    print(os.pathsep.join(sorted(dict.fromkeys(found), key=lambda directory: directory != str(downloads))))
    return 0


def _documents(options: argparse.Namespace) -> int:
    if options.check:
        documents.check()
    else:
        _say("\n".join(f"written: {path}" for path in documents.write()) or "every document is as it should be")
    return 0


def _generate(_options: argparse.Namespace) -> int:
    # Imported here: it needs the Helm engine, which nothing else does.
    from local.generate import write

    write(_say)
    return 0


def _interrupt(signum: int, _frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(signum).name)


def _say(text: str) -> None:
    # To standard error: standard output is what a command is asked for.
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
