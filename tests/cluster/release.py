"""One release of the chart: Helm's own engine, its pods, its API."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.parse import urlencode

import helm_python

from tests.cluster.access import Answer, Cluster, Object, Refused, patiently
from tests.cluster.settings import Settings
from tests.cluster.waiting import wait_for

READY_SECONDS: Final = 420.0
_HELM_SECONDS: Final = 420
_EXCHANGED_SECONDS: Final = 60.0
_COMPONENT: Final = "app.kubernetes.io/component"
_INSTANCE: Final = "app.kubernetes.io/instance"
# In the facade's own pod: network policies let it ask Prometheus, whichever that is, and it knows where that is.
_ASK_PROMETHEUS: Final = """
import json, os, sys, urllib.request as request
headers = json.loads(os.environ.get("PROMETHEUS_HEADERS") or "{}")
asked = request.Request(os.environ["PROMETHEUS_URL"].rstrip("/") + sys.argv[1], headers=headers)
print(request.build_opener(request.ProxyHandler({})).open(asked, timeout=20).read().decode())
"""
_READ_METRICS: Final = """
import urllib.request as request
print(request.build_opener(request.ProxyHandler({})).open("http://127.0.0.1:9477/metrics", timeout=20).read().decode())
"""


class NoRelease(Exception):
    """There is no such release in the namespace, or already one where it should be installed."""


class Release:
    """The release that is checked. Whatever is asked of the cluster may raise ``Refused`` or ``NotInTime``."""

    def __init__(self, cluster: Cluster, helm: helm_python.Config, settings: Settings) -> None:
        self.cluster = cluster
        self.helm = helm
        self.namespace = settings.namespace
        self.name = settings.release
        self._chart = settings.chart

    @classmethod
    @contextmanager
    def opened(cls, cluster: Cluster, settings: Settings) -> Iterator[Self]:
        with helm_python.Config(
            namespace=settings.namespace, kubeconfig_path=settings.kubeconfig, kube_context=settings.context
        ) as helm:
            yield cls(cluster, helm, settings)

    # ── Helm

    def exists(self) -> bool:
        try:
            return bool(self.helm.status(self.name))
        except helm_python.HelmError as error:
            if "not found" in str(error):
                return False
            raise

    def install(self, values: Mapping[str, Any]) -> None:
        self.helm.install(self._chart, self.name, dict(values), create_namespace=True, timeout=_HELM_SECONDS)

    def upgrade(self, values: Mapping[str, Any]) -> None:
        """The release's own values, and ``values`` over them."""
        self.helm.upgrade(self._chart, self.name, dict(values), reuse_values=True, timeout=_HELM_SECONDS)

    def values(self) -> dict[str, Any]:
        """All values in force."""
        return dict(self.helm.get_values(self.name, all_values=True))

    def revision(self) -> int:
        return int(self.helm.status(self.name)["revision"])

    # ── What it consists of

    def path(self, group: str, plural: str, name: str = "") -> str:
        """Of the release's namespace; ``group`` is ``v1`` or such as ``apps/v1``."""
        root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def labels(self, component: str | None = None) -> str:
        return f"{_INSTANCE}={self.name}" + (f",{_COMPONENT}={component}" if component else "")

    def pods(self, component: str | None = None) -> list[Object]:
        """Its pods, those about to leave too, but not that of ``helm test``."""
        found = self.cluster.items(self.path("v1", "pods"), self.labels(component))
        return [pod for pod in found if pod["metadata"]["labels"].get(_COMPONENT) != "test"]

    def workloads(self) -> list[tuple[str, Object]]:
        """Plural name of the kind and the object."""
        kinds = ("daemonsets", "deployments", "statefulsets")
        return [(kind, one) for kind in kinds for one in self.cluster.items(self.path("apps/v1", kind), self.labels())]

    def daemonset(self) -> Object:
        return self.cluster.items(self.path("apps/v1", "daemonsets"), self.labels("exporter-node"))[0]

    def unready(self) -> list[str]:
        """What is not as it is wanted; empty when every workload is up to date and every pod Ready."""
        words = [f"{kind}/{one['metadata']['name']}" for kind, one in self.workloads() if not _complete(kind, one)]
        return words + [pod["metadata"]["name"] for pod in self.pods() if not ready(pod)]

    def wait_ready(self) -> None:
        """Raises NotInTime."""
        wait_for("every workload is up to date and every pod Ready", lambda: not self.unready(), READY_SECONDS)

    # ── Its API

    def ask(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> Answer:
        """What the facade's Service answers, through the API server."""
        service = self.cluster.items(self.path("v1", "services"), self.labels("facade"))[0]
        target = f"http:{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
        proxy = f"{self.path('v1', 'services', target)}/proxy"
        return self.cluster.ask(f"{proxy}{path}", query, headers, method=method)

    def fresh(self, path: str, **query: str) -> Any:
        """JSON that is not remembered from an earlier answer. Raises Refused; pods may be exchanged meanwhile."""
        answer = patiently(lambda: self.ask(path, query, {"Cache-Control": "no-cache"}), _EXCHANGED_SECONDS)
        if answer.status != 200:
            raise Refused(f"{path}: {answer.status} {answer.body[:200].decode(errors='replace')}", answer.status)
        return answer.json()

    def query(self, promql: str) -> list[Any]:
        """The elements of an instant vector, asked of Prometheus by the facade's pod."""
        pod = next(pod for pod in self.pods("facade") if ready(pod))
        path = f"/api/v1/query?{urlencode({'query': promql, 'time': f'{time.time():.3f}'})}"
        answered = self._python(pod, _ASK_PROMETHEUS, path)
        return list(json.loads(answered)["data"]["result"])

    def metrics_of(self, exporter: Object) -> str:
        """What an exporter's pod has at ``/metrics``."""
        return self._python(exporter, _READ_METRICS)

    def scrape_seconds(self) -> int:
        return int(self.values()["intervals"]["scrape"])

    def _python(self, pod: Object, program: str, *arguments: str) -> str:
        container = pod["spec"]["containers"][0]["name"]
        command: Sequence[str] = ("python", "-c", program, *arguments)
        return self.cluster.run_in(self.namespace, pod["metadata"]["name"], container, command)


def ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod's Ready condition is true and it is not about to leave."""
    conditions = pod["status"].get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )


def _complete(kind: str, workload: Mapping[str, Any]) -> bool:
    """Whether all pods are of the newest template, and ready (as ``kubectl rollout status`` has it)."""
    status = workload["status"]
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    if kind == "daemonsets":
        wanted = status["desiredNumberScheduled"]
        return bool(wanted == status.get("updatedNumberScheduled", 0) == status.get("numberReady", 0))
    wanted = workload["spec"]["replicas"]
    counts = (status.get("updatedReplicas", 0), status.get("readyReplicas", 0), status.get("replicas", 0))
    return all(count == wanted for count in counts)
