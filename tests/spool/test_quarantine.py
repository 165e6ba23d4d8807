"""The way back from quarantine."""

from pathlib import Path

import pytest

from ampt_cli import instants, layout, publication, quarantine, spool
from ampt_cli.census import census
from ampt_cli.errors import AmptError, Damaged, NotFound, UsageError
from ampt_cli.fsio import Disk
from ampt_cli.unread import Unread

NOW = 1_800_000_000_000


def publish(disk: Disk, id: str) -> layout.Entry:
    """A waiting entry."""
    made = publication.publish(disk, publication.draft("n", {"a": 1}, None, NOW, id))
    return layout.published(made)


def test_what_was_mended_is_given_back_to_pending(disk: Disk) -> None:
    """Its folder is gone, and so is its reason."""
    entry = publish(disk, "whole")
    spool.quarantine(disk, entry.path, "it looked wrong", NOW)
    [one] = quarantine.held(Unread(disk))
    target = quarantine.give_back(disk, quarantine.find(disk, "who"), NOW + 5)

    assert one.reason == f"{entry.path}: it looked wrong"
    assert one.folder.startswith(f"{layout.QUARANTINE}/{instants.stamp(NOW)}-")
    assert target == layout.waiting(entry, layout.PENDING, NOW + 5)
    assert disk.list(layout.QUARANTINE) == []


def test_a_reason_that_cannot_be_read_hides_nothing(disk: Disk, tmp_path: Path) -> None:
    """Whatever is in its place: that something is there is said all the same."""
    folder = spool.quarantine(disk, publish(disk, "torn").path, "it looked wrong", NOW)
    disk.remove(f"{folder}/reason")
    disk.make_folder(f"{folder}/reason")
    [one] = quarantine.held(Unread(disk))

    assert one.entry is not None
    assert (one.entry.id, one.reason) == ("torn", "the reason cannot be read: Is a directory")


def test_the_reason_is_there_before_what_it_is_of(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dies between the two leaves nothing in quarantine without a reason."""
    entry = publish(disk, "whole")
    reasons: list[bytes] = []

    def move(moving: Disk, source: str, target: str) -> None:
        reasons.append((tmp_path / "spool" / target).with_name("reason").read_bytes())
        moved(moving, source, target)

    moved = Disk.move
    monkeypatch.setattr(Disk, "move", move)
    spool.quarantine(disk, entry.path, "it looked wrong", NOW)

    assert reasons == [f"{entry.path}: it looked wrong\n".encode()]


def test_what_is_damaged_still_stays(disk: Disk, tmp_path: Path) -> None:
    """And the error says why."""
    entry = publish(disk, "torn")
    (tmp_path / "spool" / entry.path).write_bytes(b'{"ampt":1')
    spool.quarantine(disk, entry.path, "incomplete", NOW)
    with pytest.raises(AmptError, match="still damaged: incomplete"):
        quarantine.give_back(disk, quarantine.find(disk, "torn"), NOW)

    assert len(list(quarantine.held(Unread(disk)))) == 1


def test_what_a_newer_program_wrote_stays_and_is_named(disk: Disk, tmp_path: Path) -> None:
    """It is an error of this file, which keeps no other from its way back."""
    entry = publish(disk, "newer")
    path = tmp_path / "spool" / entry.path
    path.write_bytes(path.read_bytes().replace(b'"ampt":1', b'"ampt":2'))
    folder = spool.quarantine(disk, entry.path, "set aside by hand", NOW)
    with pytest.raises(Damaged, match=f"^{folder}/{entry.file} stays: its format is 2"):
        quarantine.give_back(disk, quarantine.find(disk, "newer"), NOW)


def test_an_event_never_gets_a_second_entry(disk: Disk) -> None:
    """One with another id that begins alike is no obstacle, its own is."""
    entry = publish(disk, "order-7")
    spool.quarantine(disk, entry.path, "twice", NOW)
    publish(disk, "order-77")
    one = quarantine.find(disk, "order-7")
    disk.link(one.path, entry.path)
    with pytest.raises(AmptError, match="has another entry"):
        quarantine.give_back(disk, one, NOW)
    disk.remove(entry.path)

    assert quarantine.give_back(disk, one, NOW) is not None


def test_what_was_never_there_is_not_found(disk: Disk) -> None:
    """Also not by a name that is no entry's."""
    with pytest.raises(NotFound):
        quarantine.find(disk, "x")


def test_a_beginning_of_several_ids_in_quarantine_is_ambiguous(disk: Disk) -> None:
    """One that is itself an id is not; of two files of one event the last is meant."""
    for id_ in ("aa", "aa1", "aa2", "aa2"):
        spool.quarantine(disk, publish(disk, id_).path, "it looked wrong", NOW)

    with pytest.raises(UsageError, match=r"'a' is ambiguous, in quarantine: aa, aa1, aa2$"):
        quarantine.find_anywhere(disk, "a")
    assert quarantine.find_anywhere(disk, "aa").id == "aa"
    assert quarantine.find_anywhere(disk, "aa2").id == "aa2"


def test_of_two_files_of_an_event_the_one_put_there_last_is_meant(disk: Disk) -> None:
    """The other is older, or was looked at before."""
    folders = [
        spool.quarantine(disk, publish(disk, "twice").path, "torn", NOW + number)
        for number in range(2)
    ]

    assert quarantine.find(disk, "twice").folder == folders[-1]


def test_what_another_takes_out_of_quarantine_is_not_given_back(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is looked at, or after; the reason of what may be there again stays."""
    entry = publish(disk, "gone")
    folder = spool.quarantine(disk, entry.path, "torn", NOW)
    one = quarantine.find(disk, "gone")
    monkeypatch.setattr(spool, "redrive", lambda *_: None)
    late = quarantine.give_back(disk, one, NOW)
    monkeypatch.undo()
    reasons = disk.list(folder).count("reason")
    disk.remove(one.path)

    assert (late, reasons) == (None, 1)
    assert quarantine.give_back(disk, one, NOW) is None


def test_a_reason_alone_is_no_file_in_quarantine(disk: Disk, tmp_path: Path) -> None:
    """Whoever died between the two left it, or the file was deleted: nobody needs to see to it."""
    spool.quarantine(disk, publish(disk, "kept").path, "it looked wrong", NOW)
    folder = spool.quarantine(disk, publish(disk, "deleted").path, "it looked wrong", NOW)
    [file] = {*disk.list(folder)} - {"reason"}
    disk.remove(f"{folder}/{file}")

    assert (
        census(Unread(disk), NOW).counts[layout.QUARANTINE]
        == len(list(quarantine.held(Unread(disk))))
        == 1
    )


def test_a_quarantine_that_cannot_be_read_is_told(disk: Disk, tmp_path: Path) -> None:
    """By whoever looks for an event in it, and whoever lists it."""
    disk.remove_folder(layout.QUARANTINE)
    Path(disk.path, layout.QUARANTINE).symlink_to(tmp_path)
    unread = Unread(disk)

    assert list(quarantine.held(unread)) == []
    assert list(unread.why) == [layout.QUARANTINE]
    with pytest.raises(AmptError, match=f"cannot read {disk.path}/quarantine: Not a directory"):
        quarantine.find(disk, "x")
