"""The API server, by a kubeconfig: objects as plain JSON, other servers through its proxy, commands in a pod.

Paths are those of https://kubernetes.io/docs/reference/kubernetes-api/. Nothing else must be reachable: Services and
kubelets are asked through the API server's proxy, so that it does not matter where the cluster runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from kubernetes import client, config
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError

from tests.cluster.waiting import NotInTime

Object = dict[str, Any]

_SECONDS: Final = 30.0
_MERGE: Final = "application/merge-patch+json"
NOT_FOUND: Final = 404


class NoCluster(Exception):
    """There is no kubeconfig, or no API server answers by it."""


class Refused(Exception):
    """The API server, or what it is the proxy of, answered with an error; ``status`` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; the names of header fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Cluster:
    """What of a cluster can be asked and changed with one kubeconfig."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    def connect(cls, kubeconfig: Path, context: str | None) -> Cluster:
        """Raises NoCluster."""
        if not kubeconfig.is_file():
            raise NoCluster(f"there is no kubeconfig at {kubeconfig}: name one with --kubeconfig or KUBECONFIG")
        try:
            cluster = cls(config.new_client_from_config(str(kubeconfig), context))
            cluster.version()
        except (config.ConfigException, OSError, Refused) as error:
            raise NoCluster(f"no API server answers by {kubeconfig}: {error}") from error
        return cluster

    def version(self) -> tuple[int, int]:
        """Major and minor version of the API server."""
        found = self.get("/version")
        return int(found["major"]), int(found["minor"].rstrip("+"))

    def ask(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: Object | None = None,
    ) -> Answer:
        """Whatever is answered; errors are answers too."""
        fields = {"Accept": "application/json", **({"Content-Type": "application/json"} if body is not None else {})}
        request = self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={**fields, **(headers or {})},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*request, _request_timeout=_SECONDS)
            read = response.read()
        except client.ApiException as error:  # a failed TLS handshake
            raise Refused(str(error.reason), 0) from error
        except HTTPError as error:
            raise Refused(f"{method} {path}: {error}", 0) from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, read)

    def get(self, path: str, **query: str) -> Any:
        """The JSON answered. Raises Refused."""
        return self._ok("GET", path, self.ask(path, query))

    def found(self, path: str) -> Object | None:
        """An object; None if there is none. Raises Refused."""
        answer = self.ask(path)
        found: Object | None = None if answer.status == NOT_FOUND else self._ok("GET", path, answer)
        return found

    def items(self, path: str, labels: str = "") -> list[Object]:
        """A list's objects, those with the labels that a selector names."""
        found: list[Object] = self.get(path, **({"labelSelector": labels} if labels else {}))["items"]
        return found

    def create(self, path: str, body: Object) -> Object:
        created: Object = self._ok("POST", path, self.ask(path, method="POST", body=body))
        return created

    def patch(self, path: str, body: Object) -> None:
        """A JSON merge patch (RFC 7386): lists are replaced whole."""
        headers = {"Content-Type": _MERGE}
        self._ok("PATCH", path, self.ask(path, headers=headers, method="PATCH", body=body))

    def delete(self, path: str, grace_seconds: int | None = None) -> None:
        """Also what is not there. Raises Refused. ``grace_seconds`` takes the place of a pod's own grace."""
        grace = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        answer = self.ask(path, method="DELETE", body={"propagationPolicy": "Background", **grace})
        if answer.status != NOT_FOUND:
            self._ok("DELETE", path, answer)

    def kubelet(self, node: str, path: str, **query: str) -> Any:
        """The JSON that a node's kubelet answers. Raises Refused."""
        return self.get(f"/api/v1/nodes/{quote(node)}/proxy{path}", **query)

    def run_in(self, namespace: str, pod: str, container: str, command: Sequence[str]) -> str:
        """What a command in a pod prints. Raises Refused if it fails."""
        try:
            process = stream(
                client.CoreV1Api(self._api).connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=list(command),
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
            )
            process.run_forever(timeout=_SECONDS)
            printed, errors = process.read_stdout(), process.read_stderr()
            status = process.returncode
            process.close()
        except client.ApiException as error:
            raise Refused(f"exec in {pod}: {error.status} {error.reason}", error.status or 0) from error
        if status != 0:
            raise Refused(f"exec in {pod}: exit {status}: {errors[-300:]}", 0)
        return str(printed)

    def _ok(self, method: str, path: str, answer: Answer) -> Any:
        if not 200 <= answer.status < 300:
            raise Refused(
                f"{method} {path}: {answer.status} {answer.body[:300].decode(errors='replace')}", answer.status
            )
        return answer.json()


def patiently(call: Callable[[], Answer], seconds: float) -> Answer:
    """The first answer that is no failure of a proxy, whose target may just be exchanged. Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while True:
        answer = call()
        if answer.status not in {502, 503, 504}:
            return answer
        if time.monotonic() > deadline:
            raise NotInTime(f"for {seconds:g} s only {answer.status}: {answer.body[:200].decode(errors='replace')}")
        time.sleep(1)
