"""``python -m local.announce TEXT NAME=URL…``: wait until everything answers, print the text, stay until stopped.

One of the supervised processes: when something does not answer it ends, and all the others with it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from local.errors import NotAnswering
from local.readiness import named_urls, wait_for

TIMEOUT_SECONDS = 90.0


def main(arguments: Sequence[str]) -> int:
    """Returns 1 if something did not answer in time; else never."""
    text, *pairs = arguments
    try:
        wait_for(named_urls(pairs), TIMEOUT_SECONDS, _say)
    except NotAnswering as error:
        _say(str(error))
        return 1
    _say(text)
    while True:
        signal.pause()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
