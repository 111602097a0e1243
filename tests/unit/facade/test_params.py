from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facade.errors import BudgetError, ParameterError
from facade.params.kinds import BOOLEAN, DURATION, INSTANT, LABEL_NAME, SUBDOMAIN_NAME, names_of
from facade.params.parsing import Kind, Parameter, Values, parse_as, parse_query
from facade.params.series import WINDOW
from facade.params.shared import EXPLAIN, NAMESPACE, PATH_SEGMENTS, check_budget

METRICS = Parameter("metrics", names_of(("cpu_cores", "memory_rss_bytes", "oom_kills")), "signals")


def parsed(*arguments: tuple[str, str]) -> Values:
    return parse_query(arguments, (EXPLAIN, NAMESPACE, WINDOW, METRICS))


def refusal(*arguments: tuple[str, str]) -> str:
    with pytest.raises(ParameterError) as caught:
        parsed(*arguments)
    return str(caught.value)


def test_values_are_asked_for_by_their_declaration() -> None:
    values = parsed(("explain", "true"), ("namespace", "kube-system"))
    assert values[EXPLAIN] is True
    assert values[NAMESPACE] == "kube-system"
    assert values.get(WINDOW) is None
    assert (values.given(NAMESPACE), values.given(WINDOW)) == (True, False)


def test_what_is_not_given_has_its_default_or_none() -> None:
    assert parsed()[EXPLAIN] is False
    assert parsed().get(NAMESPACE) is None
    with pytest.raises(KeyError):
        parsed()[NAMESPACE]


def test_an_unknown_parameter_is_named_with_those_that_are_known() -> None:
    assert refusal(("windw", "1h")) == (
        "windw: unknown parameter; this route takes explain, metrics, namespace, window"
    )


def test_a_route_without_parameters_says_so() -> None:
    with pytest.raises(ParameterError, match=r"^x: unknown parameter; this route takes no parameters$"):
        parse_query([("x", "1")], ())
    with pytest.raises(ParameterError, match=r"^\(empty name\): "):
        parse_query([("", "1")], ())


def test_a_repeated_parameter_is_refused_even_with_the_same_value() -> None:
    assert refusal(("explain", "true"), ("explain", "true")) == "explain: given more than once"


def test_a_malformed_value_is_named_with_an_example() -> None:
    assert refusal(("explain", "yes")) == "explain: 'yes' is not true or false, such as true"
    assert refusal(("window", "soon")) == ("window: 'soon' is not a length of time, such as 3600, 90s, 15m, 6h or 7d")


def test_a_long_value_is_refused_and_not_repeated_at_length() -> None:
    detail = refusal(("window", "9" * 100_000))
    assert len(detail) < 300


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (BOOLEAN, "true", True), (BOOLEAN, "false", False),
        (DURATION, "3600", 3600), (DURATION, "90s", 90), (DURATION, "15m", 900), (DURATION, "6h", 21600),
        (DURATION, "7d", 604800), (DURATION, "0.5", 0.5), (DURATION, "1.5h", 5400),
        (DURATION, "-5", -5), (DURATION, "0", 0),
        (INSTANT, "1795492800", 1795492800), (INSTANT, "1795492800.25", 1795492800.25), (INSTANT, "0", 0),
        (INSTANT, "2026-11-24T02:53:31Z", 1795488811), (INSTANT, "2026-11-24t02:53:31.5z", 1795488811.5),
        (INSTANT, "2026-11-24T03:53:31+01:00", 1795488811), (INSTANT, "2026-11-24T03:53:31 01:00", 1795488811),
        (INSTANT, "2026-11-24T01:53:31-01:00", 1795488811),
        (LABEL_NAME, "a", "a"), (LABEL_NAME, "kube-system", "kube-system"), (LABEL_NAME, "0-0", "0-0"),
        (LABEL_NAME, "a" * 63, "a" * 63),
        (SUBDOMAIN_NAME, "ip-10-0-0-1.ec2.internal", "ip-10-0-0-1.ec2.internal"),
        (SUBDOMAIN_NAME, "a" * 253, "a" * 253),
    ],
)  # fmt: skip
def test_what_a_kind_admits(kind: Kind[Any], text: str, value: object) -> None:
    assert parse_as(kind, "name", text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((BOOLEAN, text) for text in ("", "1", "True", "TRUE", "on", " true")),
        *((DURATION, text) for text in ("", "1w", "1h30m", "1e3", "--1", "+1", " 1", "1 h", "h", "inf", "nan", "٣")),
        *((INSTANT, text) for text in ("", "-1", "now", "2026-11-24", "2026-11-24T02:53:31", "2026-13-01T00:00:00Z")),
        *((INSTANT, text) for text in ("2026-02-30T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T02:53:60Z")),
        *((INSTANT, text) for text in ("1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59")),
        *((INSTANT, text) for text in ("1795492800000", "1e9", "9999-12-31T23:59:59-23:59", "9" * 13)),
        (INSTANT, "2026-11-24T02:53:31+24:00"), (DURATION, "9" * 13),
        *((LABEL_NAME, text) for text in ("", "-a", "a-", "A", "a.b", "a_b", "ä", "a\n", "a/b", "a" * 64, 'a"', "a b")),
        *((SUBDOMAIN_NAME, text) for text in ("", ".a", "a.", "a..b", "a.-b", "A", "a\n", "a" * 254, 'x"} or up{a="')),
    ],
)  # fmt: skip
def test_what_a_kind_refuses(kind: Kind[Any], text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_as(kind, "name", text)
    assert str(caught.value).startswith("name: ")
    assert kind.example in str(caught.value)


def test_every_kinds_example_is_admitted() -> None:
    kinds: tuple[Kind[Any], ...] = (BOOLEAN, LABEL_NAME, SUBDOMAIN_NAME, METRICS.kind, *PATH_SEGMENTS.values())
    for kind in kinds:
        kind.parse(kind.example)
    for text in ("3600", "90s", "15m", "6h", "7d"):
        assert text in DURATION.example
        DURATION.parse(text)
    for text in ("1795492800", "2026-11-24T02:53:31Z"):
        assert text in INSTANT.example
        INSTANT.parse(text)


def test_a_list_of_names_keeps_its_order_and_loses_repetitions() -> None:
    values = parsed(("metrics", "oom_kills,cpu_cores,oom_kills"))
    assert values[METRICS] == ("oom_kills", "cpu_cores")


@pytest.mark.parametrize("text", ["", "cpu", "cpu_cores,", ",cpu_cores", "cpu_cores, oom_kills", "cpu_cores;oom_kills"])
def test_an_unknown_name_in_a_list_is_refused_with_the_known_ones(text: str) -> None:
    detail = refusal(("metrics", text))
    assert detail.startswith("metrics: ")
    assert "cpu_cores, memory_rss_bytes, oom_kills" in detail


@given(
    seconds=st.floats(86400, 253402200000),
    offset=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_rfc_3339_is_the_instant_it_says(seconds: float, offset: timezone) -> None:
    there = datetime.fromtimestamp(seconds, UTC).astimezone(offset)
    assert parse_as(INSTANT, "end", there.isoformat()) == pytest.approx(seconds, abs=1e-4)


@given(st.text(max_size=40))
def test_no_text_is_anything_but_a_value_or_a_parameter_error(text: str) -> None:
    kinds: tuple[Kind[Any], ...] = (BOOLEAN, DURATION, INSTANT, LABEL_NAME, SUBDOMAIN_NAME, METRICS.kind)
    for kind in kinds:
        try:
            value = parse_as(kind, "name", text)
        except ParameterError:
            continue
        assert isinstance(value, bool | float | str | tuple)


@given(st.from_regex(r"[a-z0-9.-]{1,70}", fullmatch=True))
def test_names_are_what_kubernetes_admits(text: str) -> None:
    """Said again in other words than a pattern: parts between dots, none empty, none with a hyphen at an end."""
    parts = text.split(".")
    proper = all(part and not part.startswith("-") and not part.endswith("-") for part in parts)
    for kind, admitted in ((SUBDOMAIN_NAME, proper), (LABEL_NAME, proper and len(parts) == 1 and len(text) <= 63)):
        if admitted:
            assert parse_as(kind, "name", text) == text
        else:
            with pytest.raises(ParameterError):
                parse_as(kind, "name", text)


def test_the_budget_is_series_times_points() -> None:
    check_budget(1000, 1000)
    check_budget(0, 11000)
    with pytest.raises(BudgetError, match="1001 series of 1000 points are 1001000 numbers") as caught:
        check_budget(1001, 1000)
    assert "shorter window" in str(caught.value)
    with pytest.raises(BudgetError):
        check_budget(3, 2, budget=5)
