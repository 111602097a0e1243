"""Checks that replace exporters and pods: the release works on, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from tests.cluster.access import Object
from tests.cluster.looks import Run
from tests.cluster.release import Release, ready
from tests.cluster.report import NotRun, require, require_none
from tests.cluster.totals import Judged, Seen, judge, seconds_of, settled, standing, totals_of
from tests.cluster.waiting import wait_for

_EVALUATIONS: Final = 3
_REPLACED_SECONDS: Final = 240.0
# A DaemonSet can start a pod before it ends another from this version on.
_SURGE: Final = (1, 22)


def see(release: Release) -> Seen:
    """The namespaces' totals now."""
    answer = release.fresh("/api/namespaces")
    return Seen(answer["time"], time.monotonic(), totals_of(answer))


def steady(run: Run) -> list[Seen]:
    """Totals that have stood for some evaluations. Raises NotInTime."""
    seen: list[Seen] = []

    def stand() -> bool:
        seen.append(see(run.release))
        return settled(seen, _EVALUATIONS)

    wait_for(f"totals stand for {_EVALUATIONS} evaluations", stand, _REPLACED_SECONDS)
    evaluations = list(dict.fromkeys(one.time for one in seen))[-_EVALUATIONS:]
    return [one for one in seen if one.time in evaluations]


def followed(run: Run, before: list[Seen], over: Callable[[], bool], seconds: float) -> list[Seen]:
    """Totals seen until ``over``, and for two intervals more, until they are all that they were before."""
    during: list[Seen] = []
    ended_at: list[float] = []
    quiet_seconds = 2 * run.release.scrape_seconds()

    def done() -> bool:
        during.append(see(run.release))
        if not ended_at and over():
            ended_at.append(time.monotonic())
        whole = standing(during[-1].totals) == standing(before[-1].totals)
        return bool(ended_at) and whole and time.monotonic() - ended_at[0] > quiet_seconds

    wait_for("it is done, and totals are what they were before", done, seconds)
    return during


def rollout(run: Run) -> str:
    """The DaemonSet's pods are replaced, as after an upgrade of the exporters."""
    release = run.release
    before = steady(run)
    old = {pod["metadata"]["uid"] for pod in release.pods("exporter-node")}
    surge = release.cluster.version() >= _SURGE
    stamp = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}}}
    name = release.daemonset()["metadata"]["name"]
    release.cluster.patch(release.path("apps/v1", "daemonsets", name), {"spec": {"template": stamp}})

    def replaced() -> bool:
        pods = release.pods("exporter-node")
        return not any(pod["metadata"]["uid"] in old for pod in pods) and not release.unready()

    during = followed(run, before, replaced, _REPLACED_SECONDS * max(1, len(old)))
    judged = judge(before, during, changing=frozenset({release.namespace}), gap_expected=not surge)
    require_none(judged.problems)
    return f"{len(old)} exporters replaced; {_moved_nothing(before, during, judged)}" + (
        "" if surge else "; Kubernetes before 1.22 ends the old pod first, so that the gap is as the upgrade notes say"
    )


def exporter_deleted(run: Run) -> str:
    """One node's exporter is deleted, without a successor yet; its series go on when it is back."""
    release = run.release
    before = steady(run)
    pod = next(pod for pod in release.pods("exporter-node") if ready(pod))
    node, uid = pod["spec"]["nodeName"], pod["metadata"]["uid"]
    started = time.monotonic()
    release.cluster.delete(release.path("v1", "pods", pod["metadata"]["name"]))

    def back() -> bool:
        listed = [item["name"] for item in release.fresh("/api/nodes", metrics="cpu_cores")["items"]]
        require(node in listed, f"node {node} left the list with its exporter")
        here = [one for one in release.pods("exporter-node") if one["spec"].get("nodeName") == node]
        return len(here) == 1 and here[0]["metadata"]["uid"] != uid and ready(here[0])

    during = followed(run, before, back, _REPLACED_SECONDS)
    judged = judge(before, during, changing=frozenset({release.namespace}), gap_expected=True)
    require_none(judged.problems)
    return f"{node} stayed in every list; {_moved_nothing(before, during, judged)}; {_same_series(run, node, started)}"


def _same_series(run: Run, node: str, started: float) -> str:
    """The new exporter's series are the old one's, and the counters went on."""
    seconds = int(time.monotonic() - started) + 4 * run.release.scrape_seconds()
    counter = f'cloudmon_node_cpu_usage_seconds_total{{node="{node}"}}'
    series = run.release.query(f"count_over_time({counter}[{seconds}s])")
    instances = [one["metric"].get("instance") for one in series]
    require(instances == [node], f"node {node} has series under the instances {instances}")
    resets = run.release.query(f"resets({counter}[{seconds}s])")
    require([one["value"][1] for one in resets] == ["0"], f"the CPU counter of {node} began anew: {resets}")
    double = run.release.query(
        f'count by (uid) (count_over_time(cloudmon_pod_cpu_usage_seconds_total{{node="{node}"}}[{seconds}s])) > 1'
    )
    require(not double, f"pods with more than one series: {double}")
    return "its series went on under the same instance, no counter began anew"


def pod_recreated(run: Run) -> str:
    """A StatefulSet's pod is deleted: another comes under its name."""
    release = run.release
    name = f"{release.name[:40]}-recreated"
    path = release.path("apps/v1", "statefulsets", name)
    _remove(run, path, f"{name}-0")
    facade = release.pods("facade")
    if not facade:
        raise NotRun("there is no facade's pod whose image could be used")
    release.cluster.create(release.path("apps/v1", "statefulsets"), _statefulset(name, facade[0]["spec"]))
    try:
        return _recreated(run, f"{name}-0")
    finally:
        _remove(run, path, f"{name}-0")


def _recreated(run: Run, name: str) -> str:
    release = run.release
    old = wait_for(f"the API has the memory of {name}", lambda: _measured(release, name), _REPLACED_SECONDS)
    before = steady(run)
    release.cluster.delete(release.path("v1", "pods", name))
    uids: list[list[str]] = []

    def only_the_new_one() -> bool:
        items = release.fresh("/api/pods", namespace=release.namespace, name=name)["items"]
        uids.append([item["uid"] for item in items])
        return len(items) == 1 and items[0]["uid"] != old and _measured(release, name) is not None

    during = followed(run, before, only_the_new_one, _REPLACED_SECONDS)
    judged = judge(before, during, shrinking=frozenset({release.namespace}), gap_expected=True)
    require_none(judged.problems)
    both = sum(len(set(found)) > 1 for found in uids)
    require(both == 0, f"both pods were in {both} of {len(uids)} lists")
    actual = release.cluster.get(release.path("v1", "pods", name))["metadata"]["uid"]
    require(uids[-1] == [actual], f"the API has uid {uids[-1]}, the cluster {actual}")
    return (
        f"{name}: the old uid left, the new one came, in none of {len(uids)} lists were both; "
        f"{_moved_nothing(before, during, judged)}"
    )


def _measured(release: Release, name: str) -> str | None:
    """The pod's uid, once its memory is known."""
    for item in release.fresh("/api/pods", namespace=release.namespace, name=name)["items"]:
        if item["usage"]["memory_working_set_bytes"] is not None:
            return str(item["uid"])
    return None


def _remove(run: Run, statefulset: str, pod: str) -> None:
    run.release.cluster.delete(statefulset)
    path = run.release.path("v1", "pods", pod)
    wait_for(f"{pod} is gone", lambda: run.release.cluster.found(path) is None, _REPLACED_SECONDS)


def _statefulset(name: str, facade: Object) -> dict[str, Any]:
    """One pod that does nothing, with the facade's image and security, and nothing that the chart's objects select."""
    copied = ("securityContext", "imagePullSecrets", "nodeSelector", "tolerations")
    container = facade["containers"][0]
    labels = {"app.kubernetes.io/part-of": "cloud-monitoring-checks", "app.kubernetes.io/component": name}
    program = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); signal.pause()"
    pod = {key: facade[key] for key in copied if key in facade} | {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "idle",
                "command": ["python", "-c", program],
                "resources": {
                    "requests": {"cpu": "10m", "memory": "16Mi"},
                    "limits": {"cpu": "100m", "memory": "64Mi"},
                },
                **{key: container[key] for key in ("image", "imagePullPolicy", "securityContext")},
            }
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _moved_nothing(before: list[Seen], during: list[Seen], judged: Judged) -> str:
    names = {place[0] for place in before[-1].totals}
    evaluations = len({one.time for one in during})
    gap = seconds_of(judged.partial, during)
    said = (
        f"for {gap:.0f} s totals were null or covered less, and said so" if judged.partial else "none was ever partial"
    )
    return f"no total of {len(names)} namespaces moved in {len(during)} answers of {evaluations} evaluations, {said}"
