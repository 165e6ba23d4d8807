"""`after`, as it is read."""

import re
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampt_cli import due, instants
from ampt_cli.errors import BadDue

NOW = instants.unstamp("20270131T120000000Z") or 0
DAY_30 = (  # in the standard library's own words
    "day is out of range for month"
    if sys.version_info < (3, 14)
    else "day 30 must be in range 1..28 for month 2 in year 2027"
)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (1500, "20270131T120001500Z"),
        ("90s", "20270131T120130000Z"),
        ("5m", "20270131T120500000Z"),
        ("2h", "20270131T140000000Z"),
        ("2H", "20270131T140000000Z"),
        ("1d", "20270201T120000000Z"),
        ("1w", "20270207T120000000Z"),
        ("1 Day", "20270201T120000000Z"),
        ("2 weeks", "20270214T120000000Z"),
        ("1 month", "20270228T120000000Z"),
        ("1 year", "20280131T120000000Z"),
        ("2027-02-01T00:00", "20270201T000000000Z"),
        ("2027-02-01T01:00+01:00", "20270201T000000000Z"),
        ("@1801526400", "20270202T000000000Z"),
        ("1801526400000", "20270202T000000000Z"),
        (timedelta(seconds=1), "20270131T120001000Z"),
        (datetime(2027, 2, 1, tzinfo=UTC), "20270201T000000000Z"),
        (datetime(2027, 2, 1, 0, 0, 0, 1, tzinfo=UTC), "20270201T000000001Z"),  # never early
        ("2027-02-01T00:00:00.000999", "20270201T000000001Z"),
    ],
)
def test_every_form_of_after_is_read(after: object, expected: str) -> None:
    """Numbers, words, ISO 8601, epoch times, and Python's own types."""
    assert instants.stamp(due.parse(after, NOW)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "after",
    ["0", 0, -5, "-5", "0 days", "1.5 days", "2 years", "367 days", "12 parsecs", "", "x", True]
    + ["2020-01-01", "@1", "١ day", "1e3"],
)
def test_a_bad_after_names_the_value_and_an_example(after: object) -> None:
    """One line: what was given, and what works."""
    with pytest.raises(BadDue) as caught:
        due.parse(after, NOW)  # type: ignore[arg-type]

    assert str(after) in str(caught.value)
    assert caught.value.exit_status == 2
    assert "example" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2h", "20261124T081500000Z"),
        ("2 Hours", "20261124T081500000Z"),
        ("1 month", "20261024T101500000Z"),
        ("2026-11-20", "20261120T000000000Z"),
        ("2027-01-01T00:00+02:00", "20261231T220000000Z"),
        ("@1800000000", "20270115T080000000Z"),
        ("1800000000000", "20270115T080000000Z"),
    ],
)
def test_an_instant_to_look_from_may_be_past(text: str, read: str) -> None:
    """A length of time is so long ago; an absolute time is itself."""
    now = instants.unstamp("20261124T101500000Z") or 0

    assert instants.stamp(due.read_instant(text, now)) == read


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        (0, "more than zero"),
        ("0 days", "more than zero"),
        ("@0", "more than zero"),
        (timedelta(0), "more than zero"),
        (timedelta(days=-1), "more than zero"),
        ("-1 day", "more than zero"),
        ("1.5h", "a fraction"),
        (1.5, "a fraction"),
        ("1day", 'a space is missing: "1 day"'),
        ("2Weeks", 'a space is missing: "2 Weeks"'),
        ("1 s", "a short unit follows without a space: 1s"),
        ("2 H", "a short unit follows without a space: 2H"),
        ("2 dayss", "there is no unit 'dayss'"),
        ("1y", "there is no unit 'y', but second, minute, hour, day, week, month, year"),
        ("٣ days", "only the digits 0 to 9"),
        ("9" * 30, "the number is too large"),
        ("9" * 19 + " days", "the number is too large"),
        ("9" * 19 + "d", "the number is too large"),
        ("@1800000000.5", "whole seconds since 1970 follow an @"),
        ("2027-02-30", DAY_30),
        ("2027-13-01", "month must be in 1..12"),
        ("2027-02-01T25:00", "hour must be in 0..23"),
        ("tomorrow", "none of the known forms"),
        ("31.1.2027", "none of the known forms"),
        ("approx. day", "none of the known forms"),
        (Decimal(5), "a Decimal is none"),
        (Fraction(5), "a Fraction is none"),
        (date(2027, 2, 1), "a date is none"),
        (True, "a bool is none"),
        ("1700000000000", "it must lie in the future, and is 2023-11-14T22:13:20Z"),
        ("2027-01-31T12:00", "it must lie in the future, and is 2027-01-31T12:00:00Z"),
        ("99999999999", "more than a year ahead: 2030-04-02T21:46:39.999Z"),
        ("100000000000", "it must lie in the future, and is 1973-03-03T09:46:40Z"),
        (datetime(1969, 12, 31, tzinfo=UTC), "it must lie in the future, and is far away"),
        ("@253402300800", "more than a year ahead: far away"),
        ("13 months", "more than a year ahead: 2028-02-29T12:00:00Z"),
        ("9999999 years", "more than a year ahead: far away"),
        ("9" * 18 + " years", "more than a year ahead: far away"),
    ],
)
def test_a_bad_after_says_what_is_wrong_with_it(after: object, reason: str) -> None:
    """The reason, and not only that there is one."""
    with pytest.raises(BadDue) as caught:
        due.parse(after, NOW)  # type: ignore[arg-type]

    assert reason in str(caught.value)


@pytest.mark.parametrize("now", [0, NOW, instants.LAST - 366 * instants.DAY])
def test_every_time_of_the_example_can_be_read_when_it_is_shown(now: int) -> None:
    """In a year as today: what is copied from an error works."""
    with pytest.raises(BadDue) as caught:
        due.parse("x", now)
    example = str(caught.value.hint).removeprefix("for example ")
    times = [text.strip('"') for text in re.split(", | or ", example)]

    assert len(times) == 4
    for text in times:
        assert now < due.parse(text, now) <= now + 2 * instants.DAY


@pytest.mark.parametrize(
    ("now", "after", "expected"),
    [
        ("20270131T120000000Z", "12 months", "20280131T120000000Z"),
        ("20270131T120000000Z", "365 days", "20280131T120000000Z"),
        ("20270131T120000000Z", "52 weeks", "20280130T120000000Z"),
        ("20270601T000000000Z", "366 days", "20280601T000000000Z"),  # over a leap day
        ("20270601T000000000Z", "2028-06-01", "20280601T000000000Z"),
        ("20280131T000000000Z", "1 month", "20280229T000000000Z"),
        ("20270831T000000000Z", "1 month", "20270930T000000000Z"),
        ("20280229T000000000Z", "365 days", "20290228T000000000Z"),
        ("20280229T000000000Z", "12 months", "20290228T000000000Z"),
        ("20270131T120000000Z", "366 days", None),
        ("20270131T120000000Z", "2028-01-31T12:00:00.001", None),
        ("20280229T000000000Z", "366 days", None),
        ("20270601T000000000Z", "367 days", None),
    ],
)
def test_a_year_is_one_of_the_calendar(now: str, after: str, expected: str | None) -> None:
    """To the millisecond, with and without a leap day in it."""
    instant = instants.unstamp(now) or 0
    if expected is not None:
        assert instants.stamp(due.parse(after, instant)) == expected
        return
    with pytest.raises(BadDue, match="more than a year ahead"):
        due.parse(after, instant)


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=365)))
def test_a_timedelta_is_never_early_and_never_a_millisecond_late(length: timedelta) -> None:
    """Rounded up to a whole millisecond, by whole numbers."""
    ms = due.parse(length, NOW) - NOW

    assert timedelta(0) <= timedelta(milliseconds=ms) - length < timedelta(milliseconds=1)


def test_a_length_of_all_time_began_before_any_event() -> None:
    """Whoever looks from there sees all of them."""
    assert due.read_instant("99999 years", NOW) < 0


@pytest.mark.parametrize(
    ("given", "ms"),
    [
        (5_000, 5_000),
        (" 5000 ", 5_000),
        ("10 Seconds", 10_000),
        ("5m", 300_000),
        (timedelta(milliseconds=1_001), 1_001),  # in seconds as a float a little less
        (due.LONGEST, due.LONGEST),
    ],
)
def test_every_form_of_a_length_is_read(given: int | str | timedelta, ms: int) -> None:
    """Whole milliseconds."""
    assert due.parse_duration(given) == ms


@pytest.mark.parametrize("given", ["", "1 month", "-5", "1.5s", True, 1.5, None, due.LONGEST + 1])
def test_what_is_no_length_is_refused(given: Any) -> None:
    """A month has no fixed one, and a bool is no number to us."""
    with pytest.raises(BadDue, match="duration"):
        due.parse_duration(given)


def test_seconds_since_1970_are_those_of_some_hundred_years() -> None:
    """From 2001 to 2128, as numbers or as text; others are lengths."""
    first, last = 1_000_000_000, 4_999_999_999
    near = [first - 1, first, str(last), last + 1]

    assert [bool(due.doubt(given, due.AS_DELAY)) for given in near] == [False, True, True, False]


@pytest.mark.parametrize(
    ("given", "date"),
    [
        ("20200101", "2020-01-01"),
        (" 20991231 ", "2099-12-31"),
        ("20261201", "2026-12-01"),
        ("20191231", ""),
        ("21000101", ""),
        ("20261301", ""),
        ("20260001", ""),
        ("20261232", ""),
        ("20261200", ""),
        ("2026-12-01", ""),
        ("202612011", ""),
        (20261201, ""),  # computed, and meant
    ],
)
def test_a_date_of_digits_alone_is_doubted(given: object, date: str) -> None:
    """It is so many ms to us, less than six hours."""
    said = f"{date.replace('-', '')} was read as ms since 1970; for a date write {date}"

    assert due.doubt(given, due.AS_INSTANT) == (said if date else None)


@pytest.mark.row(31)
def test_a_year_from_leap_day_is_the_last_of_february() -> None:
    """29 February + 1 year is legal, and exists."""
    now = instants.unstamp("20280229T000000000Z") or 0

    assert instants.stamp(due.parse("1 year", now)) == "20290228T000000000Z"


def test_a_duration_of_thousands_of_digits_is_a_bad_one() -> None:
    """Python does not print such a number."""
    with pytest.raises(BadDue, match="a number of thousands of digits is longer than 1,000 years"):
        due.parse_duration(10**5000)
