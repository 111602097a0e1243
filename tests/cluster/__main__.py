"""``python -m tests.cluster``: see ``--help``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import helm_python

from tests.cluster.access import Cluster, NoCluster, Refused
from tests.cluster.checks import CHECKS, carried_out, chosen
from tests.cluster.looks import Run
from tests.cluster.release import NoRelease, Release
from tests.cluster.report import Outcome, Progress, succeeded, summary
from tests.cluster.settings import Settings, SettingsError, parse
from tests.cluster.waiting import NotInTime, wait_for

INTERRUPTED: Final = 130
_NAMESPACE_GONE_SECONDS: Final = 180.0


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit status, as the help has it."""
    try:
        settings = parse(arguments, environment, Path.home(), [check.name for check in CHECKS])
        cluster = Cluster.connect(settings.kubeconfig, settings.context)
        with Release.opened(cluster, settings) as release:
            return _check(release, settings)
    except (SettingsError, NoCluster, NoRelease, helm_python.HelmError, Refused) as error:
        print(f"cluster checks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED


def _check(release: Release, settings: Settings) -> int:
    progress = Progress.begin(lambda line: print(line, file=sys.stderr, flush=True))
    path = f"/api/v1/namespaces/{settings.namespace}"
    made = settings.install and release.cluster.found(path) is None
    _begin(release, settings, progress)
    title = _title(release, settings)
    checks = chosen(settings.groups, settings.only)
    outcomes = carried_out(Run(release, progress), checks)
    if made and any(outcome.check == "uninstall" for outcome in outcomes):
        progress.say(f"removing namespace {settings.namespace}, which was made for this")
        outcomes.append(_namespace_removed(release, path))
    print(summary(title, outcomes))
    return 0 if succeeded(outcomes) else 1


def _begin(release: Release, settings: Settings, progress: Progress) -> None:
    """Install it, or find it. Raises NoRelease."""
    where = f"in namespace {settings.namespace}"
    if settings.install:
        if release.exists():
            raise NoRelease(f"there is a release {settings.release} {where} already: leave --install out to check it")
        progress.say(f"installing {settings.release} {where}")
        release.install(settings.values)
    elif not release.exists():
        raise NoRelease(f"there is no release {settings.release} {where}: --install makes one, --release names another")


def _title(release: Release, settings: Settings) -> str:
    nodes = release.cluster.items("/api/v1/nodes")
    pods = release.cluster.items("/api/v1/pods")
    info = nodes[0]["status"]["nodeInfo"]
    status = release.helm.status(release.name)
    return (
        f"Cloud Monitoring {status['app_version']}, release {settings.release} in {settings.namespace} (chart "
        f"{status['chart_version']}, Helm engine {helm_python.helm_sdk_version()}): {len(nodes)} node"
        f"{'s' if len(nodes) != 1 else ''} and {len(pods)} pods of Kubernetes {info['kubeletVersion']}, "
        f"{info['containerRuntimeVersion']}"
    )


def _namespace_removed(release: Release, path: str) -> Outcome:
    release.cluster.delete(path)
    try:
        wait_for("the namespace is gone", lambda: release.cluster.found(path) is None, _NAMESPACE_GONE_SECONDS)
    except NotInTime as error:
        return Outcome("namespace", "failed", str(error), _NAMESPACE_GONE_SECONDS)
    return Outcome("namespace", "passed", "empty, and removed", 0.0)


if __name__ == "__main__":
    # What is told to end puts back what it took away, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:], os.environ))
