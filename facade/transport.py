"""The bytes between the facade and Prometheus: HTTP on urllib3, each exchange within one deadline, whatever happens.

The deadline itself is ``facade.deadline``'s; here are the exchange, its bounds, and what its failures are called.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException as MalformedHttp
from http.client import IncompleteRead as BrokenOff
from http.client import RemoteDisconnected
from typing import Final, Protocol
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from urllib3.exceptions import ConnectTimeoutError, DecodeError, IncompleteRead, NewConnectionError
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import SSLError as Urllib3TlsError
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from facade.deadline import DeadlinePools, ended, ending_in, remaining_seconds
from facade.errors import UpstreamError, UpstreamFormatError, UpstreamTimeoutError, UpstreamUnreachableError

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
_CHUNK_BYTES: Final = 256 * 1024
# Fields of a form; one with several values is sent once for each.
Form = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, read to its end. The headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries one exchange. Raises an UpstreamError when there is no complete answer within ``deadline_seconds``."""

    def post(self, path: str, data: Form, deadline_seconds: float) -> Response:
        """POST ``data``, form-encoded, to ``path`` (such as ``/api/v1/query``) below the transport's base URL."""
        ...

    def close(self) -> None:
        """End the connections."""
        ...


class HttpTransport:
    """A Transport on urllib3's pool, with connections kept alive.

    ``base_url`` has no slash at its end. ``connections`` is how many are kept open at most; more are opened when
    needed. The environment's proxies, CA bundles and .netrc are not looked at, redirects are not followed (headers may
    hold credentials, and a POST would turn into a GET), and no compression is asked for: the network of a cluster is
    cheaper than the processor time at both ends.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], connections: int, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._base_url = base_url
        self._max_body_bytes = max_body_bytes
        fields = HTTPHeaderDict(
            {
                "Accept-Encoding": "identity",
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        )
        for name, text in headers.items():
            fields[name] = text  # in place of ours, whatever the case
        self._pools = DeadlinePools(connections, fields)

    def close(self) -> None:
        self._pools.clear()

    def post(self, path: str, data: Form, deadline_seconds: float) -> Response:
        with ending_in(deadline_seconds):
            try:
                return self._exchange(path, data)
            except _ClosedBeforeAnswer:
                # A kept connection that the server closed in the same moment; asking again changes nothing there.
                return self._exchange(path, data)

    def _exchange(self, path: str, data: Form) -> Response:
        try:
            answer = self._pools.urlopen(
                "POST",
                self._base_url + path,
                body=urlencode(data, doseq=True),
                timeout=remaining_seconds(),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                body = self._read(answer)
            finally:
                answer.release_conn()
        except (Urllib3Error, OSError, UnicodeError, MalformedHttp) as error:
            raise _upstream_error(error) from error
        return Response(answer.status, {name.lower(): text for name, text in answer.headers.items()}, body)

    def _read(self, answer: BaseHTTPResponse) -> bytes:
        """The body, up to the bound: it holds for what is decoded too, should the server compress unasked."""
        chunks: list[bytes] = []
        size = 0
        for chunk in answer.stream(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > self._max_body_bytes:
                answer.close()
                raise UpstreamFormatError(
                    "Prometheus's answer is too large to be read; ask for less at once.",
                    cause=f"more than {self._max_body_bytes} bytes",
                )
            chunks.append(chunk)
        return b"".join(chunks)


class _ClosedBeforeAnswer(UpstreamUnreachableError):
    """The peer closed the connection, and not a byte of an answer had come."""


# The first row of which an exception took part in the failure says what it was; UpstreamTimeoutError's row also holds
# for whatever went wrong when the deadline had passed.
_FAILURES: Final[tuple[tuple[tuple[type[BaseException], ...], type[UpstreamError], str], ...]] = (
    ((NewConnectionError,), UpstreamUnreachableError, "Prometheus cannot be reached."),
    (
        (ConnectTimeoutError,),
        UpstreamUnreachableError,
        "Prometheus cannot be reached: connecting to it takes too long.",
    ),
    ((TimeoutError, Urllib3Timeout), UpstreamTimeoutError, "Prometheus did not answer in time."),
    ((IncompleteRead, BrokenOff, DecodeError), UpstreamFormatError, "Prometheus's answer broke off."),
    (
        (RemoteDisconnected, ConnectionResetError, BrokenPipeError),
        _ClosedBeforeAnswer,
        "Prometheus closed the connection.",
    ),
    ((MalformedHttp,), UpstreamFormatError, "What PROMETHEUS_URL answered is not HTTP."),
    (
        (ssl.SSLError, Urllib3TlsError),
        UpstreamUnreachableError,
        "The connection to Prometheus cannot be secured (TLS).",
    ),
)


def _upstream_error(error: Exception) -> UpstreamError:
    """What a failed exchange is, by the exceptions that led to it, from urllib3's own down to the socket's."""
    causes = list(_causes(error))
    cause = " < ".join(type(each).__name__ for each in causes) + f": {causes[-1]}"
    for classes, class_, detail in _FAILURES:
        timed_out = class_ is UpstreamTimeoutError and ended()
        if timed_out or any(isinstance(each, classes) for each in causes):
            return class_(detail, cause=cause)
    return UpstreamUnreachableError("Prometheus cannot be reached.", cause=cause)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and those inside it: chained ones, and those that urllib3 carries as arguments."""
    seen: set[int] = set()
    left: list[BaseException] = [error]
    while left:
        each = left.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        left.extend(candidate for candidate in inner if isinstance(candidate, BaseException))
