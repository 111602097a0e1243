"""One resource over a recording: its lists moment by moment, and the watch events that lie between them.

Only lists were recorded; the events are their differences. A resourceVersion is the recorded one times 1000: this
leaves room for deletions, whose own revision is in no list, and for compactions at a test's will. As in Kubernetes,
versions of one resource only grow, and each event has its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.replay.recording import JsonObject
from tests.replay.resources import Resource

REVISION_SCALE: Final = 1000

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"


@dataclass(frozen=True, slots=True)
class State:
    """The resource's list at one moment; ``objects`` by uid, sorted by namespace and name."""

    revision: int
    objects: Mapping[str, JsonObject]


@dataclass(frozen=True, slots=True)
class Event:
    """A change between two moments, to be seen from ``moment`` on. ``before`` is the object's earlier state, if any."""

    revision: int
    moment: int
    type: str
    object: JsonObject
    before: JsonObject | None

    def seen_through(self, matches: Callable[[JsonObject], bool]) -> tuple[str, JsonObject] | None:
        """Type and object for a watch with a selector: what begins to match is added, what ceases to is deleted."""
        was = self.before is not None and matches(self.before)
        now = self.type != DELETED and matches(self.object)
        if now:
            return (MODIFIED if was else ADDED), self.object
        return (DELETED, self.object) if was else None


class History:
    """States and events of one resource.

    ``lists`` are the recorded lists, one a moment. Raises ``ValueError`` where an object's version does not lie
    between those of the lists before and after its change.
    """

    def __init__(self, resource: Resource, lists: Sequence[JsonObject]) -> None:
        self.resource = resource
        self.states = tuple(_state(resource, recorded) for recorded in lists)
        self.events = tuple(
            event
            for moment, (before, after) in enumerate(pairwise(self.states), start=1)
            for event in _events(moment, before, after)
        )
        for event in self.events:
            if not self.states[event.moment - 1].revision < event.revision <= self.states[event.moment].revision:
                raise ValueError(
                    f"{resource.plural} at moment {event.moment}: version {event.revision} is out of order"
                )

    def events_after(self, revision: int, last_moment: int) -> tuple[Event, ...]:
        """The events with a version above ``revision``, up to and with those of ``last_moment``."""
        start = bisect_right(self.events, revision, key=lambda event: event.revision)
        end = bisect_right(self.events, last_moment, key=lambda event: event.moment)
        return self.events[start:end]


def revision_of(item: JsonObject) -> int:
    return int(item["metadata"]["resourceVersion"])


def at_revision(item: JsonObject, revision: int) -> JsonObject:
    """The object with another resourceVersion."""
    return {**item, "metadata": {**item["metadata"], "resourceVersion": str(revision)}}


def name_of(item: JsonObject) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _state(resource: Resource, recorded: JsonObject) -> State:
    # Lists leave out what is the same for all of their items; a watch event's object has it.
    head: JsonObject = {"kind": resource.kind, "apiVersion": resource.api_version}
    objects = [
        head | at_revision(item, revision_of(item) * REVISION_SCALE)
        for item in sorted(recorded.get("items") or [], key=name_of)
    ]
    revision = int(recorded.get("metadata", {}).get("resourceVersion") or 1) * REVISION_SCALE
    return State(revision, {item["metadata"]["uid"]: item for item in objects})


def _events(moment: int, before: State, after: State) -> list[Event]:
    events = []
    for uid, item in after.objects.items():
        earlier = before.objects.get(uid)
        if earlier is None or revision_of(earlier) != revision_of(item):
            type_ = ADDED if earlier is None else MODIFIED
            events.append(Event(revision_of(item), moment, type_, item, earlier))
    # A successor under the same name came after its predecessor had gone.
    successors = {name_of(event.object): event.revision for event in events if event.type == ADDED}
    taken = {event.revision for event in events}
    for uid, item in before.objects.items():
        if uid not in after.objects:
            revision = successors.get(name_of(item), after.revision)
            while revision in taken:
                revision -= 1
            taken.add(revision)
            events.append(Event(revision, moment, DELETED, at_revision(item, revision), item))
    return sorted(events, key=lambda event: event.revision)
