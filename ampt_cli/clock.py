"""The clock, for those who are not handed one."""

from time import time_ns


def now() -> int:
    """Milliseconds since 1970-01-01T00:00:00Z."""
    return time_ns() // 1_000_000
