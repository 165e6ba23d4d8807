"""The three parsers that meet hostile input, each with what it may do: succeed, or one error."""

from __future__ import annotations

from ampt_cli import due, event, layout
from ampt_cli.errors import BadDue, Damaged, TooNew
from tests.faults import tree

NOW = 1_795_500_000_000
YEAR = 366 * 86_400_000


def entry_content(data: bytes) -> bool:
    """Read an entry's first line: an event that is written again alike, or Damaged or TooNew."""
    try:
        read = event.decode(data)
    except (Damaged, TooNew):
        return False
    again = event.decode(event.encode(read))
    assert (again.id, again.name, again.time, again.due) == (
        read.id,
        read.name,
        read.time,
        read.due,
    )
    assert repr(again.body) == repr(read.body)
    return True


def file_name(file: str) -> bool:
    """Read a file name: as the second reader does, in the one right spelling, or None."""
    if "/" in file or "\0" in file:
        return False  # no file has such a name
    folder = "done/2026-11-24"
    read, second = layout.parse(folder, file), tree.parse(f"{folder}/{file}")
    if read is None or second is None:
        assert read is None and second is None, (file, read, second)
        return False
    assert read.file == file
    assert (read.stamp, read.id, read.attempt, read.name) == second[2:6]
    assert layout.encode_name(read.name) == read.coded
    return True


def after(text: str) -> bool:
    """Read a due time: an instant within the year to come, or BadDue in one line."""
    try:
        instant = due.parse(text, NOW)
    except BadDue as error:
        assert "\n" not in str(error)
        return False
    assert NOW < instant <= NOW + YEAR
    return True
