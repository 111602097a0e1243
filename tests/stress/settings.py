"""What the environment asks of a stress test; nothing but the standard library, so that --help needs nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

URL: Final = "API_BASE_URL"
DEFAULT_URL: Final = "http://localhost:5000"


class SettingsError(ValueError):
    """Variables that cannot be used; a line for each."""


@dataclass(frozen=True, slots=True)
class Number:
    """A variable that is a number within bounds."""

    name: str
    default: float
    least: float
    most: float
    meaning: str

    def parse(self, text: str) -> float:
        """The number. Raises ValueError, which says what would be one."""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not self.least <= value <= self.most:
            raise ValueError(f"{self.name}: {text!r} is not a number from {self.least:g} to {self.most:g}")
        return value


SECONDS: Final = Number("STRESS_SECONDS", 30, 1, 3600, "how long calls are begun, in seconds")
USERS: Final = Number("STRESS_USERS", 10, 1, 500, "how many call at once, each waiting for its answer")
TIMEOUT: Final = Number("STRESS_TIMEOUT", 30, 0.1, 300, "seconds that an answer may take before the call is an error")
NUMBERS: Final = (SECONDS, USERS, TIMEOUT)

HELP: Final = f"""\
Usage: tests/run_stress_test.sh

Calls every route of a running facade, in all its variants and by many at once, checks every answer, and reports
latencies and errors by route. Nothing is changed: all calls only read.

The environment says what is wanted:
  {URL:15} the facade ({DEFAULT_URL}); a path prefix is allowed
{chr(10).join(f"  {one.name:15} {one.meaning} ({one.default:g}; {one.least:g} to {one.most:g})" for one in NUMBERS)}

Exit status:
  0  every route was called and no answer was wrong
  1  a route failed, or was never answered
  2  a setting cannot be used, or no Cloud Monitoring answers there
  130  interrupted; what was found until then is reported
An answer of 429 is no error: it is counted, and its Retry-After is honoured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` has no slash at its end; times are in seconds."""

    url: str
    seconds: float
    users: int
    timeout: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises SettingsError, which lists every mistake. An empty variable is one that is not set."""
        problems: list[str] = []
        values: dict[str, float] = {}
        for number in NUMBERS:
            try:
                values[number.name] = number.parse(environment.get(number.name) or str(number.default))
            except ValueError as error:
                problems.append(str(error))
        url = (environment.get(URL) or DEFAULT_URL).rstrip("/")
        if problem := _problem_of(url):
            problems.append(f"{URL}: {url!r} {problem}, such as {DEFAULT_URL}")
        if problems:
            raise SettingsError("\n".join(problems))
        return cls(url, values[SECONDS.name], int(values[USERS.name]), values[TIMEOUT.name])


def _problem_of(url: str) -> str | None:
    """Why a URL cannot be the facade's; None where it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or " " in url:
        return "is not an http:// or https:// URL"
    if parts.query or parts.fragment or parts.username is not None:
        return "has more than an address and a path; give it without user, query and fragment"
    return None
