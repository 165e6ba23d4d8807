"""Instants, and stamps: how an instant stands in file names.

An instant is a whole number of milliseconds since 1970-01-01T00:00:00Z. Local
time appears nowhere. A *stamp* is an instant as it stands in file names:
`20261124T101500123Z`, fixed width, so that byte order is time order.
"""

from time import gmtime

from ampt_cli.errors import BadDue

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    K = TypeVar("K")
    V = TypeVar("V")

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z: the last that a stamp can say
MOST_KNOWN = 10_000  # answers that are remembered, of each function
STAMP_LENGTH = 19  # characters


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
