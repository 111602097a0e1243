"""The command line of ``python -m tests.cluster``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from local.chart import CHART, RELEASE
from local.kubeconfig import kubeconfig_of

DESCRIPTION: Final = """\
Check a release of Cloud Monitoring in a cluster: by default only what changes nothing (and `helm test`, whose pod comes
and goes). docs/cluster-tests.md has the rest. The exit status is 0 if every check passed, 1 if one failed, 2 if
nothing could be checked.
"""


class SettingsError(Exception):
    """An option has no usable value; says which and what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``values`` are the chart's, in force with ``install`` alone; ``groups`` those of the checks that are wanted."""

    kubeconfig: Path
    context: str | None
    namespace: str
    release: str
    chart: Path
    install: bool
    values: Mapping[str, Any]
    groups: frozenset[str]
    only: frozenset[str]


def parse(arguments: Sequence[str], environment: Mapping[str, str], home: Path, checks: Sequence[str]) -> Settings:
    """Raises SettingsError, and SystemExit as argparse does. ``checks`` are the names that --only may have."""
    given = _parser(checks).parse_args(list(arguments))
    kubeconfig = given.kubeconfig or kubeconfig_of(environment, home)
    if kubeconfig is None:
        raise SettingsError("there is no kubeconfig: name one with --kubeconfig or KUBECONFIG")
    if given.values and not given.install:
        raise SettingsError("--values belongs to --install: an upgrade here keeps the release's own values")
    wanted = {"looks"} | {
        group for group in ("disruptive", "rights", "uninstall") if given.all or getattr(given, group)
    }
    return Settings(
        kubeconfig=kubeconfig,
        context=given.context,
        namespace=given.namespace,
        release=given.release,
        chart=given.chart,
        install=given.install,
        values=_values(given.values),
        groups=frozenset(wanted),
        only=frozenset(given.only),
    )


def _parser(checks: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, metavar="FILE", help="default: KUBECONFIG, else ~/.kube/config")
    add("--context", metavar="NAME", help="a context of the kubeconfig; default: its current one")
    add("--namespace", default=RELEASE, metavar="NAME", help="the release's namespace (%(default)s)")
    add("--release", default=RELEASE, metavar="NAME", help="the release (%(default)s)")
    add(
        "--chart", type=Path, default=CHART, metavar="FOLDER", help="what is installed and upgraded to (the tree's own)"
    )
    add("--install", action="store_true", help="install it first, by Helm's engine; the namespace too")
    add("--values", type=Path, metavar="FILE", help="values to install with, YAML")
    add(
        "--disruptive", action="store_true", help="replace exporters and pods, upgrade, roll back: the release works on"
    )
    add("--rights", action="store_true", help="take each right away from the exporters for some seconds")
    add("--uninstall", action="store_true", help="uninstall at the end, and look for what is left")
    add("--all", action="store_true", help="--disruptive --rights --uninstall")
    add(
        "--only",
        action="append",
        default=[],
        choices=checks,
        metavar="CHECK",
        help=f"of those chosen: {'; '.join(checks)}",
    )
    return parser


def _values(file: Path | None) -> Mapping[str, Any]:
    if file is None:
        return {}
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"--values {file} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise SettingsError(f"--values {file} is not a mapping")
    return read
