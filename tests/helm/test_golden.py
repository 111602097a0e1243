"""What each set of values renders. default.yaml is all of it; the others have the objects that differ from that."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from local.chart import Object
from tests.golden import check_golden
from tests.helm.cases import CASES, rendered

# Texts that are files of the repository already; the golden files name them by their length.
_LONGEST_TEXT = 4000


def shortened(node: Any) -> Any:
    if isinstance(node, dict):
        if "groups" in node:
            return {"groups": [f"{group['name']}: {len(group['rules'])} rules" for group in node["groups"]]}
        return {key: shortened(value) for key, value in node.items()}
    if isinstance(node, list):
        return [shortened(value) for value in node]
    if isinstance(node, str) and len(node) > _LONGEST_TEXT:
        return f"{len(node.splitlines())} lines"
    return node


def by_identity(found: list[Object]) -> dict[str, str]:
    return {
        f"{item['kind']}/{item['metadata']['name']}": yaml.safe_dump(shortened(item), sort_keys=False, width=120)
        for item in found
    }


def test_the_defaults() -> None:
    check_golden("helm/default.yaml", "---\n".join(by_identity(rendered("default")).values()))


@pytest.mark.parametrize("case", [case for case in CASES if case != "default"])
def test_other_values(case: str) -> None:
    default, found = by_identity(rendered("default")), by_identity(rendered(case))
    absent = [f"# absent: {identity}\n" for identity in default if identity not in found]
    different = [text for identity, text in found.items() if default.get(identity) != text]
    check_golden(f"helm/{case}.yaml", "".join(absent) + "---\n".join(different))
