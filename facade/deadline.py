"""Sockets, and urllib3's pools made of them, that know when an exchange must be over.

A timeout of urllib3 bounds each wait for the socket, so that a peer that sends a byte now and then is waited for
without end. Here every wait is for what is left of the exchange: for each address of the host, the TLS handshake, the
headers and the body. Name resolution alone has the system resolver's own limits.

The deadline belongs to the context (contextvars): connections are kept and lent to one exchange after another.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import certifi
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_ends_at: ContextVar[float] = ContextVar("exchange_ends_at")


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Exchanges in this context must be over ``seconds`` from now."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def ended() -> bool:
    """Whether the context's deadline has passed."""
    return _ends_at.get() <= time.monotonic()


def remaining_seconds() -> float:
    """What is left until the context's deadline. Raises TimeoutError when nothing is."""
    seconds = _ends_at.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the exchange's deadline has passed")
    return seconds


class _DeadlineSocket(socket.socket):
    """Waits for its peer no longer than until the deadline of the context it is used in.

    ``recv_into`` is what ``makefile``, and with it http.client, reads through. A timeout bounds ``sendall`` as a whole
    (https://docs.python.org/3/library/socket.html#socket.socket.sendall).
    """

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(remaining_seconds())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        self.settimeout(remaining_seconds())
        super().sendall(data, flags)


class _DeadlineTlsSocket(ssl.SSLSocket):
    """The same over TLS. Its handshake is bounded as a whole by the timeout of the socket that it wraps."""

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(remaining_seconds())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self.settimeout(remaining_seconds())
        super().sendall(data, flags)


def _connect(connection: HTTPConnection, host: str) -> socket.socket:
    """Connect to the first of the host's addresses that answers; each may take its share of the time that is left.

    Raises the exceptions that urllib3 expects of a connection that cannot be made.
    """
    try:
        addresses = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        failure = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(host, connection, failure) from error
    failures: list[OSError] = []
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        peer = _DeadlineSocket(family, kind, protocol)
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.settimeout(remaining_seconds() / (len(addresses) - index))
            peer.connect(address)
        except OSError as error:
            peer.close()
            failures.append(error)
        else:
            return peer
    if all(isinstance(failure, TimeoutError) for failure in failures):
        raise ConnectTimeoutError(connection, "no address of the host could be connected to in time")
    raise NewConnectionError(connection, "; ".join(str(failure) for failure in failures))


class _DeadlineConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, self._dns_host)


class _DeadlineTlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, self._dns_host)


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _DeadlineTlsPool(HTTPSConnectionPool):
    ConnectionCls = _DeadlineTlsConnection


class DeadlinePools(PoolManager):
    """Connections that keep to ``ending_in``; at most ``connections`` to a host are kept open.

    They trust the system's certificates and certifi's. Nothing of the environment is looked at but where the system has
    its certificates: no proxy, no .netrc, no other bundle.
    """

    def __init__(self, connections: int, headers: Mapping[str, str]) -> None:
        context = ssl.create_default_context(cafile=certifi.where())
        context.load_default_certs()
        context.sslsocket_class = _DeadlineTlsSocket
        super().__init__(1, headers, maxsize=connections, ssl_context=context)
        self.pool_classes_by_scheme = {"http": _DeadlinePool, "https": _DeadlineTlsPool}
