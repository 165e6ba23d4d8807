"""Due times: the strict words in which people say when.

What is said is read to an instant; see `instants`.
"""

from ampt_cli.errors import BadDue
from ampt_cli.instants import DAY, HOUR, LAST, MINUTE, SECOND, WEEK, iso

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from typing import Any

    After = int | str | datetime | timedelta

LONGEST = 365_000 * DAY  # of a length of time: from now it still ends in a year of four digits
EPOCH_FROM = 100_000_000_000  # a smaller number is a delay in ms, a larger one an epoch time
AS_DELAY, AS_INSTANT = "a delay in ms", "ms since 1970"  # how numbers are read

UNITS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": WEEK}
MONTHS = {"month": 1, "year": 12}
SHORT = {unit[0]: unit for unit in UNITS}


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
        raise BadDue(f"the duration {_shown(text)} is longer than 1,000 years")
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


def doubt(given: object, read_as: str) -> str | None:
    """What to say of a number that is `read_as` ms, and was almost surely meant otherwise."""
    text = given.strip() if isinstance(given, str) else ""
    number = int(text) if _number(text) else given
    if isinstance(number, int) and 1_000_000_000 <= number < 5_000_000_000:
        return f"{number} was read as {read_as}; for seconds since 1970 write @{number}"
    if len(text) == 8 and _number(text):  # of digits, as ISO 8601 has dates too
        date = f"{text[:4]}-{text[4:6]}-{text[6:]}"
        if "2020-01-01" <= date < "2100" and "01" <= date[5:7] <= "12" and "01" <= date[8:] <= "31":
            return f"{text} was read as {read_as}; for a date write {date}"
    return None


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
