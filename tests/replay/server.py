"""The TLS server under both replayed services.

The standard library's server, one thread a connection: mock servers for Kubernetes (kmock was looked at) speak plain
HTTP and keep revisions of their own, and a test of outages must be able to reset connections, which needs the socket
itself.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.harness.ports import free_port
from tests.replay.control import Fault, Faults, Request, RequestLog

_HANDSHAKE_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 5.0
# SO_LINGER of 0 seconds: closing sends RST, as a host does whose process is gone.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Exchange:
    """One request and the means to answer it."""

    def __init__(self, handler: _Handler, server: TlsServer) -> None:
        url = urlsplit(handler.path)
        self.method = handler.command
        self.path = url.path
        self.query: dict[str, str] = dict(parse_qsl(url.query, keep_blank_values=True))
        scheme, _, token = handler.headers.get("Authorization", "").partition(" ")
        self.token = token.strip() if scheme == "Bearer" else None
        # What the log says of it; the service fills these in.
        self.endpoint = self.path
        self.moment: str | None = None
        self.status: int | None = None
        self.started_unix = time.time()
        self._handler = handler
        self._server = server
        self._logged = False

    @property
    def fault(self) -> Fault:
        return self._server.faults.of(self.endpoint)

    def delay(self, seconds: float) -> None:
        """Let time pass before the answer; cut short when the server stops."""
        if seconds > 0:
            self._server.stopping.wait(seconds)

    def send(self, status: int, body: bytes, content_type: str) -> None:
        """Send a whole answer, with the edits and the truncation of the endpoint's fault."""
        fault = self.fault
        if fault.edit is not None and status == 200:
            body = fault.edit(body)
        self._head(status, content_type, "Content-Length", str(len(body)))
        cut = fault.truncate_to_bytes
        self._handler.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self._handler.close_connection = True

    def start_stream(self, content_type: str) -> None:
        """Begin an answer whose length is not known (chunked)."""
        self._head(200, content_type, "Transfer-Encoding", "chunked")

    def send_chunk(self, body: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    def end_stream(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")

    def reset(self) -> None:
        """Break the connection off."""
        self._handler.close_connection = True
        reset(self._handler.connection)

    def log(self) -> None:
        """Log the request, once: before the client can know that it was answered."""
        if not self._logged:
            self._logged = True
            self._server.log.add(
                Request(self.endpoint, self.query, self.started_unix, time.time(), self.status, self.moment)
            )

    def _head(self, status: int, content_type: str, framing: str, value: str) -> None:
        self.status = status
        self.log()
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", content_type)
        self._handler.send_header(framing, value)
        self._handler.end_headers()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: TlsServer

    def do_GET(self) -> None:
        exchange = Exchange(self, self.server)
        try:
            if self.server.reachable():
                self.server.respond(exchange)
            else:
                exchange.reset()
        finally:
            exchange.log()

    # Other methods are refused by the services, like any right that was not given.
    do_POST = do_GET
    do_PUT = do_GET
    do_PATCH = do_GET
    do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests read the request log."""


class TlsServer(ThreadingHTTPServer):
    """Serves ``respond`` over TLS on a loopback port of its own.

    While ``reachable()`` is false it does not listen, so that connections are refused, and requests on open connections
    are reset. ``errors`` holds the tracebacks of failures of this server itself (a client that goes away is none).
    """

    daemon_threads = True
    request_queue_size = 128
    timeout = 0.01  # seconds after which handle_request() returns, for another look at reachable()

    def __init__(
        self, tls: ssl.SSLContext, respond: Callable[[Exchange], None], reachable: Callable[[], bool], port: int = 0
    ) -> None:
        self.respond = respond
        self.reachable = reachable
        self.faults = Faults()
        self.log = RequestLog()
        self.errors: list[str] = []
        self.stopping = threading.Event()
        self._tls = tls
        self._connections: set[ssl.SSLSocket] = set()
        self._connections_lock = threading.Lock()
        self._listening = True
        self._listening_changed = threading.Condition()
        # Not port 0: the port is let go and taken again, and must be one that nothing else is given meanwhile.
        super().__init__(("127.0.0.1", port or free_port()), _Handler)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """The root of the server's URLs."""
        return f"https://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Answer from now on. Connections made since the server was constructed have waited for it."""
        self._thread.start()

    def stop(self) -> None:
        """End at once, whatever is being answered."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.reset_connections()
        self.server_close()

    def settle(self) -> None:
        """Block until the server listens or not, as ``reachable()`` says; if not, reset what is still open."""
        with self._listening_changed:
            self._listening_changed.wait_for(lambda: self._listening == self.reachable(), _SETTLE_SECONDS)
        if not self.reachable():
            self.reset_connections()

    def reset_connections(self) -> None:
        """Reset every open connection."""
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            reset(connection)

    def server_bind(self) -> None:
        """Bind without asking the resolver for the host's name, as the base class would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS with one client, in its own thread, so that a slow handshake holds up nobody else."""
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True) as connection:
            connection.settimeout(None)
            with self._connections_lock:
                self._connections.add(connection)
            try:
                super().finish_request(connection, client_address)
            finally:
                with self._connections_lock:
                    self._connections.discard(connection)

    def shutdown_request(self, request: Any) -> None:
        """Close without a FIN of its own first, so that a reset stays one."""
        self.close_request(request)

    def _serve(self) -> None:
        while not self.stopping.is_set():
            if self._listening != self.reachable():
                self._listen_or_cease()
            if self._listening:
                self.handle_request()
            else:
                self.stopping.wait(self.timeout)

    def _listen_or_cease(self) -> None:
        if self._listening:
            self.socket.close()
        else:
            self.socket = socket.socket(self.address_family, self.socket_type)
            self.server_bind()
            self.server_activate()
        with self._listening_changed:
            self._listening = not self._listening
            self._listening_changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep what went wrong here; forget what the client did."""
        error = sys.exception()
        if not isinstance(error, OSError):  # a client that went away, or did not trust the certificate, is an OSError
            self.errors.append(traceback.format_exc())


def reset(connection: socket.socket) -> None:
    """Break a connection off. Its own thread wakes and closes it."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # Not SSLSocket's own method: it would take the TLS state from under the connection's thread.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # already closed
