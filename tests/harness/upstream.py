"""An HTTP server on loopback that answers as a test tells it, well or badly: what an upstream may do to a client."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs

if TYPE_CHECKING:
    import trustme

Behaviour = Callable[[socket.socket, threading.Event], None]
_ACCEPT_POLL_SECONDS: Final = 0.05


class Request:
    """What one client sent: the first line, the headers by lower-case name, and the form of the body: ``fields`` has
    every value of each, ``form`` the first.
    """

    def __init__(self, head: str, body: str) -> None:
        self.line, *lines = head.split("\r\n")
        self.headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        self.fields = parse_qs(body)
        self.form = {name: texts[0] for name, texts in self.fields.items()}

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


class Upstream:
    """A server that reads each request and then lets ``behaviour(connection, ending)`` do the rest.

    ``ending`` is set when the test is over: a behaviour that hangs waits for that. ``requests`` has what was asked.
    With ``choose``, each request has the behaviour that this says.
    """

    def __init__(self, behaviour: Behaviour, choose: Callable[[Request], Behaviour] | None = None) -> None:
        self.behaviour = behaviour
        self.choose = choose
        self.requests: list[Request] = []
        self.connections = 0
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_ACCEPT_POLL_SECONDS)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_ACCEPT_POLL_SECONDS)
        with connection, contextlib.suppress(OSError):
            while (request := self._read(connection)) is not None:
                self.requests.append(request)
                connection.settimeout(10)
                behaviour = self.choose(request) if self.choose else self.behaviour
                behaviour(connection, self._ending)
                connection.settimeout(_ACCEPT_POLL_SECONDS)

    def _read(self, connection: socket.socket) -> Request | None:
        """The next request of the connection; None when the client closed it, or the test is over."""
        received = b""
        while not self._ending.is_set():
            head, found, body = received.partition(b"\r\n\r\n")
            if found and len(body) >= _content_length(head):
                return Request(head.decode("latin-1"), body.decode())
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                return None
            received += piece
        return None


def _content_length(head: bytes) -> int:
    lines = head.decode("latin-1").lower().split("\r\n")
    return next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)


# --- behaviours -------------------------------------------------------------------------------------------------------


def message(
    body: bytes | str, status: str = "200 OK", headers: Mapping[str, str] | None = None, *, length: int | None = None
) -> bytes:
    """An HTTP/1.1 answer; ``length`` is what it says of its length, where that is not the truth."""
    content = body.encode() if isinstance(body, str) else body
    fields = {"Content-Length": str(len(content) if length is None else length), **(headers or {})}
    return "\r\n".join([f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in fields.items()), "", ""]).encode() + content


def answering(
    body: bytes | str, status: str = "200 OK", headers: Mapping[str, str] | None = None, *, length: int | None = None
) -> Behaviour:
    """Answer every request with the same message, and close the connection if its length is a lie."""

    def behave(connection: socket.socket, ending: threading.Event) -> None:
        connection.sendall(message(body, status, headers, length=length))
        if length is not None:
            connection.shutdown(socket.SHUT_RDWR)

    return behave


def dripping(content: bytes, seconds_between_bytes: float) -> Behaviour:
    """Send the bytes one by one, which never lets the client wait long for the next."""

    def behave(connection: socket.socket, ending: threading.Event) -> None:
        for byte in content:
            if ending.wait(seconds_between_bytes):
                return
            connection.sendall(bytes([byte]))

    return behave


def hanging(connection: socket.socket, ending: threading.Event) -> None:
    """Answer nothing until the test is over."""
    ending.wait()


def closing(connection: socket.socket, ending: threading.Event) -> None:
    """Close the connection in place of an answer."""
    connection.shutdown(socket.SHUT_RDWR)


def resetting(connection: socket.socket, ending: threading.Event) -> None:
    """Reset the connection in place of an answer: what is left of a server that was killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextlib.contextmanager
def tls_upstream(authority: trustme.CA) -> Iterator[int]:
    """A TLS server that answers one request a connection; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            while True:
                raw, _ = listener.accept()
                try:
                    with context.wrap_socket(raw, server_side=True) as connection:
                        connection.recv(65536)
                        connection.recv(65536)
                        connection.sendall(message("secure"))
                except OSError:
                    raw.close()
        except OSError:
            return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def success(result_type: str, result: Any, **more: Any) -> str:
    """The body of an answer of the Prometheus HTTP API."""
    return json.dumps({"status": "success", "data": {"resultType": result_type, "result": result}, **more})


def failure(error_type: str, error: str) -> str:
    """The body of an error of the Prometheus HTTP API."""
    return json.dumps({"status": "error", "errorType": error_type, "error": error})
