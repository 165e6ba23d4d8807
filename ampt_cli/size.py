"""How much a runner may take: amounts of memory, in words, workers, and time."""

from ampt_cli.errors import UsageError

UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
MOST_JOBS = 1024  # workers: each is a process, and some open files of the runner
MAX_TIMEOUT = 60_000  # ms that a call of a handler may be given
LEAST = 32 << 20  # bytes; Python alone has about as much


def parse(text: "int | str") -> int:
    """Bytes: a number of them, or `512M`, `2G` (powers of 1024). Raises UsageError."""
    if isinstance(text, int) and not isinstance(text, bool):
        count, unit = text, 1
    else:
        shown = str(text).strip().lower().removesuffix("b").removesuffix("i")
        unit = UNITS.get(shown[-1:], 1)
        digits = shown[:-1] if unit > 1 else shown
        count = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
    if count * unit < LEAST:
        raise UsageError(f"cannot use {text!r} as an amount of memory", "from 32M, for example 2G")
    return count * unit
