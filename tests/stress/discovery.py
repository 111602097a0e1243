"""What is at a URL: whether it is Cloud Monitoring, which routes it has, and what is in its lists."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import requests

from tests.stress.declared import KIND_OF, Route, from_links, from_openapi, with_the_root
from tests.stress.entities import Entity, entities_of

NAME: Final = "cloud-monitoring"
_MOST_ENTITIES: Final = "50"


class NotThere(Exception):
    """No Cloud Monitoring answers at the URL; says what does, and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """``entities`` are by kind, some of each; ``ahead_seconds`` is how far its clock goes before ours."""

    version: str
    routes: Sequence[Route]
    entities: Mapping[str, Sequence[Entity]]
    ahead_seconds: float = 0.0

    def clock(self) -> float:
        """The facade's time, Unix seconds."""
        return time.time() + self.ahead_seconds

    @property
    def described(self) -> str:
        """The facade and its store, in words."""
        counts = ", ".join(
            f"{len(found)} {kind}{'s' if len(found) != 1 else ''}" for kind, found in self.entities.items()
        )
        return f"Cloud Monitoring {self.version}, asked about {counts}"


def discover(url: str, timeout_seconds: float) -> Found:
    """Raises NotThere. A list that fails is taken for empty: that it fails comes to light when it is called."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy of the environment on the way

        def get(path: str) -> dict[str, Any] | None:
            """The object that a path answers with 200; None for anything else."""
            try:
                answer = session.get(f"{url}{path}", timeout=timeout_seconds)
                document = answer.json() if answer.status_code == 200 else None
            except requests.RequestException:
                return None
            return document if isinstance(document, dict) else None

        about = _about(session, url, timeout_seconds)
        document = get("/openapi.json")
        routes = from_openapi(document) if document else from_links(about.get("links", {}).values())
        routes = with_the_root(routes)
        entities: dict[str, list[Entity]] = {}
        ahead = 0.0
        for route in routes:
            if route.template in (f"/api/{kinds}" for kinds in KIND_OF):
                narrowed = f"?limit={_MOST_ENTITIES}" if "limit" in route.parameters else ""
                answer = get(route.template + narrowed) or {}
                entities[str(route.items)] = entities_of(str(route.items), answer.get("items") or ())
                ahead = _ahead(answer.get("time"), time.time()) or ahead
    return Found(str(about.get("version")), routes, entities, ahead)


def _ahead(text: object, now: float) -> float:
    """How far a list's ``time`` goes before ``now``, in seconds; totals are a few seconds old, which is nothing."""
    try:
        return datetime.fromisoformat(str(text)).timestamp() - now
    except ValueError:
        return 0.0


def _about(session: requests.Session, url: str, timeout_seconds: float) -> dict[str, Any]:
    """What ``/`` says, degraded or not."""
    try:
        answer = session.get(f"{url}/", headers={"Accept": "application/json"}, timeout=timeout_seconds)
    except requests.RequestException as error:
        why = "no answer in time" if isinstance(error, requests.Timeout) else "nothing listens there"
        raise NotThere(f"{url} does not answer ({why}): start a facade with `make run`, or set API_BASE_URL") from error
    try:
        document = answer.json()
    except requests.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get("name") != NAME:
        raise NotThere(f"what answers at {url} is not Cloud Monitoring (status {answer.status_code}): see API_BASE_URL")
    return document
