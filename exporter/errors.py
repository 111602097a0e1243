"""Everything the exporter raises on purpose.

::

    ExporterError
    ├── ConfigError               the environment is not usable; lists every problem at once
    └── SourceError               a source gave no reading; `stage` and `reason` label cloudmon_source_errors_total
        ├── KubeletError          the kubelet's answer did not arrive
        │   ├── KubeletUnreachable    no connection
        │   ├── KubeletUntrusted      its certificate could not be verified
        │   ├── KubeletTimeout        not complete within the time allowed
        │   ├── KubeletRefused        answered with another status than 200
        │   ├── KubeletBodyError      the body ended early, or never
        │   └── TokenError            the bearer token could not be read
        ├── DecodeError           an answer arrived and is not what it should be
        └── ApiServerError        the API server's answer did not arrive

Libraries' own exceptions are wrapped with ``from`` where they are caught, so nothing else crosses a module's border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Stage = Literal["connect", "read", "decode", "join"]


class ExporterError(Exception):
    """The root of the tree."""


class ConfigError(ExporterError):
    """The environment is not usable. ``problems`` has one sentence for each mistake, all of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class SourceError(ExporterError):
    """A source gave no reading. ``reason`` is a short word from a closed set: it becomes a label value."""

    stage: Stage = "read"
    reason: str = "failed"

    def __init__(self, message: str, *, stage: Stage | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        if stage is not None:
            self.stage = stage
        if reason is not None:
            self.reason = reason


class KubeletError(SourceError):
    """The kubelet's answer did not arrive."""


class KubeletUnreachable(KubeletError):
    stage = "connect"
    reason = "unreachable"


class KubeletUntrusted(KubeletError):
    stage = "connect"
    reason = "tls_verification"


class KubeletTimeout(KubeletError):
    reason = "timeout"


class KubeletRefused(KubeletError):
    """Another status than 200; ``status`` is it, and ``reason`` is ``http_<status>``."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, reason=f"http_{status}")
        self.status = status


class KubeletBodyError(KubeletError):
    reason = "body_cut_off"


class TokenError(KubeletError):
    stage = "connect"
    reason = "token"


class DecodeError(SourceError):
    stage = "decode"
    reason = "malformed"


class ApiServerError(SourceError):
    """The API server's answer did not arrive."""
