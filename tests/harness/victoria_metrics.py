"""A real VictoriaMetrics under a test, and the way to give it what a Prometheus has stored."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from tests.harness.engine import Engine, PrometheusError

# What `docs/engines.md` asks of a user too: without the first, what is asked of the last half minute is answered with
# what was true before; without the second, a time series of all signals is a question that is too long; without the
# third, statistics of rates over a week look at too many scrape intervals.
SETTINGS: Final = ("-search.latencyOffset=0s", "-search.maxQueryLen=1MB", "-search.maxPointsPerTimeseries=1000000")


class VictoriaMetrics(Engine):
    """A single-node server. ``extra_flags`` are appended. The program is ``$VICTORIA_METRICS_BINARY``, else
    ``victoria-metrics`` on PATH.
    """

    def __init__(self, *, extra_flags: tuple[str, ...] = (), port: int | None = None) -> None:
        def command(directory: Path, address: str) -> tuple[str, ...]:
            return (
                os.environ.get("VICTORIA_METRICS_BINARY", "victoria-metrics"),
                f"-storageDataPath={directory / 'data'}",
                f"-httpListenAddr={address}",
                "-retentionPeriod=100y",
                "-loggerLevel=WARN",
                *SETTINGS,
                *extra_flags,
            )

        super().__init__("victoria-metrics", command, "/health", port)

    def copy(self, other: Engine, end: float, seconds: float) -> int:
        """Store what ``other`` has of the ``seconds`` up to ``end``, and return how many samples that are.

        They are the samples of raw range selectors, with their own times. Staleness markers are not among them, and
        there are none in a past that ``local.history`` made. Samples more than two days ahead of this machine's clock
        would be dropped, as VictoriaMetrics does.
        """
        stored = other.query_matrix(f'{{__name__!=""}}[{seconds:.0f}s]', end)
        lines = [
            json.dumps(
                {
                    "metric": series.labels,
                    "timestamps": [round(time * 1000) for time, _ in series.points],
                    "values": [value for _, value in series.points],
                }
            )
            for series in stored
        ]
        self.load("\n".join(lines))
        return sum(len(series.points) for series in stored)

    def load(self, json_lines: str) -> None:
        """Store samples (https://docs.victoriametrics.com/#json-line-format); they can be asked for at once."""
        for path, data in (("/api/v1/import", json_lines.encode()), ("/internal/force_flush", None)):
            answer = self._post(path, data)
            if not answer.ok:
                raise PrometheusError(answer.text.strip())
