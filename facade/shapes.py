"""What a route answers with: which frame, of which kind of entity. CSV and OpenAPI follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promql.catalogue import Kind

Frame = Literal["list", "entity", "timeseries", "timeseries_of_kind"]


@dataclass(frozen=True, slots=True)
class Shape:
    """``kind`` is that of the items, the entity or the columns; None where the request's ``kind=`` says it.

    list                ``{"items": […], "total", "time", "next"?, "partial"?}``
    entity              one of such items, with ``time``
    timeseries          columns of one entity beside ``timestamps``
    timeseries_of_kind  one column an entity, of one signal
    """

    frame: Frame
    kind: Kind | None = None
