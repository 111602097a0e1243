"""Every alert and every group of recording rules has its section in docs/runbooks, and every section its rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from promql.alerts import Alert, load_alerts
from promql.rules import rules_file

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
README = (RUNBOOKS / "README.md").read_text("utf-8")
ALERTS = {alert.name: alert for alert in load_alerts()}
GROUPS = [group["name"] for group in yaml.safe_load(rules_file(15, 60))["groups"]]
_LINK = re.compile(r"\]\(([\w./-]*\.md)?(?:#([\w-]+))?\)")


def sections(path: Path) -> dict[str, str]:
    """The text below each second-level heading."""
    _, *parts = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    return {heading.strip(): text for heading, _, text in (part.partition("\n") for part in parts)}


def anchors(path: Path) -> set[str]:
    """How Markdown's renderers name the headings: in lower case, with dashes for blanks."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("alert", ALERTS.values(), ids=lambda alert: alert.name)
def test_the_alert_has_its_section(alert: Alert) -> None:
    file, _, anchor = alert.runbook.partition("#")
    assert anchor in anchors(RUNBOOKS / file)
    text = sections(RUNBOOKS / file)[alert.name]
    after = f"after {alert.for_}" if alert.for_ else "at once"
    assert text.strip().startswith(f"{alert.severity}, {after}.\n")
    parts = re.findall(r"^\*\*(\w+)\.\*\*", text, flags=re.MULTILINE)
    assert parts == ["Meaning", "Impact", "Look", "Do"]
    assert f"| [{alert.name}]({alert.runbook}) | {alert.severity} | {alert.for_ or 'at once'} |" in README


def test_every_section_has_its_rule() -> None:
    groups = {alert.group for alert in ALERTS.values()}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {"README", "recording", *groups}
    assert [name for group in sorted(groups) for name in sections(RUNBOOKS / f"{group}.md")] == [
        name for group in sorted(groups) for name, alert in ALERTS.items() if alert.group == group
    ]
    assert list(sections(RUNBOOKS / "recording.md")) == GROUPS
    assert re.findall(r"^\| \[(\w+)\]", README, flags=re.MULTILINE) == [*ALERTS, *GROUPS]


@pytest.mark.parametrize("path", [*RUNBOOKS.glob("*.md"), RUNBOOKS.parent / "alerts.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = _LINK.findall(path.read_text("utf-8"))
    assert links
    for file, anchor in links:
        target = (path.parent / file).resolve() if file else path
        assert target.is_file(), file
        assert not anchor or anchor in anchors(target), (file, anchor)
