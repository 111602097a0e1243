"""What the routes about the facade itself answer with. Each has its own form: it is said here, by the route's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from facade.context import HTML, JSON
from facade.metrics import CONTENT_TYPE
from facade.openapi.schemas import TEXT, Schema, described, strict

_OK: Final = strict({"status": {"const": "ok"}})


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """``bodies`` are the schemas of a 200 by media type, ``otherwise`` those of other statuses that are no problem.

    ``upstream`` says that the route asks Prometheus and that its failure is a problem.
    """

    bodies: Mapping[str, Schema]
    upstream: bool = False
    otherwise: Mapping[int, tuple[str, Mapping[str, Schema]]] | None = None


def _about(status: str, *, detail: bool) -> Schema:
    properties = {
        "name": TEXT,
        "version": TEXT,
        "status": {"const": status},
        "links": {
            "type": "object",
            "description": "Paths by what they lead to.",
            "additionalProperties": {"type": "string", "pattern": "^/"},
        },
        "detail": described(TEXT, "Why it is degraded."),
    }
    if not detail:
        del properties["detail"]
    return strict(properties)


SERVICE_ANSWERS: Final[Mapping[str, ServiceAnswer]] = {
    "meta.index": ServiceAnswer(
        {JSON: _about("ok", detail=False), HTML: TEXT},
        otherwise={503: ("Prometheus does not answer.", {JSON: _about("degraded", detail=True), HTML: TEXT})},
    ),
    "meta.healthz": ServiceAnswer({JSON: _OK}),
    "meta.readyz": ServiceAnswer({JSON: _OK}, upstream=True),
    "meta.metrics": ServiceAnswer({CONTENT_TYPE: TEXT}),
    "meta.document": ServiceAnswer({JSON: {"type": "object", "required": ["openapi", "info", "paths"]}}),
}
