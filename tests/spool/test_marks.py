"""What is known of the claims of a runner that has died."""

import pytest

from ampt_cli import marks, size, slot
from ampt_cli.fsio import Disk
from ampt_cli.marks import Begun, Marks

FILE = "20261124T101500123Z.abc.a1.n.json"


@pytest.mark.parametrize(("boot", "known"), [("this", True), ("another", False)])
def test_what_is_not_marked_has_surely_not_begun_only_in_the_same_boot(
    boot: str, known: bool, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marks are never synced: a machine that stopped may have lost any of them."""
    disk.make_folder("running/r")
    monkeypatch.setattr(marks, "boot_id", lambda: "this")
    Marks(disk, "running/r", 1).begin(0, 1, 5, FILE)
    monkeypatch.setattr(marks, "boot_id", lambda: boot)
    begun = Begun(disk, "running/r")

    assert begun.may_have_begun(FILE)
    assert begun.may_have_begun(FILE.replace("abc", "def")) is not known


@pytest.mark.parametrize("step", [1, 2, 4, 128])
def test_no_mark_is_written_over_before_its_event_is_settled(step: int, disk: Disk) -> None:
    """Of the events of a runner a worker gets some, and holds as many as its queue has room for."""
    disk.make_folder("running/r")
    made = Marks(disk, "running/r", 1)
    files = [FILE.replace("abc", f"event{number}") for number in range(slot.QUEUE)]
    for number, file in enumerate(files):
        made.begin(0, 1 + number * step, 5, file)
    begun = Begun(disk, "running/r")

    assert [file for file in files if not begun.may_have_begun(file)] == []


def test_the_marks_of_as_many_workers_as_there_may_be_are_read() -> None:
    """What is larger is taken for damaged."""
    assert marks.RECORD * (1 + size.MOST_JOBS * marks.RING) == marks.MOST


def test_marks_that_cannot_be_read_are_damaged_ones(disk: Disk) -> None:
    """An attempt may have begun then: its runner's claims are rescued as such, not left."""
    disk.make_folder("running/r")
    disk.make_folder("running/r/marks")

    assert Begun(disk, "running/r").may_have_begun(FILE)
    assert marks.begun_so_far(disk, "running/r") == 0


@pytest.mark.parametrize("lines", ["{boot} ²\n", "{boot} 1\n² ² {file}\n"])
def test_marks_with_digits_that_are_no_number_keep_nobody_from_a_rescue(
    lines: str, disk: Disk
) -> None:
    """`int` does not read each `isdigit`."""
    disk.make_folder("running/r")
    said = lines.format(boot=marks.boot_id() or "-", file=FILE).encode().splitlines(keepends=True)
    data = b"".join(line.ljust(marks.RECORD, b"\0") for line in said)
    disk.write_new("running/r/marks", data.ljust(3 * marks.RECORD, b"\0"))
    begun = Begun(disk, "running/r")

    assert not begun.may_have_begun(FILE)
    assert begun.latest() == {}


def test_about_how_many_were_begun_is_seen_by_the_highest_number(disk: Disk) -> None:
    """Whichever worker has it, and however often the ring went round; but for the last few."""
    disk.make_folder("running/r")
    made = Marks(disk, "running/r", 2)
    seen = []
    for seq in range(1, 1000):
        made.begin(seq % 2, seq, 5, FILE)
        seen.append(seq - marks.begun_so_far(disk, "running/r"))

    assert min(seen) == 0
    assert max(seen) < marks.SOME
