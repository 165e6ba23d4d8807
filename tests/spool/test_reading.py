"""What opening an entry leaves on the disk."""

import os
from pathlib import Path

import pytest

from ampt_cli import catalog, layout, reading, record, settling
from ampt_cli.claim import Claim
from ampt_cli.errors import Damaged
from ampt_cli.event import Event, encode
from ampt_cli.fsio import Disk
from ampt_cli.policy import Retries

LONG_AGO = 10**18  # ns


def test_that_a_worker_has_read_a_claim_is_not_noted(tmp_path: Path) -> None:
    """Noting it would write an inode for every event."""
    entry = layout.again(".", "20261124T101500123Z.abc.a1.n.json")
    read, seen = tmp_path / entry.file, tmp_path / "seen"
    for path in (read, seen):
        path.write_bytes(encode(Event("abc", "n", None, 1, 1)))
        path.chmod(0o600)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    seen.read_bytes()
    if seen.stat().st_atime_ns == LONG_AGO:
        pytest.skip("this file system notes no reads")
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)

    claim = Claim(Disk(root))
    event = claim.open(entry)
    claim.close(None)
    os.close(root)

    assert event.id == "abc"
    assert read.stat().st_atime_ns == LONG_AGO


def test_a_history_is_found_however_long_the_last_record_is(tmp_path: Path) -> None:
    """The end of the file is read, and more of it until the record is whole."""
    lines = [
        {"attempt": 1, "first": 7, "failures": 1, "output": "short"},
        {"attempt": 2, "first": 7, "failures": 2, "output": "x" * record.MAX_OUTPUT},
    ]
    written = [encode(Event("abc", "n", None, 1, 1)), *map(record.line, lines)]
    (tmp_path / "entry").write_bytes(b"".join(written))
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = reading.history(Disk(root), "entry")
    finally:
        os.close(root)

    assert found == record.History(first=7, failures=2)


@pytest.mark.row(5)
def test_a_file_of_64_mib_is_read_and_a_larger_one_is_damaged(tmp_path: Path) -> None:
    """By its size alone: here it is sparse."""
    entry = layout.again(".", "20261124T101500123Z.abc.a1.n.json")
    path = tmp_path / entry.file
    path.write_bytes(encode(Event("abc", "n", None, 1, 1)))
    path.chmod(0o600)
    os.truncate(path, 64 * 2**20)
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        event = reading.first_line(Disk(root), entry)
        os.truncate(path, 64 * 2**20 + 1)
        with pytest.raises(Damaged, match="it has 67,108,865 bytes, more than 67,108,864"):
            reading.first_line(Disk(root), entry)
    finally:
        os.close(root)

    assert event.id == "abc"


def failed_again(disk: Disk, size: int) -> layout.Entry:
    """An entry of this size, whose attempt has failed; where it is now."""
    entry = layout.claimed(layout.new(layout.PENDING, 1, "abc", "n"), "r")
    disk.make_folder(entry.folder)
    line = encode(Event("abc", "n", None, 1, 1))
    disk.write_new(entry.path, line + b" " * (size - len(line) - 1) + b"\n")
    report = {"handler": "h", "outcome": "failed", "ms": 1, "error": "E", "traceback": "T"}
    made = {"attempt": 1, "start": 1, "ms": 1, "outcome": "failed", "handlers": [report]}
    made |= {"error": "E", "output": "printed"}
    settling.settle_other(disk, entry, made, now=9, retries=Retries())
    [kept] = catalog.entries(disk)
    return kept


@pytest.mark.parametrize("more", [0, 1])
def test_after_4_mib_of_records_what_makes_them_long_is_left_out(disk: Disk, more: int) -> None:
    """Who failed, and why in one line, is kept: a file that is never pruned does not burst."""
    kept = failed_again(disk, 4 * 2**20 + more)
    noted = reading.last_record(disk, kept.path)

    assert noted["error"] == noted["handlers"][0]["error"] == "E"
    assert ("output" in noted, "traceback" in noted["handlers"][0]) == (not more, not more)


@pytest.mark.parametrize(("more", "state"), [(0, "retry"), (1, "dead")])
def test_after_63_mib_of_records_an_event_is_dead(disk: Disk, more: int, state: str) -> None:
    """As one that failed for too long: its own records made it a damaged one, in quarantine."""
    kept = failed_again(disk, 63 * 2**20 + more)

    assert (kept.state, reading.last_record(disk, kept.path)["verdict"]) == (state, state)
    assert reading.first_line(disk, kept).id == "abc"


@pytest.mark.rule(3)
@pytest.mark.root
def test_in_a_spool_of_a_group_an_entry_of_another_group_is_not_believed(tmp_path: Path) -> None:
    """Its members may write it."""
    if os.geteuid() != 0:
        pytest.skip("giving a file to a group of others needs root")
    entry = layout.again(".", "20261124T101500123Z.abc.a1.n.json")
    path = tmp_path / entry.file
    path.write_bytes(encode(Event("abc", "n", None, 1, 1)))
    path.chmod(0o660)
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    disk = Disk(root, group=True)
    try:
        event = reading.first_line(disk, entry)
        os.chown(path, -1, tmp_path.stat().st_gid + 1)
        with pytest.raises(Damaged, match="which is not the spool's"):
            reading.first_line(disk, entry)
    finally:
        os.close(root)

    assert event.id == "abc"


@pytest.mark.parametrize("torn", [b"", b'{"attempt":2'])
def test_a_record_before_a_torn_line_is_not_the_last_one(torn: bytes, tmp_path: Path) -> None:
    """What is torn may be the record of a later attempt."""
    made = {"attempt": 1, "outcome": "succeeded"}
    first = encode(Event("abc", "n", None, 1, 1))
    (tmp_path / "entry").write_bytes(first + record.line(made) + torn)
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = reading.last_record(Disk(root), "entry")
    finally:
        os.close(root)

    assert found == ({} if torn else made)


def test_a_file_whose_end_was_not_seen_is_not_taken_for_whole(tmp_path: Path) -> None:
    """What is torn may come after a line that ends just where was read to."""
    entry = layout.again(".", "20270115T080000000Z.abc.a0.n.json")
    first = encode(Event("abc", "n", None, 1, 1))
    padding = b" " * (reading.FEW - len(first) - 1) + b"\n"
    (tmp_path / "entry").write_bytes(first + padding + b'{"attempt":2')
    (tmp_path / "entry").chmod(0o600)
    fd = os.open(tmp_path / "entry", os.O_RDONLY)
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        event, is_whole = reading.event_of(Disk(root), entry, fd, os.fstat(fd))
    finally:
        os.close(fd)
        os.close(root)

    assert (event.id, is_whole) == ("abc", False)
