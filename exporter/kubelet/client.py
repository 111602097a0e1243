"""The kubelet's HTTPS endpoint: a path in, the body's bytes out.

Every read opens its own connection. A handshake costs the node about a millisecond, the endpoints read here a hundred
times that; in return a rotated CA file or a restarted kubelet needs no special care, and a read has one thing to stop.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from exporter.errors import (
    KubeletBodyError,
    KubeletError,
    KubeletRefused,
    KubeletTimeout,
    KubeletUnreachable,
    KubeletUntrusted,
    TokenError,
)
from exporter.kubelet.connection import Watch, watched_pool

T = TypeVar("T")

_CHUNK_BYTES: Final = 256 * 1024
# A full node's answer is 6 MB; a body beyond this is not a kubelet's.
_MAX_BODY_BYTES: Final = 256 * 1024 * 1024

# The right that each endpoint asks for (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/).
_RIGHTS: Final = {"/stats/": "nodes/stats", "/metrics/": "nodes/metrics"}


class KubeletClient:
    """Reads one kubelet.

    ``token_file`` is read anew for every request: a rotated token is in force at once. ``server_name`` is the name that
    the certificate must bear, where it is not the URL's host. ``insecure`` accepts any certificate. Proxy variables and
    ``REQUESTS_CA_BUNDLE`` have no influence.
    """

    def __init__(
        self,
        url: str,
        ca_file: Path | None,
        token_file: Path | None,
        server_name: str | None = None,
        insecure: bool = False,
    ) -> None:
        self._url = url.rstrip("/")
        self._ca_file = ca_file
        self._token_file = token_file
        self._server_name = server_name
        self._insecure = insecure
        if insecure:
            # The exporter says it once in its log and in a metric; urllib3 would say it at every read.
            urllib3.disable_warnings(InsecureRequestWarning)

    def fetch(self, path: str, timeout_seconds: float) -> bytes:
        """The body of ``path``, whole. Raises as ``read`` does."""
        return self.read(path, timeout_seconds, b"".join)

    def read(self, path: str, timeout_seconds: float, consume: Callable[[Iterator[bytes]], T]) -> T:
        """What ``consume`` makes of the body of ``path``, of which it is given one chunk after another.

        The body must be complete in ``timeout_seconds`` from now, however it trickles in. Raises a
        :class:`~exporter.errors.KubeletError`, and what ``consume`` does.
        """
        headers = self._headers()
        context = self._context()
        with Watch(timeout_seconds) as watch, requests.Session() as session:
            session.trust_env = False
            session.mount(self._url, _Adapter(watch, context, self._server_name))
            try:
                with self._get(session, path, headers, timeout_seconds) as response:
                    return consume(_chunks(response, path, watch))
            except (requests.RequestException, HTTPError, OSError) as error:
                raise self._explain(error, path, timeout_seconds, watch.expired) from error

    def _headers(self) -> dict[str, str]:
        # Uncompressed: packing 6 MB would cost the node more than carrying them over its own loopback.
        headers = {"Accept-Encoding": "identity", "User-Agent": "cloud-monitoring-exporter"}
        if self._token_file is not None:
            try:
                token = self._token_file.read_text(encoding="ascii").strip()
            except (OSError, ValueError) as error:
                raise TokenError(f"KUBELET_TOKEN_FILE {self._token_file} cannot be read: {error}") from error
            if not token or not token.isprintable():
                raise TokenError(f"KUBELET_TOKEN_FILE {self._token_file} holds no bearer token")
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _context(self) -> ssl.SSLContext:
        """Trusts the CA file alone. Python 3.13's strict profile is left off: kubelets sign certificates it refuses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        try:
            if self._ca_file is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(cafile=self._ca_file)
        except (OSError, ssl.SSLError) as error:
            raise KubeletUntrusted(
                f"KUBELET_CA_FILE {self._ca_file} cannot be read as certificates: {error}", reason="ca_file"
            ) from error
        return context

    @contextmanager
    def _get(
        self, session: requests.Session, path: str, headers: dict[str, str], timeout_seconds: float
    ) -> Iterator[requests.Response]:
        verify: bool | str = not self._insecure
        if not self._insecure and self._ca_file is not None:
            verify = str(self._ca_file)
        with session.get(
            self._url + path,
            headers=headers,
            # Half for the connection and half for the handshake; from then on the watch cuts.
            timeout=(timeout_seconds / 2, timeout_seconds),
            verify=verify,
            stream=True,
            allow_redirects=False,
        ) as response:
            if response.status_code != requests.codes.ok:
                raise _refused(response.status_code, path)
            yield response

    def _explain(self, error: Exception, path: str, timeout_seconds: float, expired: bool) -> KubeletError:
        where = f"{self._url}{path}"
        if expired or isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
            return KubeletTimeout(f"{where}: no complete answer within {timeout_seconds:g} s")
        if isinstance(error, requests.exceptions.SSLError):
            return self._untrusted(error)
        if isinstance(error, HTTPError):  # not wrapped by requests: it happened while the body was read
            return KubeletBodyError(f"{where}: the answer was cut off ({_innermost(error)})")
        return KubeletUnreachable(f"{where}: no connection ({_innermost(error)}); KUBELET_URL says where to connect")

    def _untrusted(self, error: Exception) -> KubeletUntrusted:
        cause = _innermost(error)
        if not _is_verification(error):
            return KubeletUntrusted(
                f"{self._url}: no TLS ({cause}); KUBELET_URL must be the kubelet's https port", reason="tls"
            )
        return KubeletUntrusted(
            f"{self._url}: its certificate could not be verified ({cause}). KUBELET_CA_FILE (in the chart: kubelet.ca) "
            "must hold the authority that signed it, or the certificate itself where the kubelet signs its own; "
            "KUBELET_SERVER_NAME (kubelet.serverName) is the name it bears where that is not the URL's host; "
            "KUBELET_INSECURE_TLS=true (kubelet.insecureTls) verifies nothing, for trying out"
        )


class _Adapter(HTTPAdapter):
    """Hands requests a pool whose connections are watched, and whose certificate is checked against our name."""

    def __init__(self, watch: Watch, context: ssl.SSLContext, server_name: str | None) -> None:
        super().__init__(max_retries=0)
        self._watch = watch
        self._context = context
        self._server_name = server_name
        self._pools: list[urllib3.HTTPConnectionPool] = []

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: object = None,
        cert: object = None,
    ) -> urllib3.HTTPConnectionPool:
        pool = watched_pool(urlsplit(str(request.url)), self._watch, self._context, self._server_name)
        self._pools.append(pool)
        return pool

    def close(self) -> None:
        for pool in self._pools:
            pool.close()
        super().close()


def _chunks(response: requests.Response, path: str, watch: Watch) -> Iterator[bytes]:
    size = 0
    while chunk := response.raw.read1(_CHUNK_BYTES):
        yield chunk
        size += len(chunk)
        if size > _MAX_BODY_BYTES:
            raise KubeletBodyError(f"{path}: the body exceeds {_MAX_BODY_BYTES} bytes", reason="body_too_large")
    if watch.expired:
        raise TimeoutError  # a body without a length ends, cut, like a whole one


def _refused(status: int, path: str) -> KubeletRefused:
    right = next((right for prefix, right in _RIGHTS.items() if path.startswith(prefix)), "the path's resource")
    says = {
        401: "the kubelet does not know the token of KUBELET_TOKEN_FILE; it must be a service account's, and the "
        "kubelet must ask the API server about tokens (webhook authentication)",
        403: f"the token's account may not read this; it needs the right to `get` `{right}`",
    }.get(status, "expected 200")
    return KubeletRefused(f"{path}: status {status}: {says}", status=status)


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all it wraps. The libraries wrap by ``__cause__``, by ``reason`` and by their first argument."""
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        one = pending.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def _innermost(error: BaseException) -> str:
    last = _causes(error)[-1]
    return str(last) or type(last).__name__


def _is_verification(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
