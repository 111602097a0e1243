"""Which checks there are, in their order, and how they are run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import helm_python

from tests.cluster.access import Refused
from tests.cluster.looks import Run, helm_test, pods_ready, routes, usage
from tests.cluster.replacements import exporter_deleted, pod_recreated, rollout
from tests.cluster.report import Failed, NotRun, Outcome, Result
from tests.cluster.revisions import uninstall, upgrade_and_rollback
from tests.cluster.rights import each_right
from tests.cluster.waiting import NotInTime


class Check(NamedTuple):
    """``group`` is the option that chooses it: ``looks`` are always run. ``call`` gives figures, or raises."""

    name: str
    group: str
    call: Callable[[Run], str]


CHECKS: Final = (
    Check("pods ready", "looks", pods_ready),
    Check("helm test", "looks", helm_test),
    Check("routes", "looks", routes),
    Check("usage", "looks", usage),
    Check("rollout", "disruptive", rollout),
    Check("exporter deleted", "disruptive", exporter_deleted),
    Check("pod recreated", "disruptive", pod_recreated),
    Check("upgrade and rollback", "disruptive", upgrade_and_rollback),
    Check("rights", "rights", each_right),
    Check("uninstall", "uninstall", uninstall),
)


def chosen(groups: frozenset[str], only: frozenset[str]) -> list[Check]:
    """The checks of the groups; of them only those named, if any is."""
    return [check for check in CHECKS if check.group in groups and (not only or check.name in only)]


def carried_out(run: Run, checks: Sequence[Check]) -> list[Outcome]:
    """All of them, whatever one finds."""
    outcomes = []
    for check in checks:
        run.progress.say(check.name)
        outcomes.append(_outcome(run, check))
        run.progress.say(f"{check.name} {outcomes[-1].result}: {outcomes[-1].figures}")
    return outcomes


def _outcome(run: Run, check: Check) -> Outcome:
    started = time.monotonic()
    result: Result
    try:
        result, figures = "passed", check.call(run)
    except NotRun as error:
        result, figures = "not run", str(error)
    except (Failed, NotInTime, Refused, helm_python.HelmError) as error:
        result, figures = "failed", str(error)
    return Outcome(check.name, result, figures, time.monotonic() - started)
