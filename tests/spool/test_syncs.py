"""What is synced, and when. A sync that failed is never tried again on the same file."""

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ampt_cli import (
    batch,
    buckets,
    chosen,
    event,
    fsio,
    instants,
    layout,
    place,
    publication,
    spool,
)
from ampt_cli.errors import AmptError
from ampt_cli.event import Event
from ampt_cli.fsio import Disk

NOW = 1_800_000_000_000


def publish(disk: Disk) -> None:
    """Into a new bucket."""
    publication.publish(disk, Event("x", "n", None, NOW, NOW))


def choose(disk: Disk) -> None:
    """With a chosen id."""
    chosen.publish(disk, Event("order-7", "n", None, NOW, NOW))


def publish_batch(disk: Disk) -> None:
    """A small one, synced file by file."""
    batch.publish_many(disk, [("n", number, None, None) for number in range(3)], lambda: NOW)


def quarantine(disk: Disk) -> None:
    """A file of tmp/."""
    disk.write_new("tmp/bad", b"")
    spool.quarantine(disk, "tmp/bad", "why", NOW)


class Failing:
    """An fsync that fails the one time, and remembers what it was called on."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.synced: list[int] = []

    def __call__(self, fd: int) -> None:
        self.synced.append(os.fstat(fd).st_ino)
        if len(self.synced) == self.at + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def failed(self) -> bool:
        """Whether it came to that."""
        return len(self.synced) > self.at


@pytest.mark.row(37)
@pytest.mark.parametrize("deed", [publish, choose, publish_batch, quarantine])
def test_a_failed_sync_is_told_and_never_repeated_on_the_same_file(
    deed: Callable[[Disk], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may have dropped the data, and would report success."""
    count = 0
    while True:
        disk = place.open_disk(str(tmp_path / f"spool-{count}"), create=True)
        fsync = Failing(count)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            told = False
            try:
                deed(disk)
            except (AmptError, OSError):
                told = True
        assert told == fsync.failed()
        if not told:
            break
        assert fsync.synced[count] not in fsync.synced[count + 1 :]
        count += 1

    assert count > 2, "too few: is fsync still what is called?"


@pytest.mark.row(47)
@pytest.mark.parametrize("id_", ["new", "order-7"])
def test_a_publish_can_be_stopped_as_late_as_its_commit(
    id_: str, disk: Disk, tmp_path: Path
) -> None:
    """All is written by then, and nothing to be seen: a signal leaves nothing that could run."""
    spool, told = tmp_path / "spool", list[tuple[list[bytes], list[Path]]]()
    module = publication if id_ == "new" else chosen
    made = Event(id_, "n", None, NOW, NOW)

    def commit() -> None:
        files = [*spool.glob("tmp/*"), *spool.glob(f"ids/*/{id_}")]
        told.append(([file.read_bytes() for file in files], [*spool.glob("pending/*/*/*.json")]))
        if len(told) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.publish(disk, made, commit)
    left = [*spool.glob("tmp/*"), *spool.glob("pending/*/*/*.json")]
    module.publish(disk, made, commit)

    assert (left, told) == ([], [([event.encode(made)], [])] * 2)


class Durable:
    """What of the names in folders has been synced; the sync number `at` fails."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.names: set[tuple[int, str]] = set()  # with the inode of their folder

    def __call__(self, fd: int) -> None:
        self.at -= 1
        if self.at == -1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self.names.update((status.st_ino, name) for name in os.listdir(fd))

    def reaches(self, path: Path, above: Path) -> bool:
        """Whether a power cut would keep the way from `above` to `path`."""
        way = [path, *path.parents]
        return all(
            (one.parent.stat().st_ino, one.name) in self.names for one in way[: way.index(above)]
        )


@pytest.mark.row(53)
def test_a_new_spool_is_one_only_when_its_path_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORMAT lets another publisher report success, also where folders above were made, too."""
    path, reached = tmp_path / "local/state/spool", []
    fsync, link = Durable(), Disk.link

    def linked(disk: Disk, source: str, target: str) -> None:
        reached.append(fsync.reaches(path, tmp_path))
        link(disk, source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        patch.setattr(Disk, "link", linked)
        place.open_disk(str(path), create=True)

    assert reached == [True]


@pytest.mark.row(53)
@pytest.mark.parametrize("at", range(4))
def test_who_finds_the_folders_of_a_publisher_that_was_stopped_makes_them_durable(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of them it had made, and had not synced."""
    path = tmp_path / "local/state/spool"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", stopped := Durable(at))
        with pytest.raises(AmptError):
            place.open_disk(str(path), create=True)
        patch.setattr(os, "fsync", fsync := Durable())
        place.open_disk(str(path), create=True)
    fsync.names |= stopped.names

    assert fsync.reaches(path, tmp_path)


def test_a_new_spool_is_synced_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after its first publish does not take its FORMAT."""
    path = tmp_path / "spool"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync := Durable())
        place.open_disk(str(path), create=True)

    assert fsync.reaches(path / "FORMAT", tmp_path)


@pytest.mark.row(53)
@pytest.mark.parametrize("left", ["", "pending/2027-01-15", "pending/2027-01-15/08"])
@pytest.mark.parametrize("deed", [publish, choose, publish_batch])
def test_an_event_is_durable_in_a_bucket_of_whomever(
    deed: Callable[[Disk], None], left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a publisher that was stopped between making its folders and syncing them."""
    path = tmp_path / "spool"
    disk = place.open_disk(str(path), create=True)
    (path / left).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(os, "fsync", fsync := Durable())
    deed(disk)

    files = [*path.glob("pending/*/*/*.json")]
    assert files
    assert all(fsync.reaches(file, path / "pending") for file in files)
    assert all(fsync.reaches(file.with_name(layout.DURABLE), path / "pending") for file in files)


@pytest.mark.row(53)
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("count", [1, 200])
def test_ids_are_durable_before_their_events_are_published(
    count: int, left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few and many, also in folders that a publisher left who was killed before it synced them.

    Or a power cut could keep the event alone, and its id be published again.
    """
    path, reached, link = tmp_path / "spool", list[bool](), chosen.link
    ids = [f"order-{number}" for number in range(count)]

    def linked(disk: Disk, target: layout.Entry) -> None:
        reached.append(fsync.reaches(path / layout.id_path(target.id), path))
        link(disk, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync := Durable())
        patch.setattr(Disk, "sync_all", lambda _: False)
        patch.setattr(chosen, "link", linked)
        disk = place.open_disk(str(path), create=True)
        for id_ in ids if left else ():
            (path / layout.id_path(id_)).parent.mkdir(exist_ok=True)
        batch.publish_many(disk, [("n", None, None, id_) for id_ in ids], lambda: NOW)

    assert reached == [True] * count
    assert all(fsync.reaches(file, path) for file in path.glob("pending/*/*/*.json"))


def test_ids_of_many_are_made_durable_by_one_sync(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first of their events is linked, and not folder by folder."""
    told, link = list[str](), chosen.link

    def linked(disk: Disk, target: layout.Entry) -> None:
        told.append("link")
        link(disk, target)

    def all_at_once(_: Disk) -> bool:
        told.append("all")
        return True

    monkeypatch.setattr(os, "fsync", lambda _: told.append("one"))
    monkeypatch.setattr(Disk, "sync_all", all_at_once)
    monkeypatch.setattr(chosen, "link", linked)
    drafts = [("n", None, None, f"order-{number}") for number in range(200)]
    batch.publish_many(disk, drafts, lambda: NOW)

    assert told.count("link") == len(drafts)
    assert told[told.index("link") - 1] == "all"
    assert told.count("one") < 20


@pytest.mark.row(53)
def test_who_publishes_an_id_again_makes_the_first_publish_durable(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its publisher may have been killed before its own last sync; another time says nothing."""
    choose(disk)
    [file] = tmp_path.glob("**/pending/*/*/*.json")
    monkeypatch.setattr(os, "fsync", fsync := Durable())
    chosen.publish(disk, Event("order-7", "n", None, NOW, NOW + instants.DAY))

    assert (file.parent.stat().st_ino, file.name) in fsync.names


@pytest.mark.parametrize("can", [True, False])
@pytest.mark.parametrize("deed", [publish, choose])
def test_an_event_that_moves_on_before_it_is_synced_is_durable_wherever_it_is(
    deed: Callable[[Disk], None],
    can: bool,
    disk: Disk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A runner has claimed it and removed its bucket: all of the file system is synced."""
    into, told = buckets.into, list[str]()

    def then_claimed(disk: Disk, bucket: str, move: Callable[[], None]) -> None:
        into(disk, bucket, move)
        if bucket.startswith("pending/"):
            (tmp_path / "spool" / bucket).rename(tmp_path / f"claimed-{len(told)}")

    def sync_all(_: Disk) -> bool:
        told.append("syncfs")
        return can

    monkeypatch.setattr(buckets, "into", then_claimed)
    monkeypatch.setattr(Disk, "sync_all", sync_all)
    monkeypatch.setattr(os, "sync", lambda: told.append("sync"))
    deed(disk)

    assert told == (["syncfs"] if can else ["syncfs", "sync"])


def test_an_id_that_is_linked_again_is_durable_and_leaves_nothing(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a repair of a copy without hard links does it."""
    choose(disk)
    [file] = tmp_path.glob("**/pending/*/*/*.json")
    root = file.parents[3]
    second = root / layout.id_path("order-7")
    second.unlink()
    second.write_bytes(file.read_bytes())
    monkeypatch.setattr(os, "fsync", fsync := Durable())
    for _ in range(2):  # the second time they are links to one file already
        chosen.link_again(disk, str(file.relative_to(root)), NOW)
        assert [*(root / "tmp").iterdir()] == []

    assert second.samefile(file)
    assert (second.parent.stat().st_ino, second.name) in fsync.names


@pytest.mark.parametrize(
    ("code", "told"), [(errno.ENOTSUP, "fsync"), (errno.ENOTTY, "fsync"), (errno.EIO, "refused")]
)
def test_a_drive_that_cannot_be_asked_to_write_is_synced_as_elsewhere(
    code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On macOS a network share, say; what the drive itself has refused is not asked again."""
    calls: list[str] = []

    def refuse(_fd: int, _what: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(os, "fsync", lambda _: calls.append("fsync"))
    try:
        fsio.full_sync(0, "darwin")
    except OSError:
        calls.append("refused")

    assert calls == [told]
