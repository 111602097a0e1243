"""Names to ask for: items of the facade's own lists, so that whatever is in the store is what is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Valid, and not likely to be there.
NOBODY: Final = "no-such-name-anywhere"


@dataclass(frozen=True, slots=True)
class Entity:
    """An item of a list as far as it can be asked for; empty where it has no such thing."""

    kind: str
    name: str
    namespace: str = ""
    cluster: str = ""
    node: str = ""
    workload: str = ""

    def values(self) -> dict[str, str]:
        """What can be put into a query in place of ``{…}``; ``{part}`` is a part of its name."""
        part = self.name[: max(1, len(self.name) // 2)].rstrip("-.")
        fields = {name: str(getattr(self, name)) for name in ("name", "namespace", "cluster", "node", "workload")}
        if self.kind in ("node", "namespace"):
            fields[self.kind] = self.name
        return {**fields, "part": part}


def entities_of(kind: str, items: Iterable[Mapping[str, Any]]) -> list[Entity]:
    """The items of a list; what is no item is left out, for checks.py complains of it."""
    found = []
    for item in items:
        if not (isinstance(item, dict) and isinstance(item.get("name"), str)):
            continue
        workload = item.get("workload")
        path = f"{workload['kind']}/{workload['name']}" if isinstance(workload, dict) else ""
        texts = {name: item.get(name) or "" for name in ("namespace", "cluster", "node")}
        found.append(Entity(kind, item["name"], workload=path, **texts))
    return found
