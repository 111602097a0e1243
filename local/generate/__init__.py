"""What is made from code and committed, so that a user needs no Python to install it.

``chart_files()`` go into the chart; ``manifests()`` are then rendered from it. ``make generate`` writes both; a test
compares them with what is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from local.generate.chart_readme import chart_readme
from local.generate.compose import compose_files
from local.generate.dashboards import dashboard_files
from local.generate.manifests import FOLDER, manifests
from local.generate.rule_templates import alerts_template, dialect_rules_template, recording_rules_template
from promql.dialects import KUBE_PROMETHEUS

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = Path("helm") / "cloud-monitoring"
Say = Callable[[str], None]


def chart_files() -> dict[Path, str]:
    """Every generated file of the chart, by its path below the repository's root."""
    values = (ROOT / CHART / "values.yaml").read_text("utf-8")
    return {
        CHART / "rules" / "recording.yaml": recording_rules_template(),
        CHART / "rules" / "alerts.yaml": alerts_template(),
        CHART / "rules" / KUBE_PROMETHEUS / "recording.yaml": dialect_rules_template(KUBE_PROMETHEUS),
        CHART / "README.md": chart_readme(values),
    } | {CHART / "dashboards" / name: text for name, text in dashboard_files().items()}


def write(say: Say) -> None:
    """Bring every generated file up to date, and remove manifests of objects that are no more."""
    _write(chart_files() | compose_files(), say)
    rendered = manifests()
    _write(rendered, say)
    for path in stale(rendered):
        (ROOT / path).unlink()
        say(f"removed {path}")


def stale(current: Iterable[Path]) -> list[Path]:
    """Files in the folder of manifests that are not ``current``."""
    known = set(current)
    there = sorted((ROOT / FOLDER).glob("*")) if (ROOT / FOLDER).is_dir() else []
    return [found for path in there if (found := path.relative_to(ROOT)) not in known]


def differing(generated: dict[Path, str]) -> list[Path]:
    """Files that are not there, or not as they are generated."""
    return [path for path, text in generated.items() if _text(ROOT / path) != text]


def _write(generated: dict[Path, str], say: Say) -> None:
    for path in differing(generated):
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(generated[path], "utf-8")
        say(f"wrote {path}")


def _text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None
