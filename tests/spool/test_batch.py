"""A batch is written as single events are."""

import errno
import os
import sys
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from ampt_cli import batch, chosen, instants, kernel, layout, place, publication
from ampt_cli.errors import AmptError, BadEvent, NotConfirmed, SpoolError, TryAgain
from ampt_cli.event import MAX_BYTES, decode, encode
from ampt_cli.fsio import Disk
from tests.conftest import RunAmpt


def test_a_batch_is_private_and_readable_whatever_the_umask(disk: Disk, tmp_path: Path) -> None:
    """Its files are 0600, also where the umask would take the owner's own bits."""
    before = os.umask(0o777)
    try:
        batch.publish_many(disk, [("n", None, None, None)] * 3, lambda: 1_800_000_000_000)
    finally:
        os.umask(before)

    modes = [path.stat().st_mode & 0o777 for path in tmp_path.glob("spool/pending/*/*/*.json")]
    assert modes == [0o600] * 3


def test_a_batch_in_a_group_spool_is_the_groups(tmp_path: Path) -> None:
    """As a single event is: 0660, or nobody else's runner could append to it."""
    mine = place.open_disk(str(tmp_path / "spool"), create=True)
    batch.publish_many(Disk(mine.root, group=True), [("n", None, None, None)] * 3, lambda: NOW)

    modes = [path.stat().st_mode & 0o777 for path in tmp_path.glob("spool/pending/*/*/*.json")]
    assert modes == [0o660] * 3


def test_the_answers_of_a_long_batch_are_printed_whole(run_ampt: RunAmpt, tmp_path: Path) -> None:
    """Wherever a piece of them is cut, no character is."""
    lines = tmp_path / "batch"
    lines.write_text('{"name":"ž€🙂ž€🙂ž€🙂ž€🙂ž€🙂ž€🙂ž"}\n' * 9_000, encoding="utf-8")
    done = run_ampt("publish", "--batch", str(lines), "--json")

    assert done.status == 0, done.err
    assert done.out.count('"name":"ž€🙂') == 9_000


@pytest.mark.parametrize("ids", [False, True], ids=["without ids", "with ids"])
def test_a_batch_pays_for_a_few_syncs_and_not_for_one_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: bool
) -> None:
    """Events with chosen ids, in folders by the hundred, share them too."""
    syncs: list[int] = []

    def counted(sync: Callable[..., object]) -> Callable[..., object]:
        def sync_and_count(*given: object) -> object:
            syncs.append(1)
            return sync(*given)

        return sync_and_count

    disk = place.open_disk(str(tmp_path / "spool"), create=True)
    monkeypatch.setattr(Disk, "sync_fd", counted(Disk.sync_fd))
    monkeypatch.setattr(kernel, "sync_file_system", counted(kernel.sync_file_system))
    drafts: list[batch.Draft] = [("n", n, None, f"of-{n}" if ids else None) for n in range(300)]
    for _ in range(2):  # with ids, the second publishes nothing
        batch.publish_many(disk, drafts, lambda: 1_800_000_000_000)

    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == (300 if ids else 600)
    assert 4 <= len(syncs) <= 12
    assert not list(tmp_path.glob("spool/tmp/*"))


def test_a_batch_waits_for_whoever_publishes_an_id(disk: Disk, tmp_path: Path) -> None:
    """An id that is taken between its line and its commit is found: the body is another."""
    made = batch.Batch(disk, lambda: 1_800_000_000_000)
    made.begin()
    made.add("n", "late", None, "x", place="line 1")
    batch.publish_many(disk, [("n", "early", None, "x")], lambda: 1_800_000_000_000)
    with pytest.raises(BadEvent, match="line 1: the id 'x' was published before"):
        made.commit()

    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == 1
    assert not list(tmp_path.glob("spool/tmp/*"))


@pytest.mark.parametrize(("how", "count"), [("alone", 1), ("batch", 1), ("batch", 40)])
def test_an_id_whose_publisher_was_killed_before_its_commit_is_free(
    how: str, count: int, disk: Disk, tmp_path: Path
) -> None:
    """It has one link, which means nothing: what it was to say is replaced."""
    ids = [f"x{number}" for number in range(count)]
    for id_ in ids:
        disk.make_folder(layout.id_path(id_).rpartition("/")[0])
        disk.write_new(layout.id_path(id_), encode(publication.draft("n", "lost", None, NOW, id_)))
    if how == "batch":
        batch.publish_many(disk, [("n", "anew", None, id_) for id_ in ids], lambda: NOW)
    else:
        for id_ in ids:
            chosen.publish(disk, publication.draft("n", "anew", None, NOW, id_))

    paths = [*tmp_path.glob("spool/pending/*/*/*.n.json")]
    assert [decode(path.read_bytes()).body for path in paths] == ["anew"] * len(ids)
    assert {path.stat().st_nlink for path in paths} == {2}
    assert not list(tmp_path.glob("spool/tmp/*"))


NOW = 1_800_000_000_000


def batch_of_one(disk: Disk, _id: str) -> None:
    batch.publish_many(disk, [("n", None, None, None)], lambda: NOW)


def alone(disk: Disk, _id: str) -> None:
    publication.publish(disk, publication.draft("n", None, None, NOW))


def by_id(disk: Disk, id_: str) -> None:
    chosen.publish(disk, publication.draft("n", None, None, NOW, id_))


WAYS = [batch_of_one, alone, by_id]


def test_an_id_is_found_although_a_backup_has_its_file_too(disk: Disk, tmp_path: Path) -> None:
    """One that is made of hard links: the file has three of them."""
    by_id(disk, "x")
    [path] = tmp_path.glob("spool/pending/*/*/*.n.json")
    (tmp_path / "backup").hardlink_to(path)
    by_id(disk, "x")

    assert [*tmp_path.glob("spool/pending/*/*/*.n.json")] == [path]
    assert path.stat().st_nlink == 3


@pytest.mark.parametrize("publish", WAYS)
@pytest.mark.parametrize("full", [{"f_bavail": 127}, {"f_favail": 15}], ids=["bytes", "files"])
def test_what_runners_need_of_a_full_disk_is_left_to_them(
    full: dict[str, int],
    publish: Callable[[Disk, str], None],
    disk: Disk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last 512 KiB and the last 16 files; nothing of what is refused stays."""
    ample = {"f_frsize": 4096, "f_blocks": 999, "f_bavail": 128, "f_files": 99, "f_favail": 16}
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**ample))
    publish(disk, "fits")
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**ample | full))
    with pytest.raises(TryAgain, match="the disk of the spool is full"):
        publish(disk, "does-not")

    assert len([path for path in tmp_path.rglob("*") if path.name.endswith(".n.json")]) == 1
    assert not list(tmp_path.glob("spool/tmp/*"))


@pytest.mark.parametrize("publish", WAYS)
@pytest.mark.parametrize("told", [0, None], ids=["it counts none", "it does not say"])
def test_a_file_system_that_does_not_tell_what_is_free_is_not_full(
    told: int | None,
    publish: Callable[[Disk, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """btrfs has no number of files, and many of user space have no sizes."""

    def statvfs(_: object) -> SimpleNamespace:
        if told is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        keys = "f_frsize", "f_blocks", "f_bavail", "f_files", "f_favail"
        return SimpleNamespace(**dict.fromkeys(keys, told))

    disk = place.open_disk(str(tmp_path / "spool"), create=True)
    monkeypatch.setattr(os, "statvfs", statvfs)
    publish(disk, "fits")

    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == 1


def test_a_batch_that_fills_the_disk_stops_before_its_last_bytes(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at its end: a long one would take all of it first, and runners could write no record."""
    free = count(140, -1)
    ample = {"f_frsize": 4096, "f_blocks": 999, "f_files": 99, "f_favail": 16}
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=next(free), **ample))
    made = batch.Batch(disk, lambda: NOW)
    made.begin()
    with pytest.raises(TryAgain, match="the disk of the spool is full"):
        for number in range(100):
            made.add("n", None, None, None, place=f"line {number}")
    made.abort()

    assert made.count == 13
    assert not list(tmp_path.glob("spool/tmp/*"))


@pytest.mark.parametrize("publish", WAYS)
def test_a_publish_wakes_whoever_waits(
    publish: Callable[[Disk, str], None], disk: Disk, tmp_path: Path
) -> None:
    """There is something to read in the FIFO; where it is full, they are being woken already."""
    waiting = os.open(tmp_path / "spool/wake", os.O_RDWR | os.O_NONBLOCK)
    try:
        open_before = os.listdir("/proc/self/fd")
        publish(disk, "first")
        woken = os.read(waiting, 99)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(waiting, bytes(4096))
        publish(disk, "second")
        assert os.listdir("/proc/self/fd") == open_before
    finally:
        os.close(waiting)

    assert woken == b"\n"
    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == 2


def long_batch(disk: Disk, _id: str) -> None:
    """Of more events than are synced one by one."""
    batch.publish_many(disk, [("n", None, None, None)] * 17, lambda: NOW)


@pytest.mark.parametrize(
    ("publish", "hint"),
    [
        (alone, "it may run; only with an id is it safe to publish again"),
        (by_id, "it may run; the same call again is safe"),
        (batch_of_one, "they may run; only those with ids of their own are safe to publish again"),
        (long_batch, "they may run; only those with ids of their own are safe to publish again"),
    ],
)
def test_whoever_is_not_told_of_success_is_told_whether_to_publish_again(
    publish: Callable[[Disk, str], None],
    hint: str,
    disk: Disk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is safe with an id; without one the event would be there twice."""
    full_sync, sync_all = Disk.sync_fd, Disk.sync_all

    def fails_once_published(*given: Any) -> Any:
        if any(tmp_path.glob("spool/pending/*/*/*.json")):
            raise OSError(errno.EIO, "Input/output error")
        return (full_sync if len(given) > 1 else sync_all)(*given)

    monkeypatch.setattr(Disk, "sync_fd", fails_once_published)
    monkeypatch.setattr(Disk, "sync_all", fails_once_published)
    with pytest.raises(NotConfirmed) as raised:
        publish(disk, "id")

    assert raised.value.hint == hint


def test_a_batch_counts_what_it_publishes(disk: Disk) -> None:
    """And not what was published before."""
    by_id(disk, "a")
    made = batch.Batch(disk, lambda: NOW)
    made.begin()
    for id_ in ("a", "b"):
        made.add("n", None, None, id_, place=id_)
    made.commit()

    assert made.count == 1


def test_a_batch_that_is_aborted_twice_closes_nothing_of_others(disk: Disk) -> None:
    """The number of its folder may be another file's by then."""
    made = batch.Batch(disk, lambda: NOW)
    made.begin()
    made.abort()
    other = os.dup2(disk.root, made.fd)
    made.abort()

    os.close(other)  # it is open still


def test_nothing_is_woken_through_a_link(disk: Disk, tmp_path: Path) -> None:
    """What another member of the group put there: our byte would go into the file it names."""
    wake, mine = tmp_path / "spool/wake", tmp_path / "mine"
    mine.write_bytes(b"precious")
    wake.unlink()
    wake.symlink_to(mine)
    alone(disk, "id")

    assert mine.read_bytes() == b"precious"


def test_no_id_is_published_under_a_lock_that_is_a_link(disk: Disk, tmp_path: Path) -> None:
    """As above: in a group spool the file it names would be made open to the group."""
    by_id(disk, "first")
    mine = tmp_path / "mine"
    mine.write_bytes(b"precious")
    (tmp_path / "spool/ids/lock").unlink()
    (tmp_path / "spool/ids/lock").symlink_to(mine)
    with pytest.raises(SpoolError, match=r"with the id second in .* \(ELOOP at ids/lock\)"):
        by_id(disk, "second")

    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == 1


def test_the_largest_event_is_compared_too(disk: Disk) -> None:
    """To its last byte, which is all that differs."""
    room = MAX_BYTES - 1 - len(encode(publication.draft("n", "", None, NOW, "x")))
    first = publication.draft("n", "x" * room, None, NOW, "x")
    chosen.publish(disk, first)

    assert chosen.publish(disk, publication.draft("n", "x" * room, None, NOW, "x")) == first
    with pytest.raises(BadEvent, match="another name or body"):
        chosen.publish(disk, publication.draft("n", "x" * (room - 1) + "y", None, NOW, "x"))


def test_a_batch_that_took_more_than_a_day_publishes_nothing(disk: Disk, tmp_path: Path) -> None:
    """Its files may be swept: its publisher has given up, by its own clock."""
    clock = iter([NOW, NOW + instants.DAY + 1])
    with pytest.raises(TryAgain, match="more than a day"):
        batch.publish_many(disk, [("n", None, None, None)], lambda: next(clock))

    assert not list(tmp_path.rglob("*.n.json"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a scandir is left
@pytest.mark.parametrize(
    ("publish", "over", "least"),
    [(batch_of_one, "abort", 100), (alone, "forget", 50), (by_id, "forget", 50)],
)
def test_a_signal_at_any_call_leaves_nothing_in_tmp(
    publish: Callable[[Disk, str], None], over: str, least: int, disk: Disk, tmp_path: Path
) -> None:
    """Up to `over`, in which what was written is taken away in any case."""
    for call in count(1):
        calls = Interrupted(call, over)
        sys.setprofile(calls)
        try:
            publish(disk, f"id{call}")
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(None)
        assert not list(tmp_path.glob("spool/tmp/*")), f"after call {call}"
        if calls.count < call:
            break

    assert call > least


class Interrupted:
    """Ctrl-C where Python hears it: a function of its own begins, or one of C has returned."""

    def __init__(self, at: int, last: str) -> None:
        self.at = at
        self.count = 0
        self.last = last
        self.over = False  # what is taken away at the end may be left by a second Ctrl-C

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> None:
        self.over |= frame.f_code.co_name == self.last
        if event in {"call", "c_return"} and not self.over:
            self.count += 1
            if self.count == self.at:
                raise KeyboardInterrupt


def hourly(many: int) -> list[batch.Draft]:
    """Drafts of which each is due in an hour of its own."""
    return [("n", None, f"{hours} hours", None) for hours in range(1, many + 1)]


@pytest.mark.parametrize("goes", [0, 1, 2])
def test_a_batch_that_is_stopped_in_its_midst_says_how_much_of_it_will_run(
    goes: int, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event is published by a rename of its own; before the first, nothing was."""
    rename, renames = os.rename, count()

    def refuses(*given: Any, **named: Any) -> None:
        if next(renames) >= goes:
            raise OSError(errno.EIO, "Input/output error")
        rename(*given, **named)

    drafts = hourly(3)
    monkeypatch.setattr(os, "rename", refuses)
    with pytest.raises(AmptError) as raised:
        batch.publish_many(disk, drafts, lambda: NOW)

    assert isinstance(raised.value, NotConfirmed) is bool(goes)
    assert (f"published {goes} of a batch of 3, then: " in str(raised.value)) is bool(goes)
    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == goes
    assert not list(tmp_path.glob("spool/tmp/*"))


def test_a_name_that_a_listing_skips_is_published_too(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a folder lists while names leave it, no standard says: it is listed until it is empty."""
    listed = batch.Batch._files
    renaming: list[bool] = []
    monkeypatch.setattr(
        batch.Batch, "_files", lambda made: islice(listed(made), 2 if renaming else None)
    )
    made = batch.Batch(disk, lambda: NOW)
    made.begin()
    for _ in range(5):
        made.add("n", None, None, None, place="line")
    made.commit(lambda: renaming.append(True))

    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == 5


def test_a_batch_over_many_hours_keeps_few_of_their_folders_open(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year has more hours than a process has descriptors."""
    rename, open_ = os.rename, set[int]()

    def noted(*given: Any, **named: Any) -> None:
        open_.add(len(os.listdir("/proc/self/fd")))
        rename(*given, **named)

    monkeypatch.setattr(os, "rename", noted)
    batch.publish_many(disk, hourly(batch.MOST_OPEN + 20), lambda: NOW)

    assert len(list(tmp_path.glob("spool/pending/*/*/*.n.json"))) == batch.MOST_OPEN + 20
    assert max(open_) - min(open_) < batch.MOST_OPEN
