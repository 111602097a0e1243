"""Connections that a watch can cut: what gives a read one deadline for everything, handshake to last byte.

A socket's timeout is per operation: a peer that sends a byte now and then never meets it. The watch shuts the
connection down when its time is over, and whatever was waiting on it fails.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Watch:
    """Shuts every connection that it was shown ``timeout_seconds`` after its start. ``expired`` says that it did."""

    def __init__(self, timeout_seconds: float) -> None:
        self.expired = False
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(timeout_seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()

    def add(self, connection: socket.socket | None) -> None:
        """Watches a connection through a second handle, which stays valid whatever TLS does to the first."""
        if connection is None:
            return
        handle = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._handles.append(handle)
            if self.expired:
                _shut(handle)

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for handle in self._handles:
                _shut(handle)


def watched_pool(
    url: SplitResult, watch: Watch, context: ssl.SSLContext, server_name: str | None
) -> HTTPConnectionPool:
    """A pool for one host whose connections ``watch`` knows. Python bounds a TLS handshake as a whole by itself."""

    class WatchedHTTP(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            watch.add(self.sock)

    class WatchedHTTPS(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            watch.add(self.sock)

    host = url.hostname or ""
    if url.scheme == "http":
        plain = HTTPConnectionPool(host, port=url.port)
        plain.ConnectionCls = WatchedHTTP
        return plain
    pool = HTTPSConnectionPool(
        host, port=url.port, ssl_context=context, server_hostname=server_name, assert_hostname=server_name
    )
    pool.ConnectionCls = WatchedHTTPS
    return pool


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
