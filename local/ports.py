"""Whether the ports are free, asked before anything is started."""

from __future__ import annotations

import errno
import socket

from local.errors import PortInUse
from local.settings import PORTS, Port, Settings

_CONNECT_SECONDS = 0.5


def check_ports(settings: Settings) -> None:
    """Raises PortInUse with one line for every port on which a service could not listen."""
    lines = []
    for port in PORTS:
        reason = _unusable(settings.host, settings.ports[port.service])
        if reason:
            lines.append(_line(port, settings.ports[port.service], reason))
    if lines:
        raise PortInUse("\n".join(lines))


def _line(port: Port, number: int, reason: str) -> str:
    return (
        f"port {number}, meant for {port.service}, {reason}: "
        f"choose another with {port.variable}=NUMBER (or {port.option} NUMBER), or stop what uses it"
    )


def _unusable(host: str, port: int) -> str | None:
    # Both questions are needed: some systems let a service bind 127.0.0.1 beside another that listens on every address,
    # and a port may be bound without anyone answering on it.
    if _answers("127.0.0.1" if host in ("0.0.0.0", "") else host, port):
        return "is in use"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as error:
            return "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror or error})"
    return None


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False
