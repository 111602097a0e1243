"""Rule tests as promtool takes them, and what they cover."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

Group = dict[str, Any]
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Suite:
    """A rule file (its text) and what is expected of it, evaluated every ``interval`` (a PromQL duration)."""

    rules: str
    groups: Sequence[Group]
    interval: str


def run(folder: Path, suites: Sequence[Suite]) -> subprocess.CompletedProcess[str]:
    """What promtool says of all ``suites``; their files are written into ``folder``."""
    files: list[str] = []
    for number, suite in enumerate(suites):
        (folder / f"rules-{number}.yml").write_text(suite.rules)
        test = {
            "rule_files": [f"rules-{number}.yml"],
            "evaluation_interval": suite.interval,
            "tests": list(suite.groups),
        }
        files.append(f"tests-{number}.yml")
        (folder / files[-1]).write_text(yaml.safe_dump(test))
    command = ["promtool", "test", "rules", *files]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)


def covered(tests: Sequence[Group]) -> tuple[set[str], set[str]]:
    """The names of rules with a firing case, and of those with a silent one.

    A case of an alert is what names it; a case of a recording rule is every expression that reads its record.
    """
    firing: set[str] = set()
    silent: set[str] = set()
    for group in tests:
        for case in group.get("alert_rule_test", ()):
            (firing if case["exp_alerts"] else silent).add(case["alertname"])
        for case in group.get("promql_expr_test", ()):
            (firing if case["exp_samples"] else silent).update(_NAME.findall(case["expr"]))
    return firing, silent


def untested(rule_files: Iterable[str], tests: Sequence[Group]) -> list[str]:
    """A line for every rule of ``rule_files`` (their texts) that lacks a firing or a silent case."""
    firing, silent = covered(tests)
    lines: list[str] = []
    for text in rule_files:
        for rule in (rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]):
            name = rule.get("alert") or rule["record"]
            lines += [
                f"{name} has no {kind} test"
                for kind, names in (("firing", firing), ("silent", silent))
                if name not in names
            ]
    return lines
