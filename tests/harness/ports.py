"""Free loopback ports for processes that are told their port."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from typing import Final

# Below the range from which Linux and macOS take the local ports of outgoing connections: one of those cannot take a
# port between its choice here and the process's start.
_CANDIDATES: Final = range(15_000, 32_000)


def free_port() -> int:
    """A TCP port that nobody listens on at 127.0.0.1 just now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """``count`` different free ports. Raises ``OSError`` where there are not so many."""
    # A generator of its own: parallel test processes, or a seeded one, must not draw the same ports.
    candidates = random.SystemRandom().sample(_CANDIDATES, len(_CANDIDATES))
    ports: list[int] = []
    with ExitStack() as held:
        for port in candidates:
            if len(ports) == count:
                return ports
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    raise OSError(f"no {count} free ports on 127.0.0.1")
