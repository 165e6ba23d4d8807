"""What `ampt check` finds, and what `--repair` does about it."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ampt_cli import (
    buckets,
    catalog,
    check,
    chosen,
    instants,
    layout,
    lock,
    place,
    publication,
    reading,
    record,
    repairs,
    spool,
    twice,
    upkeep,
    walk,
)
from ampt_cli.event import Event
from ampt_cli.fsio import Disk
from ampt_cli.idle import is_idle
from ampt_cli.policy import Retries
from ampt_cli.retention import Retention

NOW = 1_800_000_000_000
RUNNER = "20270115T080000000Z-00000001"


def publish(disk: Disk, id: str) -> layout.Entry:
    """A waiting entry."""
    made = publication.publish(disk, publication.draft("n", None, None, NOW, id))
    return layout.published(made)


def found(disk: Disk, now: int = NOW) -> list[tuple[str, str]]:
    """What is wrong: path and repair."""
    return [(one.path, one.repair) for one in check.check(disk, now)]


def repair(disk: Disk, now: int = NOW) -> list[bool]:
    """Mend what can be, as it is found."""
    return [repairs.repair(disk, one, now, Retries()) for one in check.check(disk, now)]


@pytest.mark.row(77)
def test_a_backup_restored_over_a_spool_leaves_events_twice_and_the_later_entry_stays(
    disk: Disk, tmp_path: Path
) -> None:
    """The attempt decides, then the length of the history."""
    first, second = publish(disk, "cancelled-since"), publish(disk, "still-waits")
    backup = tmp_path / "backup"
    shutil.copytree(tmp_path / "spool" / "pending", backup)
    done = spool.cancel(disk, first, NOW)
    shutil.copytree(backup, tmp_path / "spool" / "pending", dirs_exist_ok=True)
    seen = found(disk)
    mended = repair(disk)

    assert done is not None
    assert seen == [(first.path, "quarantine")]
    assert mended == [True]
    assert disk.exists(done.path)
    assert disk.exists(second.path)
    assert not disk.exists(first.path)
    assert found(disk) == []


def ask(disk: Disk, id: str, now: int = NOW) -> list[str]:
    """Publish an event with a chosen id, or again; where its entries are then."""
    chosen.publish(disk, publication.draft("n", None, None, now, id))
    return [entry.path for entry in catalog.entries(disk) if entry.id == id]


@pytest.mark.row(77)
def test_an_id_whose_link_a_copy_has_lost_is_linked_again(disk: Disk, tmp_path: Path) -> None:
    """As `rsync -a` copies: two files. The event would be published a second time."""
    [waits] = ask(disk, "mine")
    shutil.copytree(tmp_path / "spool", tmp_path / "copy", ignore=lambda *_: ["wake"])
    copy = place.open_disk(str(tmp_path / "copy"))
    place.complete(copy)
    shutil.copytree(tmp_path / "copy", tmp_path / "lost", ignore=lambda *_: ["wake"])
    twice = ask(place.open_disk(str(tmp_path / "lost")), "mine", NOW + 1)
    seen = found(copy)
    mended = repair(copy)

    assert len(twice) == 2
    assert (seen, mended) == ([(waits, "link")], [True])
    assert found(copy) == []
    assert copy.list("tmp") == []
    assert ask(copy, "mine", NOW + 1) == [waits]


@pytest.mark.row(77)
@pytest.mark.parametrize("damage", [b"half", None])
def test_an_entry_is_not_set_aside_for_one_that_goes_itself(
    disk: Disk, tmp_path: Path, damage: bytes | None
) -> None:
    """The later entry is damaged, or a copy in the wrong bucket: the older is the one that stays."""
    entry = publish(disk, "twice")
    here = tmp_path / "spool" / entry.path
    later = here.parent.parent / "23" / entry.file
    if damage is not None:
        later = tmp_path / "spool" / "done" / "2027-01-15" / entry.file
    buckets.make(disk, str(later.parent.relative_to(tmp_path / "spool")))
    shutil.copy(here, later)
    if damage is not None:
        later.write_bytes(damage * 100)
    seen = found(disk)
    mended = repair(disk)

    assert (seen, mended) == (
        [(str(later.relative_to(tmp_path / "spool")), "quarantine")],
        [True],
    )
    assert [one.path for one in catalog.entries(disk)] == [entry.path]
    assert found(disk) == []


def test_an_id_is_linked_to_the_entry_that_stays_wherever_it_is(disk: Disk, tmp_path: Path) -> None:
    """Of a backup without links: the dead letter was redriven since, and is there once more."""
    ask(disk, "mine")
    [entry] = catalog.entries(disk)
    dead = f"dead/{instants.day(NOW)}"
    buckets.make(disk, dead)
    old = layout.Entry(dead, entry.stamp, entry.id, 0, entry.coded)
    disk.move(entry.path, old.path)
    shutil.copy(tmp_path / "spool" / old.path, tmp_path / "backup")
    stays = spool.redrive(disk, old, NOW)
    shutil.copy(tmp_path / "backup", tmp_path / "spool" / old.path)
    shutil.copy(tmp_path / "backup", tmp_path / "id")
    os.replace(tmp_path / "id", tmp_path / "spool" / layout.id_path("mine"))
    mended = repair(disk)

    assert stays is not None
    assert all(mended)
    assert found(disk) == []
    assert [one.path for one in catalog.entries(disk)] == [stays.path]


def test_a_damaged_entry_of_a_copy_is_one_finding(disk: Disk, tmp_path: Path) -> None:
    """Its id has no link to it either; but it goes to quarantine, and nothing else is left to do."""
    [path] = ask(disk, "mine")
    id_path = tmp_path / "spool" / layout.id_path("mine")
    shutil.copy(id_path, tmp_path / "copy")
    os.replace(tmp_path / "copy", id_path)
    (tmp_path / "spool" / path).write_bytes(b"half")

    assert found(disk) == [(path, "quarantine")]
    assert repair(disk) == [True]
    assert found(disk) == []


@pytest.mark.row(77)
def test_an_id_is_that_of_the_entry_which_stays(disk: Disk, tmp_path: Path) -> None:
    """A backup with its links, restored over a spool, leads the id to the entry that goes."""
    ask(disk, "mine")
    entry = next(catalog.entries(disk))
    backup = tmp_path / "backup"
    shutil.copy(tmp_path / "spool" / entry.path, backup)
    done = spool.cancel(disk, entry, NOW)
    id_path = tmp_path / "spool" / layout.id_path("mine")
    id_path.unlink()
    backup.rename(id_path)
    os.link(id_path, tmp_path / "spool" / entry.path)
    repair(disk)
    shutil.rmtree(tmp_path / "spool" / "quarantine")

    assert done is not None
    assert ask(disk, "mine", NOW + 1) == [done.path]


def test_an_entry_that_moves_before_its_id_is_linked_is_not_called_mended(disk: Disk) -> None:
    """It is as it was, elsewhere: the next check finds it."""
    ask(disk, "mine")
    entry = next(catalog.entries(disk))
    place_ = layout.id_path("mine")
    disk.remove(place_)
    disk.write_new(place_, b"a copy")
    [finding] = check.check(disk, NOW)
    moved = spool.cancel(disk, entry, NOW)

    assert moved is not None
    assert not repairs.repair(disk, finding, NOW, Retries())
    assert found(disk) == [(moved.path, "link")]


def claim(disk: Disk, entry: layout.Entry, runner: str = RUNNER) -> layout.Entry:
    """A claim of a runner of whom nobody lives."""
    folder = f"{layout.RUNNING}/{runner}"
    disk.make_folder(folder)
    for name in layout.RUNNER_FILES:
        disk.write_new(f"{folder}/{name}", b"")
    claimed = spool.claim(disk, entry, runner)
    assert claimed is not None
    return claimed


def test_the_claims_of_a_dead_runner_are_rescued(disk: Disk) -> None:
    """Its folder is gone, and the event waits again."""
    entry = publish(disk, "claimed")
    claim(disk, entry)
    seen = list(check.check(disk, NOW))
    mended = repair(disk)

    wrong = "its runner is gone; the next run rescues its claims"
    assert seen == [check.Finding(f"{layout.RUNNING}/{RUNNER}", wrong, "rescue")]
    assert mended == [True]
    assert disk.list(layout.RUNNING) == []
    assert found(disk) == []


def test_an_event_that_is_claimed_too_is_left_to_a_person(disk: Disk, tmp_path: Path) -> None:
    """Until the claim is settled nobody can say which entry stays."""
    entry = publish(disk, "claimed")
    claimed = claim(disk, entry)
    shutil.copy(tmp_path / "spool" / claimed.path, tmp_path / "spool" / entry.path)
    twice = [one for one in check.check(disk, NOW) if "older" in one.wrong]

    assert [(one.path, one.repair) for one in twice] == [(entry.path, "")]
    assert not repairs.repair(disk, twice[0], NOW, Retries())
    assert disk.exists(entry.path)


def test_what_a_dead_runner_had_claimed_is_mended_in_one_go(disk: Disk, tmp_path: Path) -> None:
    """It is rescued first: then one can say which entry stays, and what its id leads to."""
    ask(disk, "mine")
    entry = next(catalog.entries(disk))
    claimed = claim(disk, entry)
    shutil.copy(tmp_path / "spool" / claimed.path, tmp_path / "spool" / entry.path)
    disk.remove(layout.id_path("mine"))
    disk.write_new(layout.id_path("mine"), b"a copy")

    assert repair(disk) == [True, True, True]
    assert found(disk) == []
    [stays] = catalog.entries(disk)
    assert stays.state == layout.RETRY
    assert (tmp_path / "spool" / layout.id_path("mine")).samefile(tmp_path / "spool" / stays.path)


def test_of_two_entries_none_goes_for_one_that_cannot_be_read(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be lost, and the other is all that is left of the event."""
    entry = publish(disk, "twice")
    later = entry.path.replace(".a0.", ".a2.")
    shutil.copy(tmp_path / "spool" / entry.path, tmp_path / "spool" / later)
    whole = reading.whole

    def bad(disk: Disk, entry: layout.Entry) -> tuple[Event, list[record.Record], int]:
        if entry.path == later:
            raise OSError(errno.EIO, os.strerror(errno.EIO), later)
        return whole(disk, entry)

    monkeypatch.setattr(reading, "whole", bad)

    assert found(disk) == [(entry.path, ""), (later, "")]
    assert repair(disk) == [False, False]


def test_what_a_rescue_cannot_do_is_raised(disk: Disk) -> None:
    """So that it is told why it was not mended."""
    claim(disk, publish(disk, "claimed"))
    disk.remove_folder("retry")
    disk.write_new("retry", b"")
    finding = check.Finding(f"{layout.RUNNING}/{RUNNER}", "its runner is gone", "rescue")

    with pytest.raises(NotADirectoryError):
        repairs.repair(disk, finding, NOW, Retries())


def test_a_claim_is_left_to_a_person_too_where_it_is_the_older_entry(
    disk: Disk, tmp_path: Path
) -> None:
    """Its runner may be at work, and would find it gone."""
    entry = publish(disk, "claimed")
    claimed = claim(disk, entry)
    later = entry.path.replace(".a0.", ".a2.")
    shutil.copy(tmp_path / "spool" / claimed.path, tmp_path / "spool" / later)

    assert (claimed.path, "") in found(disk)
    assert later not in [path for path, _ in found(disk)]


def test_of_two_entries_the_one_of_more_attempts_stays(disk: Disk, tmp_path: Path) -> None:
    """However long the history of the other is."""
    entry = publish(disk, "twice")
    later = tmp_path / "spool" / entry.path.replace(".a0.", ".a2.")
    shutil.copy(tmp_path / "spool" / entry.path, later)
    with (tmp_path / "spool" / entry.path).open("ab") as file:
        file.write(b'{"action":"moved"}\n')

    assert found(disk) == [(entry.path, "quarantine")]


def test_what_a_killed_publisher_left_is_swept(disk: Disk) -> None:
    """But only once its writer has surely given up; a batch is a folder with all that is in it."""
    disk.make_folder("tmp/20270115T080000000Z.x")
    disk.write_new("tmp/20270115T080000000Z.x/one", b"half")
    late = NOW + layout.TMP_IS_STALE + 1

    assert found(disk, late - 1) == []
    assert found(disk, late) == [("tmp/20270115T080000000Z.x", "sweep")]
    assert repair(disk, late) == [True]
    assert disk.list("tmp") == []


def test_what_somebody_else_has_put_right_is_mended(disk: Disk) -> None:
    """A runner settles what was found, before its turn to be repaired comes."""
    entry = publish(disk, "torn")
    fd = os.open(entry.path, os.O_WRONLY, dir_fd=disk.root)
    os.truncate(fd, 10)
    os.close(fd)
    [finding] = check.check(disk, NOW)
    disk.remove(entry.path)

    assert finding.repair == "quarantine"
    assert repairs.repair(disk, finding, NOW, Retries())


def test_an_entry_whose_name_is_read_twice_is_one(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it may be of a folder that changes meanwhile; else it went to quarantine for itself."""
    publish(disk, "once")
    entries = walk.entries
    monkeypatch.setattr(walk, "entries", lambda *given: [*entries(*given), *entries(*given)])

    assert found(disk) == []


def test_of_entries_that_are_the_same_the_one_furthest_on_stays(disk: Disk, tmp_path: Path) -> None:
    """A restored copy is of what was before."""
    entry = publish(disk, "often")
    day = instants.day(NOW)
    for folder in (dead := f"dead/{day}", done := f"done/{day}"):
        buckets.make(disk, folder)
        shutil.copy(tmp_path / "spool" / entry.path, tmp_path / "spool" / folder / entry.file)

    assert found(disk) == [
        (entry.path, "quarantine"),
        (f"{done}/{entry.file}", "quarantine"),
    ]
    assert repair(disk) == [True, True]
    assert [one.folder for one in catalog.entries(disk)] == [dead]


def test_an_entry_that_has_gone_on_is_not_there_twice(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read where it was, and where it came to."""
    entry = publish(disk, "moves")
    before = layout.Entry("pending/2027-01-15/07", entry.stamp, entry.id, 0, entry.coded)
    entries = walk.entries
    monkeypatch.setattr(walk, "entries", lambda *given: [before, *entries(*given)])

    assert found(disk) == []


def test_a_spool_that_is_gone_is_not_called_mended(disk: Disk, tmp_path: Path) -> None:
    """Its folders cannot be made again."""
    (tmp_path / "spool" / "dead").rmdir()
    [finding] = check.check(disk, NOW)
    shutil.rmtree(tmp_path / "spool")

    assert finding.repair == "make"
    assert not repairs.repair(disk, finding, NOW, Retries())


@pytest.mark.parametrize("gone", [1, 2])
def test_an_event_that_goes_to_and_fro_is_not_there_twice(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    """What is gone at either of two looks has moved, and nothing of it is set aside."""
    entry = publish(disk, "moves")
    again = entry.path.replace(".a0.", ".a2.")
    shutil.copy(tmp_path / "spool" / entry.path, tmp_path / "spool" / again)
    looks: list[str] = []

    def size(_: Disk, seen: layout.Entry) -> int:
        looks.append(seen.path)
        return -1 if seen == entry and looks.count(seen.path) == gone else 9

    monkeypatch.setattr(twice, "_size", size)

    assert found(disk) == []
    assert looks.count(again) == 2


def test_what_could_not_be_put_right_is_not_called_mended(disk: Disk, tmp_path: Path) -> None:
    """It is the place to put it that is missing, and not what was found."""
    entry = publish(disk, "torn")
    (tmp_path / "spool" / entry.path).write_bytes(b"half")
    [finding] = check.check(disk, NOW)
    (tmp_path / "spool" / "quarantine").rmdir()
    (tmp_path / "spool" / "quarantine").symlink_to("nowhere")

    assert finding.repair == "quarantine"
    assert not repairs.repair(disk, finding, NOW, Retries())


def test_a_bucket_is_read_to_its_end_before_anything_leaves_it(disk: Disk, tmp_path: Path) -> None:
    """Of a folder that is read meanwhile, some systems leave out others."""
    for id_ in ("one", "two"):
        (tmp_path / "spool" / publish(disk, id_).path).write_bytes(b"half")
    findings = check.check(disk, NOW)
    next(findings)
    for entry in [*catalog.entries(disk)]:
        disk.remove(entry.path)

    assert [one.repair for one in findings] == ["quarantine"]


def test_where_the_system_does_not_name_what_cannot_be_read_it_is_in_the_spool(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is open has a number for the system, and no path."""
    ask(disk, "mine")
    files = walk.files

    def bad(disk: Disk, folder: str, *, hidden: bool = False) -> Iterator[str]:
        if folder.startswith("ids"):
            raise OSError(errno.EIO, "Input/output error", 7)
        return files(disk, folder, hidden=hidden)

    monkeypatch.setattr(walk, "files", bad)

    assert list(check.check(disk, NOW)) == [
        check.Finding(".", "it cannot be read: Input/output error", "")
    ]


def test_a_rescue_that_leaves_something_is_not_called_one(disk: Disk, tmp_path: Path) -> None:
    """What is no entry is nobody's to move; what is one waits again."""
    folder = claim(disk, publish(disk, "claimed")).folder
    (tmp_path / "spool" / folder / "notes").mkdir()

    assert repair(disk) == [False, False]
    assert disk.exists(f"{folder}/notes")
    assert [entry.state for entry in catalog.entries(disk)] == [layout.RETRY]


def test_a_runners_folder_without_its_lock_is_reported(disk: Disk) -> None:
    """As a backup leaves it that skips locks: nobody can tell whether its runner lives."""
    claim(disk, publish(disk, "claimed"))
    disk.remove(f"running/{RUNNER}/lock")

    assert found(disk) == [(f"running/{RUNNER}", "")]
    assert is_idle(disk, NOW, Retention())
    assert repair(disk) == [False]


def test_a_runners_folder_without_lock_and_claims_is_removed(disk: Disk) -> None:
    """A power cut undid its move to tmp/, where it was being taken apart."""
    disk.make_folder(f"running/{RUNNER}")

    assert found(disk) == [(f"running/{RUNNER}", "rescue")]
    assert not is_idle(disk, NOW, Retention())
    assert repair(disk) == [True]
    assert disk.list("running") == []


@pytest.mark.parametrize("name", ["mine", "0-mine", "2026-01-01-mine"])
def test_what_does_not_say_when_it_was_made_is_reported_and_never_swept(
    disk: Disk, name: str
) -> None:
    """Also where its name comes before that of every draft that is old enough."""
    disk.write_new(f"tmp/{name}", b"half")

    assert upkeep.sweep(disk, NOW) == 0
    assert found(disk) == [(f"tmp/{name}", "")]


def test_drafts_say_when_they_were_made(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not when they are due, or one left by a killed publisher would stay for a year."""
    drafts: list[str] = []
    write = Disk.write_new

    def noted(self: Disk, path: str, data: bytes, sync: bool = True, chmod: bool = True) -> None:
        drafts.append(path)
        write(self, path, data, sync, chmod)

    monkeypatch.setattr(Disk, "write_new", noted)
    chosen.publish(disk, publication.draft("n", None, "1 year", NOW, "mine"))
    publication.publish(disk, publication.draft("n", None, "1 year", NOW))
    place.open_disk(str(tmp_path / "another"), create=True)

    stamps = [draft[4 : 4 + instants.STAMP_LENGTH] for draft in drafts]
    assert stamps[:2] == [instants.stamp(NOW)] * 2
    assert len(stamps) == 3
    assert instants.is_stamp(stamps[2])


def test_what_a_backup_leaves_out_is_made_again(disk: Disk, tmp_path: Path) -> None:
    """Empty folders, and the FIFO."""
    (tmp_path / "spool" / "dead").rmdir()
    (tmp_path / "spool" / "wake").unlink()

    assert found(disk) == [("dead", "make"), ("wake", "make")]
    assert repair(disk) == [True, True]
    assert found(disk) == []


@pytest.mark.rule(1)
@pytest.mark.parametrize("mode", [0o755, 0o711])
def test_a_spool_that_anybody_may_look_into_is_reported(
    disk: Disk, tmp_path: Path, mode: int
) -> None:
    """As a copy that keeps no modes leaves it: bodies are private no more."""
    private = found(disk)
    (tmp_path / "spool").chmod(mode)
    [told] = check.check(disk, NOW)

    assert private == []
    assert told.wrong.endswith(f"; chmod o= it (mode {mode:04o})")
    assert found(disk) == [(".", "")]
    assert repair(disk) == [False]


@pytest.mark.parametrize(
    "stray",
    ["pending/rubbish", "done/2026-11-31", "pending/2026-11-24/24", "retry/2026-11-24", "dead/x"]
    + ["pending/.x", "done/.nfs1", "pending/2026-11-24/.x", "quarantine/one.json"],
)
def test_what_lies_where_nobody_looks_is_found(disk: Disk, tmp_path: Path, stray: str) -> None:
    """A name that is no date or hour, or a file with the name of a folder."""
    path = tmp_path / "spool" / stray
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

    paths = [name for name, _ in found(disk)]

    assert len(paths) == 1
    assert stray.startswith(paths[0])


def test_a_marker_that_a_power_cut_took_is_made_again_by_the_next_run_that_has_work(
    disk: Disk, tmp_path: Path, run_ampt, write_handlers
) -> None:
    """Of an old date, into which nobody moves any more; an empty folder or a stray is left alone."""
    old = "done/2099-01-01"  # not today, and not to be pruned
    handlers = write_handlers("@events.on('n')\ndef n(event): pass\n")
    done = spool.cancel(disk, publish(disk, "cancelled"), NOW)
    (tmp_path / "spool" / "dead" / "2099-01-01").mkdir()
    (tmp_path / "spool" / "dead" / "stray").touch()
    assert done is not None
    disk.make_folder(old)
    disk.move(done.path, f"{old}/{done.file}")
    before = found(disk)
    run_ampt("publish", "n")
    ran = run_ampt("run", "-m", handlers)

    assert (ran.status, ran.err) == (0, "")
    assert (old, "durable") in before
    assert {path for path, _ in before} - {path for path, _ in found(disk)} == {old}
    assert disk.list("dead/2099-01-01") == []


@pytest.mark.parametrize("folder", layout.FOLDERS)
@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
def test_a_top_folder_that_is_none_is_found(
    folder: str, linked: bool, disk: Disk, tmp_path: Path
) -> None:
    """Through a link others move into it, and nobody who lists it would see that."""
    (tmp_path / "spool" / folder).rename(tmp_path / "elsewhere")
    if linked:
        (tmp_path / "spool" / folder).symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "spool" / folder).touch()

    assert found(disk) == [(folder, "")]


def test_the_second_links_that_a_copy_broke_are_made_again(disk: Disk, tmp_path: Path) -> None:
    """Of copies that are two files each, the id would be published a second time."""
    made = chosen.publish(disk, Event("order-7", "n", 1, NOW, NOW))
    chosen.publish(disk, Event("order-8", "n", 1, NOW, NOW))
    second = tmp_path / "spool" / layout.id_path(made.id)
    shutil.copy(second, tmp_path / "copy")
    os.replace(tmp_path / "copy", second)
    [entry] = [one for one in catalog.entries(disk) if one.id == made.id]
    seen = found(disk)
    mended = repair(disk)

    assert seen == [(entry.path, "link")]
    assert mended == [True]
    assert found(disk) == []
    assert second.samefile(tmp_path / "spool" / entry.path)
    assert disk.list(layout.TMP) == []
    assert chosen.publish(disk, Event("order-7", "n", 1, NOW + 5, NOW + 5)) == made


def test_what_a_publisher_that_was_killed_left_of_an_id_is_no_finding(disk: Disk) -> None:
    """One link, and no entry: the next publish of the id removes it."""
    chosen.publish(disk, Event("order-7", "n", 1, NOW, NOW))
    [entry] = catalog.entries(disk)
    disk.remove(entry.path)

    assert found(disk) == []


@pytest.mark.parametrize("path", ["ids/lock", "ids/c2", layout.id_path("order-7")])
@pytest.mark.parametrize("link", [False, True])
def test_what_keeps_a_chosen_id_from_being_published_is_found(
    path: str, link: bool, disk: Disk
) -> None:
    """A link, or a folder where a file should be, or the other way round."""
    if link:
        disk.make_folder(path.rpartition("/")[0])
        os.symlink("nowhere", path, dir_fd=disk.root)
    elif path == "ids/c2":
        disk.write_new(path, b"")
    else:
        buckets.make(disk, path)
        disk.remove(f"{path}/.durable")

    assert found(disk) == [(path, "")]


def a_folder(path: Path) -> None:
    """With something in it."""
    path.mkdir()
    (path / "notes").write_text("mine", encoding="utf-8")


@pytest.mark.parametrize("make", [a_folder, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_where_an_id_has_its_link_makes_room_for_it(
    make: Callable[[Path], None], disk: Disk, tmp_path: Path
) -> None:
    """Who removed it would have an id that could be published again, and no check would say so."""
    [waits] = ask(disk, "mine")
    place_ = tmp_path / "spool" / layout.id_path("mine")
    shutil.copy(place_, tmp_path / "copy")
    os.replace(tmp_path / "copy", tmp_path / "spool" / waits)
    place_.unlink()
    make(place_)
    seen = found(disk)
    mended = repair(disk)

    assert (seen, mended) == ([(waits, "link")], [True])
    assert found(disk) == []
    assert ask(disk, "mine", NOW + 1) == [waits]
    kept = [file.read_text() for file in (tmp_path / "spool").glob("quarantine/*/mine/notes")]
    assert kept == (["mine"] if make is a_folder else [])


def test_a_copy_without_links_over_a_newer_spool_is_mended_in_one_go(
    disk: Disk, tmp_path: Path
) -> None:
    """The older entry is set aside, the later one is the one that its id leads to."""
    chosen.publish(disk, Event("order-7", "n", 1, NOW, NOW))
    [entry] = catalog.entries(disk)
    for folder in ("pending", "ids"):
        shutil.copytree(tmp_path / "spool" / folder, tmp_path / "backup" / folder)
    done = spool.cancel(disk, entry, NOW)
    for file in (tmp_path / "backup").glob("*/**/*order-7*"):
        there = tmp_path / "spool" / file.relative_to(tmp_path / "backup")
        there.unlink(missing_ok=True)
        shutil.copy(file, there)

    assert done is not None
    assert repair(disk) == [True, True]
    assert found(disk) == []
    assert [one.path for one in catalog.entries(disk)] == [done.path]
    assert (tmp_path / "spool" / layout.id_path("order-7")).samefile(tmp_path / "spool" / done.path)


def test_a_missing_folder_hides_nothing_else(disk: Disk, tmp_path: Path) -> None:
    """What is there is looked at all the same."""
    (tmp_path / "spool" / "dead").rmdir()
    (tmp_path / "spool" / "done" / "rubbish").mkdir()
    (tmp_path / "spool" / "pending" / "2026-11-24" / "24").mkdir(parents=True)

    assert found(disk) == [("dead", "make"), ("pending/2026-11-24/24", ""), ("done/rubbish", "")]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_what_is_no_fifo_wakes_nobody_and_what_is_no_part_is_named(
    disk: Disk, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """In the spool itself: all are left to a person."""
    (tmp_path / "spool" / "wake").unlink()
    make(tmp_path / "spool" / "wake")
    make(tmp_path / "spool" / ".hidden")
    make(tmp_path / "spool" / "notes.txt")

    assert found(disk) == [("wake", ""), (".hidden", ""), ("notes.txt", "")]


def test_what_a_newer_program_wrote_is_left_where_it_is(disk: Disk, tmp_path: Path) -> None:
    """It is reported, and not damaged: section 4."""
    entry = publish(disk, "newer")
    path = tmp_path / "spool" / entry.path
    path.write_bytes(path.read_bytes().replace(b'"ampt":1', b'"ampt":2'))

    assert found(disk) == [(entry.path, "")]
    assert repair(disk) == [False]


@pytest.mark.parametrize("more", [[layout.id_path("mine"), "tmp"], ["tmp"]])
def test_a_link_from_elsewhere_is_reported(disk: Disk, tmp_path: Path, more: list[str]) -> None:
    """Beside that of its id, or instead of it."""
    [path] = ask(disk, "mine")
    id_path = tmp_path / "spool" / layout.id_path("mine")
    os.link(id_path, tmp_path / "elsewhere")
    if layout.id_path("mine") not in more:
        shutil.copy(id_path, tmp_path / "copy")
        os.replace(tmp_path / "copy", id_path)

    assert [(one.path, one.wrong) for one in check.check(disk, NOW)] == [
        (path, f"it has {len(more) + 1} links")
    ]


@pytest.mark.parametrize("name", ["other", "not-mine"])
def test_a_link_in_tmp_is_a_publishers_if_it_has_the_name_of_its_event(
    disk: Disk, name: str
) -> None:
    """Any other is that of nobody who is known."""
    entry = publish(disk, "mine")
    disk.link(entry.path, f"{layout.TMP}/{instants.stamp(NOW)}.{name}")

    assert found(disk) == [(entry.path, "")]


@pytest.mark.parametrize("make", [a_folder, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_in_the_place_of_an_entry_is_one_finding(
    make: Callable[[Path], None], disk: Disk, tmp_path: Path
) -> None:
    """Of a folder it says nothing about links, of which each has two."""
    entry = publish(disk, "odd")
    disk.remove(entry.path)
    make(tmp_path / "spool" / entry.path)

    assert found(disk) == [(entry.path, "quarantine")]
    assert repair(disk) == [True]
    assert found(disk) == []


def test_what_belongs_to_a_folder_of_another_kind_is_a_stray(disk: Disk) -> None:
    """A lock in a bucket, or a bucket's marker where a runner was."""
    bucket = publish(disk, "waits").folder
    runner = claim(disk, publish(disk, "claimed")).folder
    strays = {f"{bucket}/{layout.LOCK}", f"{runner}/{layout.DURABLE}"}
    for stray in strays:
        disk.write_new(stray, b"")

    assert {path for path, _ in found(disk)} == {*strays, runner}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_publisher_that_links_out_of_tmp_is_no_finding(
    disk: Disk, stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of spool_format.md in sh: stopped before it removes the first link, or seen at it."""
    entry = publish(disk, "linked")
    draft = f"{layout.TMP}/{instants.stamp(NOW)}.linked"
    disk.link(entry.path, draft)
    real = Disk.list

    def list_(self: Disk, path: str) -> list[str]:
        if not stopped and path == layout.TMP and disk.exists(draft):
            disk.remove(draft)
        return real(self, path)

    monkeypatch.setattr(Disk, "list", list_)

    assert found(disk) == []


def test_an_older_entry_is_told_with_the_later_one(disk: Disk, tmp_path: Path) -> None:
    """For a person who must choose."""
    entry = publish(disk, "twice")
    copy = (tmp_path / "spool" / entry.path).read_bytes()
    done = spool.cancel(disk, entry, NOW)
    (tmp_path / "spool" / entry.path).write_bytes(copy)
    [finding] = check.check(disk, NOW)

    assert done is not None
    assert finding.path == entry.path
    assert finding.wrong.endswith(f" {done.path}")


def test_a_bucket_that_lost_its_marker_gets_another(disk: Disk) -> None:
    """It holds an event, so its path must survive a power cut."""
    entry = publish(disk, "waits")
    disk.remove(f"{entry.folder}/.durable")

    assert found(disk) == [(entry.folder, "durable")]
    assert repair(disk) == [True]
    assert disk.exists(f"{entry.folder}/.durable")


@pytest.mark.parametrize("odd", ["notes.txt", ".nfs01"])
def test_what_no_rescue_takes_is_left_to_a_person(disk: Disk, odd: str) -> None:
    """The folder of a dead runner stays for its sake, and no run changes that."""
    folder = f"running/{RUNNER}"
    disk.make_folder(folder)
    for name in (layout.LOCK, odd):
        disk.write_new(f"{folder}/{name}", b"")
    told = [one.wrong for one in check.check(disk, NOW) if one.path == folder]
    repair(disk)

    assert told == [
        "its runner is gone; the next run rescues its claims, and leaves the rest to you"
    ]
    assert disk.exists(f"{folder}/{odd}")


def test_whether_a_runner_lives_is_told_as_far_as_it_can_be(disk: Disk, tmp_path: Path) -> None:
    """One that does is no finding; of one whose lock is a link nobody can say."""
    claim(disk, publish(disk, "claimed"))
    folder = f"{layout.RUNNING}/{RUNNER}"
    held = lock.hold(disk, folder)
    alive = found(disk)
    disk.remove(f"{folder}/lock")
    os.symlink("nowhere", f"{folder}/lock", dir_fd=disk.root)

    other = claim(disk, publish(disk, "another"), f"{RUNNER[:-1]}2").folder

    assert held is not None
    assert alive == []
    assert found(disk) == [(folder, ""), (other, "rescue")]


def test_a_folder_that_goes_while_it_is_looked_at_is_no_finding(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a runner that ends, an hour that is over, or what a person takes out of quarantine."""
    claim(disk, publish(disk, "claimed"))
    listed, runners = Disk.list, lock.runners
    gone = f"{layout.RUNNING}/20270115T080000000Z-00000009"

    def with_more(self: Disk, path: str) -> list[str]:
        more = ["gone"] if path in (*layout.STATES, layout.QUARANTINE) else []
        return [*listed(self, path), *more]

    monkeypatch.setattr(Disk, "list", with_more)
    monkeypatch.setattr(lock, "runners", lambda disk: [gone, *runners(disk)])

    assert found(disk) == [(f"{layout.RUNNING}/{RUNNER}", "rescue")]


@pytest.mark.parametrize("when", ["its id", "before", "opened", "after"])
def test_what_is_pruned_while_it_is_looked_at_is_no_finding(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Between the look at its folder and the one at it, at its content, or at its second link."""
    [path] = ask(disk, "mine")
    id_path = layout.id_path("mine")
    if when == "its id":
        disk.remove(path)
    status, look = Disk.status, catalog.look

    def prune() -> None:
        for one in (path, id_path):
            disk.remove(one)

    def looked_at(self: Disk, asked: str) -> os.stat_result:
        if asked == {"before": path, "its id": id_path}.get(when):
            prune()
        return status(self, asked)

    def opened(disk: Disk, entry: layout.Entry) -> catalog.Seen | None:
        if when == "opened":
            prune()
        seen = look(disk, entry)
        if when == "after":
            prune()
        return seen

    monkeypatch.setattr(Disk, "status", looked_at)
    monkeypatch.setattr(catalog, "look", opened)

    assert found(disk) == []
    assert disk.list(id_path.rpartition("/")[0]) == [".durable"]
