"""Buckets come and go under those who move entries into them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ampt_cli import batch, buckets, layout, spool
from ampt_cli.fsio import Disk

NOW = 1_800_000_000_000
BUCKET = "pending/2027-01-15/08"


@pytest.fixture
def disk(disk: Disk) -> Disk:
    """A fresh spool with a file in tmp/."""
    disk.write_new("tmp/x", b"x\n")
    return disk


def meanwhile(disk: Disk, *deeds: Callable[[], object]) -> Callable[[], None]:
    """A rename of tmp/x into the bucket; after each try the next deed of somebody else is done."""
    left = list(deeds)

    def move() -> None:
        try:
            disk.publish("tmp/x", f"{BUCKET}/x")
        finally:
            if left:
                left.pop(0)()

    return move


def test_a_bucket_that_another_makes_after_our_try_is_no_failure(disk: Disk) -> None:
    """The first rename found none; when we looked, there was one."""
    buckets.into(disk, BUCKET, meanwhile(disk, lambda: buckets.make(disk, BUCKET)))

    assert disk.exists(f"{BUCKET}/x")


@pytest.mark.row(45)
def test_a_bucket_that_is_removed_while_we_make_it_is_made_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our mkdir and our sync, and again between that and our rename."""
    real = Disk.sync
    removed: list[str] = []

    def sync(self: Disk, path: str) -> None:
        if path == BUCKET and len(removed) < 2:
            removed.append(path)
            os.unlink(f"{BUCKET}/.durable", dir_fd=disk.root)
            os.rmdir(BUCKET, dir_fd=disk.root)
        real(self, path)

    monkeypatch.setattr(Disk, "sync", sync)
    buckets.into(disk, BUCKET, meanwhile(disk))

    assert removed == [BUCKET, BUCKET]
    assert disk.exists(f"{BUCKET}/x")
    assert disk.exists(f"{BUCKET}/.durable")


def test_what_is_to_be_moved_and_gone_is_told_apart(disk: Disk) -> None:
    """Somebody else was faster: that is not the bucket's fault."""
    disk.remove("tmp/x")
    with pytest.raises(FileNotFoundError, match="tmp/x"):
        buckets.into(disk, BUCKET, meanwhile(disk))


def test_a_spool_that_is_gone_is_not_made_again(disk: Disk, tmp_path: Path) -> None:
    """The error names what is missing, at once."""
    (tmp_path / "spool" / "pending").rmdir()
    with pytest.raises(FileNotFoundError, match="pending/2027-01-15"):
        buckets.into(disk, BUCKET, meanwhile(disk))


@pytest.mark.row(45)
def test_a_batch_survives_the_removal_of_its_empty_buckets(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after they were made, and while one is held open."""
    real = buckets._mark
    removed: list[str] = []

    def mark(disk: Disk, bucket: str) -> None:
        real(disk, bucket)
        if len(removed) < 3:
            removed.append(bucket)
            buckets.remove(disk, bucket)

    monkeypatch.setattr(buckets, "_mark", mark)
    hours = [("n", None, f"{n % 6 + 1} hours", None) for n in range(30)]
    ids = batch.publish_many(disk, hours, lambda: NOW)
    found = [path for folder in _buckets(disk) for path in disk.list(folder) if path[0] != "."]

    assert len(removed) == 3
    assert len(set(removed)) > 1
    assert len(ids) == len(found) == 30
    assert len(_buckets(disk)) == 6 > buckets.FEW


def _buckets(disk: Disk) -> list[str]:
    return [
        f"pending/{date}/{hour}"
        for date in disk.list("pending")
        for hour in disk.list(f"pending/{date}")
    ]


def test_a_claim_is_never_settled_into_a_bucket_that_a_power_cut_could_take(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maker was killed between mkdir and fsync: the bucket is made durable first."""
    claim = layout.claimed(layout.new("pending", NOW, "x", "n"), "r")
    disk.make_folder(claim.folder)
    disk.write_new(claim.path, b"x\n")
    done = layout.finished(claim, layout.DONE, NOW).folder
    disk.make_folder(done)
    deeds: list[str] = []
    move, sync = Disk.move, Disk.sync

    def moved(self: Disk, source: str, target: str) -> None:
        deeds.append("move")
        move(self, source, target)

    def synced(self: Disk, path: str) -> None:
        deeds.append(path)
        sync(self, path)

    monkeypatch.setattr(Disk, "move", moved)
    monkeypatch.setattr(Disk, "sync", synced)
    spool.finish(disk, claim, NOW)

    assert deeds == ["done", done, "move"]


def test_a_signal_leaves_nothing_of_a_look_at_the_umask(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it comes: a file in tmp/ would be for the sweep."""
    for call in ("open", "fstat", "close"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, interrupted(getattr(os, call)))
            with pytest.raises(KeyboardInterrupt):
                disk.natural_mode("tmp/mode")

        assert disk.list("tmp") == ["x"]


def interrupted(call: Callable[..., object]) -> Callable[..., None]:
    """The call, and then Ctrl-C."""

    def call_then_raise(*given: object, **named: object) -> None:
        call(*given, **named)
        raise KeyboardInterrupt

    return call_then_raise
