"""Whose series answer, as METRICS_DIALECT says: the translation of queries, and the windows that go with it."""

from __future__ import annotations

from facade.config import Settings
from promql.catalogue import Catalogue
from promql.dialects import CLOUDMON, Translate, translation, windows_of
from promql.windows import Windows


def windows(settings: Settings) -> Windows:
    own = Windows(settings.scrape_interval_seconds, settings.detail_interval_seconds, settings.storage_interval_seconds)
    return windows_of(settings.metrics_dialect, own)


def translate(settings: Settings) -> Translate:
    """What makes of each query the one that is put to the store."""
    return translation(settings.metrics_dialect, Catalogue.load(), windows(settings))


def has_rules(settings: Settings) -> bool:
    """Whether totals are recorded, by rules of ours and at two resolutions."""
    return settings.metrics_dialect == CLOUDMON
