"""Instants, and the strict words for them.

An instant is a whole number of milliseconds since 1970-01-01T00:00:00Z. Local
time appears nowhere. A *stamp* is an instant as it stands in file names:
`20261124T101500123Z`, fixed width, so that byte order is time order.
"""

from time import gmtime

from ampt_cli.errors import BadDue

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from typing import Any, TypeVar

    K = TypeVar("K")
    V = TypeVar("V")
    After = int | str | datetime | timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z: the last that a stamp can say
LONGEST = 365_000 * DAY  # of a length of time: from now it still ends in a year of four digits
MOST_KNOWN = 10_000  # answers that are remembered, of each function
STAMP_LENGTH = 19  # characters
EPOCH_FROM = 100_000_000_000  # a smaller number is a delay in ms, a larger one an epoch time
READ_AS_DELAY = "{0} was read as a delay in ms; for seconds since 1970 write @{0}"
READ_AS_INSTANT = "{0} was read as ms since 1970; for seconds write @{0}"

UNITS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": WEEK}
MONTHS = {"month": 1, "year": 12}
SHORT = {unit[0]: unit for unit in UNITS}


def remembered(find: "Callable[[K], V]") -> "Callable[[K], V]":
    """`find`, asked once for each of the last thousands of arguments. functools loads slowly."""
    known: dict[K, V] = {}

    def found(asked: "K") -> "V":
        try:
            return known[asked]
        except KeyError:
            if len(known) > MOST_KNOWN:
                known.clear()
            return known.setdefault(asked, find(asked))

    return found


def stamp(instant: int) -> str:
    """`instant` as it stands in file names. Raises BadDue outside 1970 to 9999."""
    if not 0 <= instant <= LAST:
        raise BadDue(f"the time {instant} ms lies outside the years 1970 to 9999")
    return f"{_second(instant // SECOND)}{instant % SECOND:03}Z"


@remembered  # many events are published, and settled, in one second
def _second(number: int) -> str:
    year, month, day, hour, minute, second = gmtime(number)[:6]
    return f"{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}"


def is_stamp(text: str) -> bool:
    """Whether `text` is a stamp, and of a real time."""
    rest = text[11:18]
    if len(text) != STAMP_LENGTH or text[18] != "Z" or not (rest.isascii() and rest.isdigit()):
        return False
    return rest[0] <= "5" and rest[2] <= "5" and _hour(text[:11]) is not None


def unstamp(text: str) -> int | None:
    """The instant of a stamp, or None where it is no real one."""
    hour = _hour(text[:11]) if is_stamp(text) else None
    if hour is None:
        return None
    return hour + int(text[11:13]) * MINUTE + int(text[13:15]) * SECOND + int(text[15:18])


@remembered  # names of one bucket share their hour
def _hour(text: str) -> int | None:
    """The instant at which an hour begins: `20261124T10`."""
    digits = text[:8] + text[9:]
    if len(text) != 11 or text[8] != "T" or not (digits.isascii() and digits.isdigit()):
        return None
    year, month, day, hour = int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[9:])
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month) or hour > 23:
        return None
    return (_days_before(year, month) + day - 1) * DAY + hour * HOUR


def _days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _days_before(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month (proleptic Gregorian)."""
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 - 719_162
    return days + sum(_days_in(year, earlier) for earlier in range(1, month))


def bucket(text: str) -> str:
    """The date and hour folder of a stamp: `2026-11-24/10`."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}/{text[9:11]}"


def date(text: str) -> str:
    """The date folder of a stamp: `2026-11-24`."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"


def begin_of(date: str, hour: str = "00") -> int | None:
    """The instant at which a bucket begins; None where its folders are not named as `bucket` does.

    Of a finished state, whose buckets are whole days, there is no `hour`.
    """
    text = f"{date.replace('-', '')}T{hour}"
    return _hour(text) if bucket(text) == f"{date}/{hour}" else None


def day(instant: int) -> str:
    """The date folder of an instant."""
    return _day(instant // DAY)


@remembered  # one run settles on one or two days
def _day(number: int) -> str:
    return date(stamp(number * DAY))


def iso(instant: int) -> str:
    """`instant` for people: `2026-11-24T10:15:00.123Z`, without .000."""
    text = stamp(instant)
    ms = "" if text[15:18] == "000" else f".{text[15:18]}"
    return f"{date(text)}T{text[9:11]}:{text[11:13]}:{text[13:15]}{ms}Z"


def parse(after: "After", now: int) -> int:
    """The instant that `after` names, seen from `now`.

    `after` is a number (delay or epoch time in ms), a text in one of the forms
    of `ampt publish --help`, a `datetime` (naive means UTC) or a `timedelta`.
    Raises BadDue unless it lies in (now, now + one calendar year].
    """
    instant = _with_example(_read, after, now, now + DAY)
    if instant <= now:
        wrong = f"it must lie in the future, and is {_said(instant)}"
        wrong = wrong if instant else "it must be more than zero"
    elif instant - now > 365 * DAY and instant > _months(now, 12):
        wrong = f"it is more than a year ahead: {_said(instant)}"
    else:
        return instant
    raise BadDue(f"cannot use {_shown(after)} as a time: {wrong}", _example(now + DAY))


def _shown(after: object) -> str:
    try:
        return repr(after) if isinstance(after, str) else str(after)
    except ValueError:  # a number of thousands of digits: Python does not print it
        return "a number of thousands of digits"


def _with_example(read: "Callable[[Any, int], int]", given: object, now: int, example: int) -> int:
    try:
        return read(given, now)
    except BadDue as error:
        error.hint = _example(example)
        raise


def _example(instant: int) -> str:
    """Times that can be read, and will be right when they are."""
    hour = min(instant, LAST) // HOUR * HOUR
    return f'for example "10 minutes", 90s, {iso(hour)} or @{hour // SECOND}'


def _said(instant: int) -> str:
    return iso(instant) if 0 <= instant <= LAST else "far away"


def read_instant(text: str, now: int) -> int:
    """The instant that an absolute time names; a length is so long before `now`. Raises BadDue."""
    return _with_example(_read_past, text, now, now - DAY)


def _read_past(text: str, now: int) -> int:
    if text[:1] == "@" and _number(text[1:]):
        return int(text[1:]) * SECOND
    if words := _words(text):
        count, unit = words
        return now - count * UNITS[unit] if unit in UNITS else _months(now, -count * MONTHS[unit])
    return int(text) if _number(text) else _from_iso(text)


def parse_duration(text: "int | str | timedelta") -> int:
    """Milliseconds of a length of time: a number of ms, `"10 seconds"`, `5m`, a timedelta.

    At most LONGEST. Months and years have no fixed length and are refused. Raises BadDue.
    """
    length = _length(text)
    if length is None:
        raise BadDue(
            f"cannot read the duration {text!r}", 'for example 5000 (ms), "10 seconds" or 5m'
        )
    if length > LONGEST:
        raise BadDue(f"the duration {text!r} is longer than 1,000 years")
    return length


def _length(text: "int | str | timedelta") -> int | None:
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    if not isinstance(text, str) and hasattr(text, "total_seconds"):
        return round(text.total_seconds() * SECOND)  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(text, str):
        if _number(text.strip()):
            return int(text)
        words = _words(text)
        if words and words[1] in UNITS:
            return words[0] * UNITS[words[1]]
    return None


def looks_like_seconds(after: object) -> bool:
    """Whether a number read as a delay in ms was almost surely meant as epoch seconds."""
    if isinstance(after, str) and _number(after.strip()):
        after = int(after)
    return isinstance(after, int) and 1_000_000_000 <= after < 5_000_000_000


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _words(text: str) -> "tuple[int, str] | None":
    """`"2 Days"` and `2d` as (2, "day"); None where the text is neither."""
    parts = text.split()
    if len(parts) == 2 and _number(parts[0]):
        unit = parts[1].lower()
        unit = unit[:-1] if unit.endswith("s") else unit
        return (int(parts[0]), unit) if unit in UNITS or unit in MONTHS else None
    if len(parts) == 1 and parts[0][-1].lower() in SHORT and _number(parts[0][:-1]):
        return int(parts[0][:-1]), SHORT[parts[0][-1].lower()]
    return None


def _read(after: "After", now: int) -> int:
    if isinstance(after, bool):
        raise _unread(after)
    if isinstance(after, int):
        return _from_number(after, now)
    if isinstance(after, str):
        return _from_text(after, now)
    if hasattr(after, "total_seconds"):
        return _from_timedelta(after, now)  # type: ignore[arg-type]
    if hasattr(after, "utcoffset") and hasattr(after, "date"):  # the time of a day has no date
        return _from_datetime(after)  # pyright: ignore[reportArgumentType]
    raise _unread(after)


def _unread(after: object, said: str = "") -> BadDue:
    from ampt_cli.misread import why  # noqa: PLC0415  gate: only after a mistake

    return BadDue(f"cannot read {after!r} as a time: {why(after, said)}")


def _from_timedelta(length: "timedelta", now: int) -> int:
    """Rounded up, in whole numbers: floats would add a millisecond here and there."""
    ms = length.days * DAY + length.seconds * SECOND - (-length.microseconds // 1000)
    return now + ms if ms > 0 else 0


def _from_number(number: int, now: int) -> int:
    if number <= 0:
        return 0
    return now + number if number < EPOCH_FROM else int(number)  # of an enum's member its value


def _from_text(after: str, now: int) -> int:
    text = after.strip()
    if _number(text):
        return _from_number(int(text), now)
    if text[:1] == "@" and _number(text[1:]):
        return int(text[1:]) * SECOND
    words = _words(text)
    if words:
        count, unit = words
        if not count:
            return 0
        return now + count * UNITS[unit] if unit in UNITS else _months(now, count * MONTHS[unit])
    return _from_iso(after)


def _from_iso(text: str) -> int:
    from datetime import datetime  # noqa: PLC0415  gate: only for ISO 8601 texts

    try:
        return _from_datetime(datetime.fromisoformat(text.strip()))
    except ValueError as error:
        raise _unread(text, str(error)) from None


def _from_datetime(value: "datetime") -> int:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415  gate: as above

    if value.utcoffset() is None:
        value = value.replace(tzinfo=UTC)
    since = value - datetime(1970, 1, 1, tzinfo=UTC)
    return -(-since // timedelta(milliseconds=1))  # rounded up: never before what was asked for


def _months(now: int, count: int) -> int:
    from ampt_cli.when import add_months  # noqa: PLC0415  gate: the only use of dateutil

    try:
        return add_months(now, count)
    except (ValueError, OverflowError):
        return LAST + 1 if count > 0 else -1
