"""A real Prometheus under a test. The flags used are the same in 2.42 and 3.x."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.harness.engine import Engine, PrometheusError, Sample, Series

__all__ = ["Prometheus", "PrometheusError", "Sample", "Series"]


class Prometheus(Engine):
    """A Prometheus server on a free loopback port; a context manager that starts it, waits for it and ends it.

    ``config`` is the text of its configuration; ``rule_files`` are written beside it, under the names by which the
    configuration may name them. ``data_directory`` lets several starts share one store. ``extra_flags`` are appended.
    The program is ``$PROMETHEUS_BINARY``, else ``prometheus`` on PATH.
    """

    def __init__(
        self,
        config: str,
        rule_files: Mapping[str, str] | None = None,
        *,
        data_directory: Path | None = None,
        extra_flags: tuple[str, ...] = (),
        port: int | None = None,
    ) -> None:
        def command(directory: Path, address: str) -> tuple[str, ...]:
            return (
                os.environ.get("PROMETHEUS_BINARY", "prometheus"),
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={data_directory or directory / 'data'}",
                f"--web.listen-address={address}",
                "--web.enable-lifecycle",
                "--log.level=warn",
                *extra_flags,
            )

        super().__init__("prometheus", command, "/-/ready", port)
        self.write_config(config, rule_files or {})

    def write_config(self, config: str, rule_files: Mapping[str, str]) -> None:
        """Write the configuration and its rules; ``reload()`` brings them into force."""
        (self.directory / "prometheus.yml").write_text(config)
        for name, text in rule_files.items():
            (self.directory / name).write_text(text)

    def reload(self) -> None:
        """Read configuration and rules again. Raises ``PrometheusError`` where it refuses them."""
        answer = self._post("/-/reload")
        if answer.status_code != 200:
            raise PrometheusError(answer.text.strip())
