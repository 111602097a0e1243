"""Checks of the release's revisions: an upgrade and the way back, and the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import helm_python

from tests.cluster.access import Object
from tests.cluster.leftovers import belongs, kept, listable, named
from tests.cluster.looks import Run
from tests.cluster.release import Release
from tests.cluster.report import require
from tests.cluster.waiting import wait_for

_INTERVALS_LOOKED_BACK: Final = 8
# The grace of the chart's pods is 300 s at most.
_GONE_SECONDS: Final = 420.0
_HELM_SECONDS: Final = 420
_KINDS: Final = ("node", "pod", "namespace", "deployment")


def upgrade_and_rollback(run: Run) -> str:
    """What was stored before is answered after both, sample by sample."""
    release = run.release
    values = release.values()
    first = release.revision()
    end = datetime.fromisoformat(release.fresh("/api/namespaces")["time"]).timestamp() - 2 * release.scrape_seconds()
    before = _history(release, end)
    points = _points(before)
    require(points, "there is no history yet that could be kept")
    persistent = values["prometheus"]["enabled"] and values["prometheus"]["storage"]["enabled"]
    stamp = {"podAnnotations": {"cloud-monitoring/checked": str(int(time.time()))}}
    changed = {"facade": stamp, **({"prometheus": stamp} if persistent else {})}
    release.upgrade(changed)
    release.wait_ready()
    require(
        release.values()["facade"]["podAnnotations"] == stamp["podAnnotations"], "the upgrade's value is not in force"
    )
    _unchanged(before, _history(release, end), "the upgrade")
    run.progress.say(f"upgraded to revision {release.revision()}; rolling back to {first}")
    release.helm.rollback(release.name, version=first, timeout=_HELM_SECONDS)
    release.wait_ready()
    require(release.values() == values, "the rollback's values are not those of before")
    _unchanged(before, _history(release, end), "the rollback")
    who = "Prometheus and the facade" if persistent else "the facade (Prometheus has no volume, or is not the chart's)"
    return (
        f"revisions {first}, {first + 1}, {release.revision()}, each of which replaced {who}: {points} points of the "
        f"{_INTERVALS_LOOKED_BACK} intervals before are the same after both"
    )


def _history(release: Release, end: float) -> dict[str, Any]:
    step = release.scrape_seconds()
    window = {"start": f"{end - _INTERVALS_LOOKED_BACK * step:.0f}", "end": f"{end:.0f}", "step": str(step)}
    signal = {"metrics": "memory_working_set_bytes", "limit": "1000"}
    return {kind: release.fresh("/api/timeseries", kind=kind, **window, **signal) for kind in _KINDS}


def _points(history: Mapping[str, Any]) -> int:
    """How many values a history has."""
    return sum(_numbers(answer["series"] if "series" in answer else answer["items"]) for answer in history.values())


def _numbers(part: Any) -> int:
    if isinstance(part, dict):
        return sum(_numbers(one) for one in part.values())
    if isinstance(part, list):
        return sum(_numbers(one) for one in part)
    return int(isinstance(part, int | float) and not isinstance(part, bool))


def _unchanged(before: Mapping[str, Any], after: Mapping[str, Any], what: str) -> None:
    for kind, answer in before.items():
        same = {key: value for key, value in answer.items() if key != "time"} == {
            key: value for key, value in after[kind].items() if key != "time"
        }
        require(
            same, f"the history of {kind}s is not the same after {what}: {str(answer)[:300]} … {str(after[kind])[:300]}"
        )


def uninstall(run: Run) -> str:
    """Nothing of the release is left in the cluster, unless the values keep the claim."""
    release = run.release
    keep = bool(release.values()["prometheus"]["storage"]["keep"])
    # The chart's names begin as its Services' do, whose last part is the component.
    service = release.cluster.items(release.path("v1", "services"), release.labels("facade"))[0]["metadata"]["name"]
    prefix = service.removesuffix("facade")
    before = owned(release, prefix)
    run.progress.say(f"{len(before)} objects; uninstalling")
    release.helm.uninstall(release.name, timeout=_HELM_SECONDS)
    left: list[str] = []

    def gone() -> bool:
        left[:] = [named(item) for item in owned(release, prefix) if not kept(item, keep)]
        return not left

    try:
        wait_for("nothing is left", gone, _GONE_SECONDS)
    finally:
        require(not left, f"left after {_GONE_SECONDS:g} s: {', '.join(left[:20])}")
    try:
        release.helm.history(release.name)
    except helm_python.HelmError as error:
        require("not found" in str(error), f"Helm's history cannot be read: {error}")
    else:
        require(False, "Helm still knows the release")
    kinds = len({item["kind"] for item in before})
    return f"{len(before)} objects of {kinds} kinds were there, none is left" + (
        " but the claim that is kept" if keep else ""
    )


def owned(release: Release, prefix: str) -> list[Object]:
    """The release's objects, of every kind that the cluster serves and lets us list."""
    cluster = release.cluster
    groups = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in cluster.get("/apis")["groups"]]
    found = []
    for root in ("/api/v1", *groups):
        resources = cluster.ask(root)
        if resources.status != 200:  # an API service whose server is away has no objects to show
            continue
        for kind, plural in listable(resources.json()["resources"]):
            answer = cluster.ask(f"{root}/{plural}")
            if answer.status == 200:
                items = [{**item, "kind": kind} for item in answer.json()["items"] or ()]
                found += [item for item in items if belongs(item, release.name, release.namespace, prefix)]
    return found
