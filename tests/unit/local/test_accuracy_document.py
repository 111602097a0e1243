"""The numbers in docs/accuracy.md are those of the code."""

from __future__ import annotations

import re

import pytest

from exporter.cluster.watch import DEFAULT_RHYTHM as WATCHES
from exporter.handover import OVERLAP_SECONDS
from exporter.kubelet.endpoints import Rhythm
from exporter.model import Source
from facade.entities import missing
from facade.window import COARSE_STEP_SECONDS
from local.documents import ROOT
from promql.catalogue import Catalogue
from promql.queries import LAST_SEEN_SECONDS
from promql.windows import Windows

PAGE = (ROOT / "docs/accuracy.md").read_text("utf-8")
TEXT = " ".join(PAGE.split())
RHYTHM = Rhythm(15, 60, 300)
WINDOWS = Windows()
OLDEST = {source: f"{RHYTHM.lifetime(source):g} s, and up to one scrape" for source in (
    Source.RESOURCE, Source.DETAIL, Source.STORAGE)}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        f"| CPU, memory, their pressure | for every scrape | up to 45 s | {OLDEST[Source.RESOURCE]} |",
        f"| every 60 s | up to 105 s | {OLDEST[Source.DETAIL]} |",
        f"| every 300 s | up to 6 minutes | {OLDEST[Source.STORAGE]} |",
        f"{WATCHES.quoted:g} s after the API server was last heard of",
        f"Readings younger than {RHYTHM.shared:g} s serve any scraper",
        f"{WINDOWS.rate_seconds('resource'):g} s for CPU, {WINDOWS.rate_seconds('detail'):g} s for network",
        f"({WINDOWS.rate('resource')[:-1]} s, {WINDOWS.rate('detail')[:-1]} s)",
        f"smoothed over {WINDOWS.rate_seconds('detail'):g} s",
        f"created at least {Catalogue.load().totals.expected_after_seconds:g} s ago",
        f"For {OVERLAP_SECONDS:g} s after it is ready",
        f"({COARSE_STEP_SECONDS} s or more)",
        f"within 30 days, to {LAST_SEEN_SECONDS // 60} minutes",
    ],
)
def test_what_it_says_is_what_the_code_does(words: str) -> None:
    assert words in TEXT


REASONS = (
    missing.NOT_RUNNING,
    missing.HOST_NETWORK,
    missing.NO_SAMPLES,
    missing.NO_REQUEST,
    missing.NO_LIMIT,
    missing.NOT_REPORTED,
    missing.NOT_COLLECTED,
)


def test_every_reason_is_explained() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    assert [reason for row in rows for reason in re.findall(r"`(\w+)`", row)] == list(REASONS)
