"""The bytes between the facade and Prometheus: HTTP on requests, each exchange within one deadline, whatever happens.

The deadline itself is ``facade.deadline``'s; here are the exchange, its bounds, and what its failures are called.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException as MalformedHttp
from http.client import IncompleteRead as BrokenOff
from http.client import RemoteDisconnected
from typing import Final, Protocol

import requests
import urllib3
from urllib3.exceptions import ConnectTimeoutError, DecodeError, IncompleteRead, NewConnectionError
from urllib3.exceptions import HTTPError as Urllib3Error

from facade.deadline import DeadlineAdapter, ended, ending_in, remaining_seconds
from facade.errors import UpstreamError, UpstreamFormatError, UpstreamTimeoutError, UpstreamUnreachableError

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
_CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, read to its end. The headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries one exchange. Raises an UpstreamError when there is no complete answer within ``deadline_seconds``."""

    def post(self, path: str, data: Mapping[str, str], deadline_seconds: float) -> Response:
        """POST ``data``, form-encoded, to ``path`` (such as ``/api/v1/query``) below the transport's base URL."""
        ...

    def close(self) -> None:
        """End the connections."""
        ...


class HttpTransport:
    """A Transport on requests, with connections kept alive.

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
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = True
        self._session.headers.update({"Accept-Encoding": "identity", "Accept": "application/json", **headers})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter(pool_connections=1, pool_maxsize=connections))

    def close(self) -> None:
        self._session.close()

    def post(self, path: str, data: Mapping[str, str], deadline_seconds: float) -> Response:
        with ending_in(deadline_seconds):
            try:
                return self._exchange(path, data)
            except _ClosedBeforeAnswer:
                # A kept connection that the server closed in the same moment; asking again changes nothing there.
                return self._exchange(path, data)

    def _exchange(self, path: str, data: Mapping[str, str]) -> Response:
        try:
            answer = self._session.post(
                self._base_url + path, data=dict(data), timeout=remaining_seconds(), stream=True, allow_redirects=False
            )
            with answer:
                body = self._read(answer)
        except (requests.RequestException, Urllib3Error, OSError, UnicodeError) as error:
            raise _upstream_error(error) from error
        return Response(answer.status_code, {name.lower(): text for name, text in answer.headers.items()}, body)

    def _read(self, answer: requests.Response) -> bytes:
        """The body, up to the bound: it holds for what is decoded too, should the server compress unasked."""
        chunks: list[bytes] = []
        size = 0
        raw: urllib3.BaseHTTPResponse = answer.raw
        for chunk in raw.stream(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > self._max_body_bytes:
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
    ((TimeoutError, requests.Timeout), UpstreamTimeoutError, "Prometheus did not answer in time."),
    ((IncompleteRead, BrokenOff, DecodeError), UpstreamFormatError, "Prometheus's answer broke off."),
    (
        (RemoteDisconnected, ConnectionResetError, BrokenPipeError),
        _ClosedBeforeAnswer,
        "Prometheus closed the connection.",
    ),
    ((MalformedHttp,), UpstreamFormatError, "What PROMETHEUS_URL answered is not HTTP."),
    (
        (ssl.SSLError, requests.exceptions.SSLError),
        UpstreamUnreachableError,
        "The connection to Prometheus cannot be secured (TLS).",
    ),
)


def _upstream_error(error: Exception) -> UpstreamError:
    """What a failed exchange is, by the exceptions that led to it, from requests' own down to the socket's."""
    causes = list(_causes(error))
    cause = " < ".join(type(each).__name__ for each in causes) + f": {causes[-1]}"
    for classes, class_, detail in _FAILURES:
        timed_out = class_ is UpstreamTimeoutError and ended()
        if timed_out or any(isinstance(each, classes) for each in causes):
            return class_(detail, cause=cause)
    return UpstreamUnreachableError("Prometheus cannot be reached.", cause=cause)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and those inside it: chained ones, and those that urllib3 and requests carry as arguments."""
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
