"""The lines after the first: what was tried, and what became of it (section 4).

Records are history, never state. Each that did not succeed carries forward
what the next verdict needs, so only the last one is ever read to decide.
"""

from ampt_cli import jsontext
from ampt_cli.typed import Any, Value

SUCCEEDED, FAILED, TIMED_OUT = "succeeded", "failed", "timed_out"
INTERRUPTED, IGNORED, CANCELLED = "interrupted", "ignored", "cancelled"
OUTCOMES = (SUCCEEDED, FAILED, TIMED_OUT, INTERRUPTED, IGNORED, CANCELLED)

MAX_OUTPUT = 65_536  # bytes of output kept of an attempt
BRIEF_FROM = 4 * 2**20  # a file of this size gets records without output and traceback
MAX_FILE = 64 * 2**20  # a larger file is damaged
FULL_FROM = MAX_FILE - 2**20  # a file of this size gets no more attempts but by an operator

Record = dict[str, Any]


class History(Value):
    """What the records of this retry window come to."""

    first: int | None = None  # start of its first attempt
    failures: int = 0
    interruptions: int = 0  # in a row
    succeeded: tuple[str, ...] = ()  # handlers that need not be called again


def line(record: Record) -> bytes:
    """`record` as it is appended."""
    return (jsontext.dumps(record) + "\n").encode("utf-8", "replace")


def success(attempt: int, start: int, us: int, reports: list[Record]) -> bytes:
    """What `line` makes of the record of an attempt in which every handler succeeded, sooner."""
    ms = us / 1000
    took = repr(ms)  # which takes long, and is that of a single handler too
    every = ""
    for report in reports:
        own = took if report["ms"] == ms else report["ms"]
        name = jsontext.quoted(report["handler"])
        every += f',{{"handler":{name},"outcome":"{SUCCEEDED}","ms":{own}}}'
    return (
        f'{{"attempt":{attempt},"start":{start},"ms":{took},"outcome":"{SUCCEEDED}",'
        f'"handlers":[{every[1:]}]}}\n'
    ).encode("utf-8", "replace")


def deed(action: str, now: int, **more: Any) -> Record:
    """The record of what an operator did."""
    return {"action": action, "time": now, **more}


def parse(raw: bytes) -> Record | None:
    """The record in one line, or None where it is damaged."""
    try:
        record = jsontext.loads(raw.decode())
    except ValueError:
        return None
    return record if type(record) is dict else None


def split(data: bytes) -> tuple[bytes, list[Record], int]:
    """A file's first line, its records, and how many of its lines are damaged.

    A torn last line is no damage: it is left out and not counted.
    """
    first, _, rest = data.partition(b"\n")
    lines = rest.split(b"\n")[:-1]
    parsed = [parse(raw) for raw in lines if raw]
    records = [record for record in parsed if record is not None]
    return first + b"\n", records, len(parsed) - len(records)


def latest(lines: list[bytes]) -> History | None:
    """What the last of these lines that says so carries forward, or None."""
    for raw in reversed(lines):
        record = parse(raw)
        if record is None:
            continue
        if record.get("action") == "redriven":
            return History()
        if "first" in record:
            return _from(record)
    return None


def _from(record: Record) -> History:
    def count(key: str) -> int:
        value = record.get(key)
        return value if type(value) is int else 0

    succeeded = record.get("succeeded")
    names = succeeded if type(succeeded) is list else []
    return History(
        count("first") or None,
        count("failures"),
        count("interruptions"),
        tuple(name for name in names if type(name) is str),
    )
