"""The vectors of the format, and that the specification's own examples are among them."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ampt_cli import event, instants, jsontext, layout, marks, record
from ampt_cli.errors import Damaged, TooNew

HERE = Path(__file__).parent
FORMAT = (HERE.parents[1] / "spool_format.md").read_text(encoding="utf-8")


def vectors(name: str) -> list[dict[str, Any]]:
    """A file of them."""
    found: list[dict[str, Any]] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found


def shown(one: dict[str, Any]) -> str:
    """A short name for a test."""
    return ascii(one.get("invalid") or one.get("newer") or one.get("what") or one)[:40]


@pytest.mark.parametrize("one", vectors("names"), ids=shown)
def test_a_file_name_says_this_or_nothing(one: dict[str, Any]) -> None:
    """And what it says gives the name back."""
    entry = layout.parse("done/2026-11-24", one["file"])
    if "invalid" in one:
        assert entry is None
        return

    assert entry is not None
    assert (one["due"], one["id"], one["attempt"], one["name"]) == (
        entry.due,
        entry.id,
        entry.attempt,
        entry.name,
    )
    assert (
        layout.new("pending", one["due"], one["id"], one["name"], one["attempt"]).file
        == one["file"]
    )
    assert len(one["file"]) <= 254


@pytest.mark.parametrize("one", vectors("bodies"), ids=shown)
def test_a_first_line_is_this_event_or_none(one: dict[str, Any]) -> None:
    """Damaged, or of a newer format."""
    line = base64.b64decode(one["line"])
    if "invalid" in one or "newer" in one:
        with pytest.raises(TooNew if "newer" in one else Damaged):
            event.decode(line)
        return

    assert one["body"] == event.decode(line).body


@pytest.mark.parametrize("one", vectors("histories"), ids=shown)
def test_the_lines_after_the_first_come_to_this(one: dict[str, Any]) -> None:
    """Whatever is damaged or torn among them."""
    first = b'{"ampt":1,"id":"x","name":"n","time":0,"due":0,"body":null}\n'
    rest = "".join(f"{line}\n" for line in one["lines"]) + one.get("torn", "")
    kept, records, damaged = record.split(first + rest.encode())
    found = record.latest(rest.encode().split(b"\n")[:-1]) or record.History()

    assert kept == first
    assert one["damaged"] == damaged
    assert one["history"] == {**found.as_dict(), "succeeded": list(found.succeeded)}
    assert len(one["lines"]) == len(records) + damaged


def test_the_examples_of_the_specification_are_among_the_vectors() -> None:
    """Its table of names, and its smallest event with its size."""
    table = re.findall(r"^\| (valid|invalid) \| `([^`]+)`", FORMAT, re.MULTILINE)
    known = {one["file"]: "invalid" if "invalid" in one else "valid" for one in vectors("names")}
    [(size, smallest)] = re.findall(
        r"smallest event is (\d+) bytes:\n\n```\n(.*?\n)```", FORMAT, re.S
    )

    assert len(table) >= 7
    assert {file: word for word, file in table}.items() <= known.items()
    assert len(smallest) == int(size)
    assert base64.b64encode(smallest.encode()).decode() in {
        one["line"] for one in vectors("bodies")
    }


def test_stamps_of_vectors_sort_as_their_instants() -> None:
    """The byte order of names is the order of due times."""
    found = [(one["file"], one["due"]) for one in vectors("names") if "due" in one]

    assert [instant for _, instant in sorted(found)] == sorted(instant for _, instant in found)
    assert all(instants.unstamp(file[:19]) == instant for file, instant in found)


LIMITS = [
    (r"ended by one newline, less than ([\d,]+) bytes", event.MAX_BYTES),
    (r"event name is 1 to (\d+) bytes", event.MAX_NAME),
    (r"id      = 1\*(\d+)\(", event.MAX_ID),
    (r"no leading zero, at most (\d+)", layout.MAX_ATTEMPT),
    (r"only if that takes more than (\d+)", layout.MAX_PERCENT),
    (r"number of more than (\d+) digits", jsontext.MAX_DIGITS),
    (r"no nesting deeper than (\d+)", jsontext.MAX_DEPTH),
    (r"cut in the middle after (\d+) KiB", record.MAX_OUTPUT // 2**10),
    (r"In a file over (\d+) MiB", record.BRIEF_FROM // 2**20),
    (r"in one over (\d+) MiB", record.FULL_FROM // 2**20),
    (r"a file over (\d+) MiB is damaged", record.MAX_FILE // 2**20),
    (r"`marks` has (\d+)-byte records", marks.RECORD),
    (r"A publisher \*must\* give up (\d+) h", layout.PUBLISHER_GIVES_UP // instants.HOUR),
    (r"a sweeper \*must\*\nwait for (\d+) h", layout.TMP_IS_STALE // instants.HOUR),
]


@pytest.mark.parametrize(("said", "limit"), LIMITS)
def test_a_limit_of_the_specification_is_that_of_the_code(said: str, limit: int) -> None:
    """Another implementation keeps to the text, and both use one spool."""
    assert [number.replace(",", "") for number in re.findall(said, FORMAT)] == [str(limit)]
