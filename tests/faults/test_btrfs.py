"""btrfs: it writes no page over, but anew, and shows an open folder as it was when it was opened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ampt_cli import batch, place
from ampt_cli.errors import BadEvent
from ampt_cli.fsio import Disk
from tests.faults import cut

NOW = 1_800_000_000_000
MARKS = """
import os
from ampt_cli.fsio import Disk
from ampt_cli.marks import RING, Marks

os.mkdir("running")
marks = Marks(Disk(os.open(".", os.O_RDONLY), False), "running", 1)
os.sync()
with open("filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        os.sync()
for seq in range(RING):
    marks.begin(0, seq, 5, "x")
"""

pytestmark = pytest.mark.root


@pytest.fixture
def btrfs(folder: Path) -> Iterator[Path]:
    """Where a new one is mounted."""
    if reason := cut.why_not("btrfs"):
        pytest.skip(f"SKIPPED HARNESS: {reason}")
    disk = cut.Disk("btrfs", folder)
    disk.make()
    disk.mount()
    try:
        disk.place.chmod(0o700)
        yield disk.place
    finally:
        disk.unmount()


@pytest.mark.row(36)
def test_a_worker_can_note_what_it_begins_on_a_full_disk(btrfs: Path) -> None:
    """Where a page that is written anew finds no room, its writer is killed."""
    marked = subprocess.run([sys.executable, "-c", MARKS], cwd=btrfs)

    assert (marked.returncode, shutil.disk_usage(btrfs).free) == (0, 0)


@pytest.mark.row(53)
@pytest.mark.parametrize("count", [3, 20])
def test_a_batch_finds_its_own_files(
    count: int, btrfs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are synced before they are published, and their bucket is afterwards; or all are removed."""
    disk = place.open_disk(str(btrfs / "spool"), create=True)
    drafts = [("n", number, None, None) for number in range(count)]
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    monkeypatch.setattr(Disk, "sync_all", lambda _: False)
    try:
        batch.publish_many(disk, drafts, lambda: NOW)
        published = [*btrfs.glob("spool/pending/*/*/*.json")]
        with pytest.raises(BadEvent):
            batch.publish_many(disk, [*drafts, ("", 0, None, None)], lambda: NOW)
    finally:
        disk.close()

    assert len(published) == count
    files, bucket = [file.stat().st_ino for file in published], published[0].parent.stat().st_ino
    assert sorted(synced[:count]) == sorted(files)
    assert synced[-1] == bucket
    assert [*(btrfs / "spool" / "tmp").iterdir()] == []
