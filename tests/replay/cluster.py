"""A whole replayed cluster: kubelet and API server on loopback, with the files and settings that the exporter needs."""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.replay.apiserver import ApiServer
from tests.replay.identity import IDENTITIES, Identity, Scope
from tests.replay.kubelet import Kubelet
from tests.replay.recording import Recording
from tests.replay.timeline import Timeline


class ReplayedCluster:
    """Serves a recording as a cluster; a context manager.

    Time stands at the recording's first moment until ``begin()``, then passes ``speed`` times as fast as recorded;
    after the last moment that one stands. Until it begins the kubelet's readings grow old like any others: begin
    within the minute for which an exporter quotes them. Leaving the block raises ``RuntimeError`` where a server
    failed of itself.

    ``identities`` are who may ask, by the name under which ``environment`` and the files know them; among them one of
    each scope's name where the scope's exporter is to run.
    """

    def __init__(
        self,
        recording: Recording,
        speed: float = 1.0,
        *,
        kubelet_port: int = 0,
        api_port: int = 0,
        identities: Mapping[str, Identity] | None = None,
    ) -> None:
        self.recording = recording
        self.node_name = recording.node_name
        self.timeline = Timeline(recording.first_instant_unix, speed)
        self._temporary = tempfile.TemporaryDirectory(prefix="replayed-cluster-")
        self.directory = Path(self._temporary.name)
        self.ca_file = self.directory / "ca.crt"
        tls = self._certificate()
        known: Mapping[str, Identity] = dict(IDENTITIES.items()) if identities is None else identities
        self._known = dict(known)
        self._tokens = {name: f"{name}-token-1" for name in self._known}
        self.kubelet = Kubelet(recording, self.timeline, tls, self._identities(), kubelet_port)
        self.api = ApiServer(recording, self.timeline, tls, self._identities(), api_port)
        for name in self._known:
            self.token_file(name).write_text(self._tokens[name])
            self.kubeconfig_file(name).write_text(self._kubeconfig(name))

    def __enter__(self) -> Self:
        self.kubelet.start()
        self.api.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            stack.callback(self._temporary.cleanup)
            stack.callback(self.kubelet.stop)
            stack.callback(self.api.stop)
        failures = [*self.kubelet.errors, *self.api.errors]
        if failures and error is None:
            raise RuntimeError("a replayed server failed:\n" + "\n".join(failures))

    def begin(self) -> None:
        """Let the recording's time pass."""
        self.timeline.begin()

    def wait_for_moment(self, moment: int, deadline_seconds: float = 60.0) -> None:
        """Block until both servers give a moment's answers (counted from 0). Raises ``TimeoutError``."""
        self.timeline.wait_until(self.recording.moments[moment].lists_time_unix, deadline_seconds)

    def token(self, name: str) -> str:
        return self._tokens[name]

    def token_file(self, name: str) -> Path:
        return self.directory / f"{name}.token"

    def kubeconfig_file(self, name: str) -> Path:
        return self.directory / f"{name}.kubeconfig"

    def rotate_kubelet_token(self) -> None:
        """Give scope node a new token: written to its file, and the only one that the kubelet still knows."""
        number = int(self._tokens["node"].rpartition("-")[2]) + 1
        self._tokens["node"] = f"node-token-{number}"
        self.token_file("node").write_text(self._tokens["node"])
        self.kubelet.replace_tokens(self._identities())

    def environment(self, scope: Scope, name: str | None = None) -> dict[str, str]:
        """The environment of ``python -m exporter`` for one scope, but for its port and intervals.

        ``name`` is the identity that it asks with, where that is not the scope's own.
        """
        name = name or scope
        settings = {
            "EXPORTER_SOURCE": "kubelet",
            "EXPORTER_SCOPE": scope,
            "EXPORTER_ADDRESS": "127.0.0.1",
            "KUBECONFIG": str(self.kubeconfig_file(name)),
        }
        if scope == "node":
            settings |= {
                "NODE_NAME": self.node_name,
                "NODE_IP": "127.0.0.1",
                "KUBELET_URL": self.kubelet.url,
                "KUBELET_CA_FILE": str(self.ca_file),
                "KUBELET_TOKEN_FILE": str(self.token_file(name)),
            }
        return settings

    def _identities(self) -> dict[str, Identity]:
        return {token: self._known[name] for name, token in self._tokens.items()}

    def _certificate(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context

    def _kubeconfig(self, name: str) -> str:
        """A kubeconfig of one user. JSON, which every YAML reader reads."""
        cluster = {"server": self.api.url, "certificate-authority": str(self.ca_file)}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "replayed", "cluster": cluster}],
                "users": [{"name": name, "user": {"token": self._tokens[name]}}],
                "contexts": [{"name": "replayed", "context": {"cluster": "replayed", "user": name}}],
                "current-context": "replayed",
            },
            indent=1,
        )
