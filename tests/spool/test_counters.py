"""Statistics in the file `counters`: what is damaged there means nothing, and stops nobody."""

import json
import os

import pytest

from ampt_cli import counters, layout
from ampt_cli.counters import BOUNDS, Counters
from ampt_cli.fsio import Disk

WHOLE = {"attempts": {"succeeded": 2}, "ms": 7.5, "below": [2, *[0] * len(BOUNDS)]}
MORE = Counters({"failed": 1}, 2.5, (1, *[0] * len(BOUNDS)))


def test_what_is_added_is_read_again(disk: Disk) -> None:
    """Over what was there before, key by key."""
    disk.write_new(layout.COUNTERS, json.dumps(WHOLE).encode())

    assert counters.add(disk, MORE, "tmp/draft")
    assert counters.read(disk) == Counters(
        {"succeeded": 2, "failed": 1}, 10.0, (3, *[0] * len(BOUNDS))
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"ms": int("9" * 400)},
        {"ms": "nan"},
        {"ms": "inf"},
        {"ms": -1},
        {"ms": None},
        {"below": [1, 2]},
        {"below": 3},
        {"attempts": []},
        {"attempts": {"failed": "many"}},
    ],
)
def test_what_is_no_counters_counts_from_nothing(disk: Disk, wrong: dict[str, object]) -> None:
    """Also a number that no graph and no sum can hold: it must not stop a run."""
    disk.write_new(layout.COUNTERS, json.dumps(WHOLE | wrong).encode())

    assert counters.read(disk) == Counters()
    assert counters.add(disk, MORE, "tmp/draft")
    assert counters.read(disk) == MORE


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"{}", b"null", b'{"attempts":{}'])
def test_what_is_no_object_with_counters_counts_from_nothing(disk: Disk, text: bytes) -> None:
    """Torn, of other bytes, or of another kind."""
    disk.write_new(layout.COUNTERS, text)

    assert counters.read(disk) == Counters()
    assert counters.add(disk, MORE, "tmp/draft")


def test_where_they_cannot_be_replaced_nothing_is_left_behind(disk: Disk) -> None:
    """A folder is in their place: a run goes on, and says that it did not add."""
    os.mkdir(layout.COUNTERS, dir_fd=disk.root)

    assert counters.read(disk) == Counters()
    assert not counters.add(disk, MORE, "tmp/draft")
    assert disk.list("tmp") == []
