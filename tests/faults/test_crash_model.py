"""The crash model itself: it must lose what a disk may lose, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.crashmodel import HoleError, Model
from tests.faults.shim import Record


def record(
    op: str, path: str = "", other: str = "", *, inode: int = 0, data: bytes = b""
) -> Record:
    return Record(1, 1, op, path, other, len(data), 0, inode, 0, 0, data)


def trees(model: Model, kind: str = "strict") -> set[tuple[tuple[str, bytes], ...]]:
    states = model.cuts(kind, random.Random(1))
    return {tuple(sorted(state.files().items())) for state in states}


def after(
    tmp_path: Path, *records: Record, kind: str = "strict"
) -> set[tuple[tuple[str, bytes], ...]]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    model = Model(tmp_path)
    for one in records:
        model.apply(one, kind)
    return trees(model, kind)


WRITTEN = (record("create", "a/x", inode=900), record("write", "a/x", inode=900, data=b"1234"))


def test_what_was_never_synced_may_be_lost_halved_zeroed_or_whole(tmp_path):
    """A new file's name and its data survive or not, each on its own."""
    expected = {(), *(((("a/x", data)),) for data in (b"", b"12", b"\0\0\0\0", b"1234"))}

    assert expected == after(tmp_path, *WRITTEN)


def test_a_synced_file_may_still_lose_its_name(tmp_path):
    """fsync of a file makes its data durable, and in the strict model nothing else."""
    found = after(tmp_path, *WRITTEN, record("fsync", "a/x", inode=900))

    assert {(), (("a/x", b"1234"),)} == found


def test_on_ext4_a_synced_file_has_its_name(tmp_path):
    """There, any fsync writes all the metadata before it."""
    found = after(tmp_path, *WRITTEN, record("fsync", "a/x", inode=900), kind="ext4")

    assert {(("a/x", b"1234"),)} == found


@pytest.mark.parametrize("synced", ["a", "b"])
def test_a_rename_is_durable_when_either_folder_is_synced(tmp_path, synced):
    """It is one operation: it happened in both folders or in neither."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/x").write_bytes(b"1")
    model = Model(tmp_path)
    model.apply(record("rename", "a/x", "b/y"), "strict")

    assert {(("a/x", b"1"),), (("b/y", b"1"),)} == trees(model)

    model.apply(record("fsync", synced, inode=(tmp_path / synced).stat().st_ino), "strict")

    assert {(("b/y", b"1"),)} == trees(model)


def test_a_file_in_a_folder_that_was_not_synced_into_its_parent_is_lost(tmp_path):
    """Syncing a folder saves the names in it, not its own."""
    (tmp_path / "x").write_bytes(b"1")
    model = Model(tmp_path)
    model.apply(record("mkdir", "new", inode=901), "strict")
    model.apply(record("rename", "x", "new/x"), "strict")
    model.apply(record("fsync", "new", inode=901), "strict")

    assert {(), (("new/x", b"1"),)} == trees(model)


def test_a_later_rename_of_a_file_never_survives_the_earlier_one(tmp_path):
    """From a to b to c: the file is in one of the three places, never in two."""
    (tmp_path / "a").write_bytes(b"1")
    model = Model(tmp_path)
    model.apply(record("rename", "a", "b"), "strict")
    model.apply(record("rename", "b", "c"), "strict")

    assert {(("a", b"1"),), (("b", b"1"),), (("c", b"1"),)} == trees(model)


@pytest.mark.parametrize("op", ["copy_file_range", "fallocate", "symlink", "mmap"])
def test_a_call_that_the_model_does_not_know_is_an_error(tmp_path, op):
    """Silence there would be a hole in the proof."""
    with pytest.raises(HoleError):
        Model(tmp_path).apply(record(op, "pending/x"), "strict")
