"""The exporters work with exactly the chart's rights, and each one that is taken away breaks something.

An exporter is started anew for each: an open watch is not closed when its right goes, and a kubelet remembers for
minutes what it has allowed to whom; a new pod's token is somebody new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.cluster.access import Object, Refused
from tests.cluster.asked import Sources, each_removed, sources
from tests.cluster.looks import Run
from tests.cluster.release import Release
from tests.cluster.report import NotRun, require
from tests.cluster.waiting import wait_for

_CLUSTER_ROLES: Final = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
# A kubelet that does not know who asks keeps its answer for five minutes.
_NOTICED_SECONDS: Final = 360.0
# What each exporter reads (docs/metrics.md); the last of them some scrapes after its start.
_SOURCES: Final = {
    "exporter-node": {"resource", "detail", "storage", "node_pods"},
    "exporter-cluster": {"pods", "nodes", "namespaces", "deployments", "statefulsets", "daemonsets"},
}


def each_right(run: Run) -> str:
    found = []
    for component in _SOURCES:
        roles = run.release.cluster.items(_CLUSTER_ROLES, run.release.labels(component))
        if not roles:
            raise NotRun(f"there is no ClusterRole of {component}")
        found.append(f"{component}: {'; '.join(_each_of(run, component, roles[0]))}")
    return ". ".join(found)


def _each_of(run: Run, component: str, role: Object) -> list[str]:
    release = run.release
    path = f"{_CLUSTER_ROLES}/{role['metadata']['name']}"
    whole = _healthy(release, component)
    words = [f"with all of them {len(whole.up)} sources up and none refused"]
    try:
        for right, rules in each_removed(role["rules"]):
            release.cluster.patch(path, {"rules": rules})
            broken = _broken(release, component, str(right))
            words.append(f"without {right}: {', '.join(sorted(broken.refused))} refused")
            run.progress.say(f"{component} {words[-1]}")
    finally:
        release.cluster.patch(path, {"rules": role["rules"]})
    _healthy(release, component)
    release.wait_ready()
    return words


def _healthy(release: Release, component: str) -> Sources:
    """What a new exporter with all rights has. Raises NotInTime."""

    def all_up(found: Sources) -> bool:
        require(not found.refused, f"{component} was refused {sorted(found.refused)} with all of the chart's rights")
        return found.up >= _SOURCES[component] and not found.down

    return _of_a_new_one(release, component, all_up, f"all sources of a new {component} are up")


def _broken(release: Release, component: str, right: str) -> Sources:
    return _of_a_new_one(
        release, component, lambda found: bool(found.refused & found.down), f"{component} misses {right}"
    )


def _of_a_new_one(release: Release, component: str, wanted: Callable[[Sources], bool], what: str) -> Sources:
    """Replace an exporter, and wait until the new one's sources are as ``wanted``."""
    old = release.pods(component)
    deleted = next(pod for pod in old if "deletionTimestamp" not in pod["metadata"])
    release.cluster.delete(release.path("v1", "pods", deleted["metadata"]["name"]), grace_seconds=1)
    known = {pod["metadata"]["uid"] for pod in old}

    def look() -> Sources | None:
        for pod in release.pods(component):
            started = any("running" in one["state"] for one in pod["status"].get("containerStatuses") or ())
            if pod["metadata"]["uid"] not in known and started:
                try:
                    found = sources(release.metrics_of(pod))
                except Refused:  # it does not listen yet
                    return None
                return found if wanted(found) else None
        return None

    return wait_for(what, look, _NOTICED_SECONDS)
