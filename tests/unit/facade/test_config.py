from __future__ import annotations

import pytest

from facade.config import VARIABLES, Settings
from facade.errors import ConfigurationError


def settings(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        settings(**environ)
    return caught.value.problems


def test_the_defaults_are_the_documented_ones() -> None:
    chosen = settings()
    assert (chosen.host, chosen.port, chosen.debug) == ("", 5000, True)
    assert (chosen.prometheus_url, chosen.prometheus_timeout_seconds) == ("http://localhost:9090", 10)
    assert dict(chosen.prometheus_headers) == {}
    assert (chosen.scrape_interval_seconds, chosen.detail_interval_seconds, chosen.storage_interval_seconds) == (
        15,
        60,
        300,
    )
    assert (chosen.max_data_points, chosen.default_time_window_seconds, chosen.max_time_window_seconds) == (
        1000,
        3600,
        31622400,
    )


def test_every_variable_is_read() -> None:
    """A variable that the table lists and nothing reads would be a lie: a mistake in each must be noticed."""
    free_text = {"HOST"}
    for variable in VARIABLES:
        if variable.name not in free_text:
            assert any(problem.startswith(f"{variable.name}:") for problem in problems(**{variable.name: "["}))
    assert settings(HOST="127.0.0.1").host == "127.0.0.1"


def test_an_empty_variable_is_one_not_set() -> None:
    assert settings(PORT="", PROMETHEUS_URL=" ", DEBUG="", PROMETHEUS_HEADERS="") == settings()


def test_every_mistake_is_reported_at_once() -> None:
    found = problems(PORT="0", MAX_DATA_POINTS="1", SCRAPE_INTERVAL="soon", DEBUG="maybe", PROMETHEUS_HEADERS="[]")
    assert {problem.partition(":")[0] for problem in found} == {
        "PORT", "MAX_DATA_POINTS", "SCRAPE_INTERVAL", "DEBUG", "PROMETHEUS_HEADERS",
    }  # fmt: skip
    assert "a whole number from 2 to 11000" in "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "65536"), ("PORT", "-1"), ("PORT", "5e3"), ("PORT", "٣٠٠٠"),
        ("MAX_DATA_POINTS", "11001"), ("MAX_DATA_POINTS", "10.5"),
        ("PROMETHEUS_TIMEOUT", "0"), ("PROMETHEUS_TIMEOUT", "nan"), ("PROMETHEUS_TIMEOUT", "inf"),
        ("SCRAPE_INTERVAL", "0"), ("SCRAPE_INTERVAL", "-15"), ("SCRAPE_INTERVAL", "15s"), ("DETAIL_INTERVAL", "1e9"),
        ("DEFAULT_TIME_WINDOW", "99999999"), ("DEBUG", "on?"), ("METRICS_DIALECT", "telegraf"),
        ("PROMETHEUS_URL", "localhost:9090"), ("PROMETHEUS_URL", "ftp://host"), ("PROMETHEUS_URL", "http://"),
        ("PROMETHEUS_URL", "http://host:99999"), ("PROMETHEUS_URL", "http://host/?q=1"), ("PROMETHEUS_URL", "http://[::1"),
        ("PROMETHEUS_URL", "http://ho st/"), ("PROMETHEUS_URL", "http://host/#here"),
        ("PROMETHEUS_HEADERS", "{"), ("PROMETHEUS_HEADERS", '"text"'), ("PROMETHEUS_HEADERS", '{"A": 1}'),
        ("PROMETHEUS_HEADERS", '{"A b": "c"}'), ("PROMETHEUS_HEADERS", '{"A": "c\\r\\nHost: d"}'),
        ("PROMETHEUS_HEADERS", '{"Content-Length": "3"}'), ("PROMETHEUS_HEADERS", '{"A": ""}'),
        ("PROMETHEUS_PARAMETERS", "{"), ("PROMETHEUS_PARAMETERS", "[1]"), ("PROMETHEUS_PARAMETERS", '{"dedup": true}'),
        ("PROMETHEUS_PARAMETERS", '{"query": "up"}'), ("PROMETHEUS_PARAMETERS", '{"": "a"}'),
        ("PROMETHEUS_PARAMETERS", '{"a": ""}'), ("PROMETHEUS_PARAMETERS", '{"a": []}'),
        ("PROMETHEUS_PARAMETERS", '{"a": ["b", 1]}'),
    ],
)  # fmt: skip
def test_a_mistake_names_its_variable(name: str, text: str) -> None:
    found = problems(**{name: text})
    assert len(found) == 1
    assert found[0].startswith(f"{name}: ")


def test_intervals_may_have_fractions_and_whole_ones_are_integers() -> None:
    chosen = settings(SCRAPE_INTERVAL="0.5", DETAIL_INTERVAL="2.0")
    assert chosen.scrape_interval_seconds == 0.5
    assert isinstance(chosen.detail_interval_seconds, int)


def test_a_default_window_beyond_the_longest_is_a_mistake() -> None:
    assert problems(MAX_TIME_WINDOW="60") == ("DEFAULT_TIME_WINDOW: must not be longer than MAX_TIME_WINDOW",)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:9090/", "http://localhost:9090"),
        ("https://metrics.example/prometheus/", "https://metrics.example/prometheus"),
        ("http://[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_the_url_keeps_its_prefix_and_loses_its_last_slash(text: str, url: str) -> None:
    assert settings(PROMETHEUS_URL=text).prometheus_url == url


def test_credentials_of_the_url_become_a_header_and_appear_nowhere_else() -> None:
    chosen = settings(PROMETHEUS_URL="https://me:s%40cret@host:9/p")
    assert chosen.prometheus_url == "https://host:9/p"
    assert chosen.prometheus_headers["Authorization"] == "Basic bWU6c0BjcmV0"
    assert "cret" not in repr(chosen)
    assert "bWU6" not in repr(chosen)


def test_an_authorization_of_ones_own_wins_over_the_urls() -> None:
    chosen = settings(PROMETHEUS_URL="http://me:pw@host", PROMETHEUS_HEADERS='{"authorization": "Bearer x"}')
    assert dict(chosen.prometheus_headers) == {"authorization": "Bearer x"}


def test_a_parameter_has_one_value_or_several() -> None:
    chosen = settings(PROMETHEUS_PARAMETERS='{"dedup": "true", "replicaLabels[]": ["a", "b"]}')
    assert dict(chosen.prometheus_parameters) == {"dedup": ("true",), "replicaLabels[]": ("a", "b")}
    assert "replicaLabels" not in repr(chosen)


def test_no_message_repeats_what_may_be_a_secret() -> None:
    found = "\n".join(
        problems(
            PROMETHEUS_URL="htp://me:s3cret@host",
            PROMETHEUS_HEADERS='{"Authorization": "Bearer t0ken\\n"}',
            PROMETHEUS_PARAMETERS='{"key": ["k3y", 1]}',
        )
    )
    assert "k3y" not in found
    assert "s3cret" not in found
    assert "t0ken" not in found
