"""``python -m local.after NAME=URL… -- COMMAND…``: become another program once everything answers."""

from __future__ import annotations

import os
import sys

from local.errors import NotAnswering
from local.readiness import named_urls, wait_for

TIMEOUT_SECONDS = 60.0


def main(arguments: list[str]) -> int:
    """Returns 1 if something did not answer in time; else this process has become the command."""
    split = arguments.index("--")
    command = arguments[split + 1 :]
    try:
        wait_for(named_urls(arguments[:split]), TIMEOUT_SECONDS, lambda _: None)
        os.execv(command[0], command)
    except (NotAnswering, OSError) as error:
        print(error, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
