"""The API server's lists and watches as plain JSON, through the ``kubernetes`` client.

The client is used for what it knows best, finding the server and its credentials (in a cluster, or by kubeconfig) and
renewing them, and for the call itself. Its API classes and models are not: they cost some 14 MB a group of them, and
several times the memory and time of the JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Protocol

from kubernetes import client, config
from urllib3 import exceptions as http
from urllib3.response import BaseHTTPResponse

from exporter.documents import split_document
from exporter.errors import ApiServerError, ConfigError, DecodeError
from exporter.model import Source
from exporter.shard import WHOLE, Shard

log = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 10.0
_LIST_SECONDS: Final = 60.0
# Beyond the time that a watch was asked to last: then the connection is taken for dead.
_WATCH_MARGIN_SECONDS: Final = 15.0
_CHUNK_BYTES: Final = 1 << 16
_GONE: Final = 410
_TOO_LARGE_RESOURCE_VERSION: Final = 504

# In place of a resource version: the newest state there is, not that of the answering server's cache.
NEWEST: Final = ""

# The type of the item that opens every watch here; the API server has no such event.
CONNECTED: Final = "CONNECTED"

Item = Mapping[str, Any]
# From the parameters of a call, and the seconds to wait for the connection and for the answer, to the answer.
Get = Callable[[Mapping[str, str], tuple[float, float]], BaseHTTPResponse]

_PATHS: Final = {
    Source.PODS: "/api/v1/pods",
    Source.NODES: "/api/v1/nodes",
    Source.NAMESPACES: "/api/v1/namespaces",
    Source.DEPLOYMENTS: "/apis/apps/v1/deployments",
    Source.STATEFULSETS: "/apis/apps/v1/statefulsets",
    Source.DAEMONSETS: "/apis/apps/v1/daemonsets",
}


class ResourceExpired(ApiServerError):
    """The resource version is older than what the server keeps (410 Gone), or newer than it knows: list again."""

    reason = "expired"


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a kind, to be gone through once, and the resource version at which a watch continues."""

    items: Iterable[Item]
    resource_version: str


class ObjectApi(Protocol):
    """Lists and watches one kind of object.

    A list is not older than a resource version, is the ``NEWEST``, or with None whatever is at hand.
    """

    def list(self, not_older_than: str | None) -> Listing: ...

    def watch(self, resource_version: str, seconds: int) -> Generator[Item, None, None]: ...


class KubernetesApi:
    """One API server. Every call has a time limit, and goes to it directly: no proxy of the environment is used."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    def connect(cls, kubeconfig: str | None) -> KubernetesApi:
        """By kubeconfig, or as a pod of the cluster. Raises ConfigError; whether the server answers shows later."""
        settings = client.Configuration()
        settings.proxy = None
        # A failed call is repeated by the watch, after a pause; not here at once.
        settings.retries = False
        settings.keep_alive = True
        # The client's own functions carry no annotations.
        load_file: Callable[..., None] = config.load_kube_config
        load_service_account: Callable[..., None] = config.load_incluster_config
        try:
            if kubeconfig is not None:
                load_file(kubeconfig, client_configuration=settings, persist_config=False)
            else:
                load_service_account(settings)
        except (config.ConfigException, OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError([_unusable(kubeconfig, error)]) from error
        return cls(client.ApiClient(settings))

    def kind(self, source: Source, page_size: int = 500, shard: Shard = WHOLE) -> KubernetesObjects:
        """All objects of a kind that are in the shard, in pages: a large cluster must not come in one answer."""
        return KubernetesObjects(self._getter(source), page_size=page_size, shard=shard)

    def node_pods(self, node: str) -> KubernetesObjects:
        """A node's pods. Every node asks this: the answer may come from the server's cache, which has them by node."""
        return KubernetesObjects(self._getter(Source.PODS), field_selector=f"spec.nodeName={node}")

    def _getter(self, source: Source) -> Get:
        return partial(self._get, _PATHS[source])

    def _get(self, path: str, parameters: Mapping[str, str], timeouts_seconds: tuple[float, float]) -> BaseHTTPResponse:
        """The answer, whose body is not read yet. Raises the client's and urllib3's exceptions.

        Not through the client's API classes: each is loaded whole, with the types of all of its calls.
        """
        request = self._api.param_serialize(
            "GET",
            path,
            query_params=list(parameters.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(*request, _request_timeout=timeouts_seconds)
        response: BaseHTTPResponse = answer.response
        if answer.status != HTTPStatus.OK:
            response.drain_conn()
            response.release_conn()
            raise client.ApiException(status=answer.status, reason=answer.reason)
        return response


class KubernetesObjects:
    """Lists and watches one kind (https://kubernetes.io/docs/reference/using-api/api-concepts/).

    With a page size, lists are consistent reads in pages. Without, they come whole and from the server's cache if that
    is new enough. The server cannot choose by a hash: what is in another ``shard`` arrives, and is dropped object by
    object and event by event.
    """

    def __init__(
        self, get: Get, *, field_selector: str | None = None, page_size: int | None = None, shard: Shard = WHOLE
    ) -> None:
        self._get = get
        self._selector = {} if field_selector is None else {"fieldSelector": field_selector}
        self._page_size = page_size
        self._shard = shard

    def list(self, not_older_than: str | None) -> Listing:
        """All objects. Raises ApiServerError, of it ResourceExpired, and DecodeError; so do the listing's items."""
        if self._page_size is not None:
            parameters = {"limit": str(self._page_size)}
        elif not_older_than is None:
            parameters = {"resourceVersion": "0"}
        elif not_older_than == NEWEST:
            parameters = {}
        else:
            parameters = {"resourceVersion": not_older_than, "resourceVersionMatch": "NotOlderThan"}
        metadata, items = self._page(parameters)
        return Listing(filter(self._kept, self._of_pages(metadata, items)), metadata["resourceVersion"])

    def watch(self, resource_version: str, seconds: int) -> Generator[Item, None, None]:
        """Events after ``resource_version`` (``{"type", "object"}``) until the server ends it, after about ``seconds``.

        The first item is one of type ``CONNECTED``: the server has answered. Of an event in another shard a bookmark is
        left: how far the watch has come. Raises as ``list`` does.
        """
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
            **self._selector,
        }
        with _response(self._get, parameters, seconds + _WATCH_MARGIN_SECONDS) as response:
            yield {"type": CONNECTED}
            for line in _lines(response):
                yield self._in_shard(_json_object(line))

    def _kept(self, item: Item) -> bool:
        # One without a uid is malformed, which one of the shards has to say.
        uid = (item.get("metadata") or {}).get("uid")
        return self._shard.keeps(uid if isinstance(uid, str) else "")

    def _in_shard(self, event: Item) -> Item:
        item = event.get("object")
        if event.get("type") in ("BOOKMARK", "ERROR") or not isinstance(item, Mapping) or self._kept(item):
            return event
        version = (item.get("metadata") or {}).get("resourceVersion")
        return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}

    def _of_pages(self, metadata: Mapping[str, Any], items: Iterator[Item]) -> Iterator[Item]:
        """The objects of this page and those that follow, which all have one resource version."""
        yield from items
        while more := metadata.get("continue"):
            metadata, items = self._page({"limit": str(self._page_size), "continue": more})
            yield from items

    def _page(self, parameters: Mapping[str, str]) -> tuple[Mapping[str, Any], Iterator[Item]]:
        """A list's metadata and its objects, which are decoded one at a time."""
        with _response(self._get, {**parameters, **self._selector}, _LIST_SECONDS) as response:
            body = response.read()
        with _decoding():
            document, items = split_document(body, "items", after="metadata")
        page = _checked_object(document)
        metadata, found = page.get("metadata"), page.get("items") or []
        if not isinstance(metadata, dict) or "resourceVersion" not in metadata or not isinstance(found, list):
            raise DecodeError("the API server's answer is not a list of objects")
        return metadata, iter(found) if items is None else _decoded(items)


def _decoded(items: Iterator[Item]) -> Iterator[Item]:
    with _decoding():
        yield from items


@contextmanager
def _response(get: Get, parameters: Mapping[str, str], read_seconds: float) -> Iterator[BaseHTTPResponse]:
    """The response of a call while it is read; everything that can go wrong on the way becomes one of our errors."""
    try:
        response = get(parameters, (_CONNECT_SECONDS, read_seconds))
        with _released(response):
            yield response
    except client.ApiException as error:
        raise _refused(error, parameters) from error
    except http.SSLError as error:
        raise ApiServerError(f"TLS: {error}", stage="connect", reason="tls_verification") from error
    except (http.ConnectTimeoutError, http.NewConnectionError) as error:
        raise ApiServerError(str(error), stage="connect", reason="unreachable") from error
    except http.TimeoutError as error:
        raise ApiServerError(str(error), reason="timeout") from error
    except (config.ConfigException, FileNotFoundError, PermissionError) as error:
        # The service account's token is read again as it is renewed; this time it was not there.
        raise ApiServerError(str(error), stage="connect", reason="token") from error
    except (http.HTTPError, OSError) as error:
        raise ApiServerError(str(error), reason="connection_lost") from error


@contextmanager
def _released(response: BaseHTTPResponse) -> Iterator[None]:
    """Gives the connection back; one whose answer was not read to its end cannot serve another call and is closed."""
    try:
        yield
    except BaseException:
        response.close()
        raise
    response.release_conn()


def _refused(error: client.ApiException, parameters: Mapping[str, Any]) -> ApiServerError:
    status = error.status
    if not status:
        # The client gives a failed TLS handshake the status 0.
        return ApiServerError(f"TLS: {error.reason}", stage="connect", reason="tls_verification")
    message = f"the API server answered {status} {error.reason}"
    if status == _GONE or (status == _TOO_LARGE_RESOURCE_VERSION and "resourceVersionMatch" in parameters):
        return ResourceExpired(message)
    return ApiServerError(message, reason=f"http_{status}")


def event_error(status: Item) -> ApiServerError:
    """The error that an ERROR event of a watch stands for; its object is a Status."""
    message = f"the watch ended: {status.get('message') or status.get('reason')}"
    if status.get("code") == _GONE:
        return ResourceExpired(message)
    return ApiServerError(message, reason=f"http_{int(status.get('code') or 500)}")


def _lines(response: BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line.strip())
    if rest.strip():
        yield rest


def _json_object(body: bytes) -> Item:
    with _decoding():
        decoded = json.loads(body)
    return _checked_object(decoded)


def _checked_object(decoded: object) -> Item:
    if not isinstance(decoded, dict):
        raise DecodeError("the API server's answer is no JSON object")
    return decoded


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the API server's answer is no JSON: {error}") from error


def _unusable(kubeconfig: str | None, error: Exception) -> str:
    if kubeconfig is not None:
        return f"KUBECONFIG must name a kubeconfig that can be used, not {kubeconfig!r}: {error}"
    return f"KUBECONFIG must name a kubeconfig where the exporter does not run in a pod of the cluster ({error})"
