"""What the environment of a stress test may ask for."""

from __future__ import annotations

import pytest

from tests.stress.settings import DEFAULT_URL, HELP, NUMBERS, Settings, SettingsError


def test_defaults_are_those_of_the_help() -> None:
    assert Settings.from_environment({"STRESS_USERS": ""}) == Settings(DEFAULT_URL, 30, 10, 30)
    assert all(f"{number.name:15} {number.meaning} ({number.default:g}; " in HELP for number in NUMBERS)


def test_a_path_prefix_is_kept_without_its_slash() -> None:
    assert Settings.from_environment({"API_BASE_URL": "https://[::1]:8443/monitoring/"}).url == (
        "https://[::1]:8443/monitoring"
    )


@pytest.mark.parametrize(
    "url",
    ["localhost", "localhost:5000", "ftp://a", "http://", "http://a:x", "http://a b", "http://a?b=c", "http://u:p@a"],
)
def test_what_is_no_url_of_a_facade(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^API_BASE_URL: "):
        Settings.from_environment({"API_BASE_URL": url})


@pytest.mark.parametrize(
    ("name", "text"), [(number.name, text) for number in NUMBERS for text in ("x", "0", "1e9", "nan")]
)
def test_a_number_out_of_bounds_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: '{text}' is not a number from "):
        Settings.from_environment({name: text})
