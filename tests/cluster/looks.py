"""Checks that change nothing, but for the pod of ``helm test``."""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import helm_python

from tests.cluster.access import patiently
from tests.cluster.readings import Readings
from tests.cluster.release import Release
from tests.cluster.report import Failed, Progress, require, require_none
from tests.cluster.waiting import wait_for
from tests.stress.calls import Plan, Request
from tests.stress.checks import Answer, complaint
from tests.stress.declared import KIND_OF, from_openapi, with_the_root
from tests.stress.entities import Entity, entities_of

_HELM_TEST_SECONDS: Final = 320
_PATIENCE_SECONDS: Final = 20.0
_MOST_ENTITIES: Final = "20"
_COMPARED_ANSWERS: Final = 5
# An exporter serves a reading that is younger than this once more; and an answer takes its time.
_READ_ONCE_MORE_SECONDS: Final = 10.0
_ON_THE_WAY_SECONDS: Final = 5.0
# Before this age a pod need not have been read (docs/accuracy.md).
_YOUNG_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What a check works with."""

    release: Release
    progress: Progress


def pods_ready(run: Run) -> str:
    run.release.wait_ready()
    pods = run.release.pods()
    require(pods, "the release has no pods")
    components = Counter(pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods)
    restarts = sum(status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"])
    what = ", ".join(f"{count} {component}" for component, count in sorted(components.items()))
    return f"{len(pods)} pods Ready ({what}), {restarts} restarts"


def helm_test(run: Run) -> str:
    try:
        tested = run.release.helm.test(run.release.name, timeout=_HELM_TEST_SECONDS, logs=True)
    except helm_python.HelmError as error:
        raise Failed(f"helm test: {error}") from error
    log = str(tested["logs"])
    said = re.search(r"(\d+) of (\d+) routes answered 200", log)
    require(said and said[1] == said[2], f"helm test said: {log[-300:]}")
    return said[0] if said else ""


def routes(run: Run) -> str:
    """Every route that the API declares of itself, in all variants of its parameters, and what it must refuse."""
    release = run.release
    declared = with_the_root(from_openapi(release.fresh("/openapi.json")))
    entities: dict[str, list[Entity]] = {}
    for kinds, kind in KIND_OF.items():
        entities[kind] = entities_of(kind, release.fresh(f"/api/{kinds}", limit=_MOST_ENTITIES)["items"])
    require(all(entities.values()), f"a list is empty: { {kind: len(found) for kind, found in entities.items()} }")
    plan = Plan(declared, entities)
    run.progress.say(f"{len(plan.calls)} different calls of {len(plan.routes)} routes")
    problems = []
    statuses: Counter[int] = Counter()
    for _ in plan.calls:
        request = plan.next()
        answer = _answered(release, request)
        statuses[answer.status] += 1
        wrong = complaint(request, answer)
        if wrong:
            problems.append(f"{request.call.method} {request.path}: {wrong}")
    require_none(problems)
    counts = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    return (
        f"{len(plan.routes)} routes, {len(plan.calls)} calls through the Service, each answered as it must be: {counts}"
    )


def _answered(release: Release, request: Request) -> Answer:
    call = request.call
    answer = patiently(lambda: release.ask(request.path, None, call.headers, call.method), _PATIENCE_SECONDS)
    return Answer(answer.status, answer.headers, answer.body)


def usage(run: Run) -> str:
    """CPU and memory of every pod against what the kubelets say, of all nodes at once."""
    release = run.release
    scrape = release.scrape_seconds()
    # What an answer may be behind the kubelet: one scrape, and an exporter's reading that serves once more.
    behind = scrape + _READ_ONCE_MORE_SECONDS + _ON_THE_WAY_SECONDS
    readings = Readings()
    nodes = [node["metadata"]["name"] for node in release.cluster.items("/api/v1/nodes")]
    run.progress.say(
        f"listening to {len(nodes)} kubelets for {behind:.0f} s, then comparing {_COMPARED_ANSWERS} answers"
    )
    ages: list[float] = []
    pods: set[tuple[str, str]] = set()
    heard_enough = time.monotonic() + behind

    def compared_all() -> bool:
        nonlocal heard_enough
        for node in nodes:
            readings.note(release.cluster.kubelet(node, "/stats/summary", only_cpu_and_memory="true"), time.monotonic())
        if time.monotonic() < heard_enough:
            return False
        items = [item for item in release.fresh("/api/pods", phase="Running")["items"] if _old_enough(item)]
        compared = readings.compare(items, time.monotonic(), behind)
        require_none(compared.problems)
        ages.extend(compared.ages_seconds)
        pods.update((item["namespace"], item["name"]) for item in items)
        heard_enough = time.monotonic() + scrape
        rounds.append(len(items))
        return len(rounds) == _COMPARED_ANSWERS

    rounds: list[int] = []
    wait_for("the answers are compared", compared_all, behind + (_COMPARED_ANSWERS + 4) * (scrape + 2 * len(nodes)))
    require(pods & readings.pods(), "no running pod is known to both the kubelets and the API")
    current = sum(age <= 2.0 for age in ages) / len(ages)
    return (
        f"{len(pods)} running pods, {len(nodes)} kubelets: {len(ages)} values of CPU and memory in {_COMPARED_ANSWERS} "
        f"answers, each equal to a reading of its kubelet's: {current:.0%} to the present one, others to one replaced "
        f"{statistics.median([age for age in ages if age > 2.0] or [0.0]):.0f} s (median) to {max(ages):.0f} s before"
    )


def _old_enough(item: dict[str, Any]) -> bool:
    started = item["started"]
    return started is not None and _age_seconds(started) > _YOUNG_SECONDS


def _age_seconds(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
