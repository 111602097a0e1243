"""``python -m tests.stress``: what ``make stress`` runs. See settings.HELP."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tests.stress.settings import HELP, Settings, SettingsError

INTERRUPTED: Final = 130


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit status, as the help has it."""
    if arguments:
        asked = arguments[0] in ("-h", "--help")
        print(HELP, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"stress: {line}", file=sys.stderr)
        return 2
    try:
        return _stress(settings)
    except KeyboardInterrupt:  # before anything was called
        return INTERRUPTED


def _stress(settings: Settings) -> int:
    # locust first: it exchanges the standard library's sockets before anyone has taken hold of them.
    from tests.stress import load
    from tests.stress.calls import Plan
    from tests.stress.discovery import NotThere, discover
    from tests.stress.progress import Progress
    from tests.stress.record import Record

    try:
        found = discover(settings.url, settings.timeout)
    except NotThere as error:
        print(f"stress: {error}", file=sys.stderr)
        return 2
    plan = Plan(found.routes, found.entities, found.clock)
    record = Record(route.template for route in plan.routes)
    _say(f"{settings.url}: {found.described}; {len(plan.calls)} different calls of {len(plan.routes)} routes,")
    _say(f"{settings.users} at a time, for {settings.seconds:g} s")
    progress = Progress(settings.seconds, record, sys.stderr)
    seconds, interrupted = load.run(settings, plan, record, progress)
    progress.end()
    print(record.report(seconds))
    if interrupted:
        return INTERRUPTED
    print("\nFAILED" if record.failed else "\nEvery route answered as it should.")
    return 1 if record.failed else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
