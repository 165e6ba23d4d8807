"""Calendar arithmetic in UTC (the only importer of dateutil)."""

from datetime import UTC, datetime, timedelta

from dateutil.relativedelta import relativedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add_months(instant: int, count: int) -> int:
    """`instant` (ms) and `count` calendar months: 31 January + 1 is the last of February.

    Raises ValueError or OverflowError beyond the year 9999.
    """
    later = EPOCH + timedelta(milliseconds=instant) + relativedelta(months=count)
    return int((later - EPOCH) // timedelta(milliseconds=1))
