"""System calls that a kernel or a file system may lack: what is done instead."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ampt_cli import kernel

Call = Callable[..., int]


def failing(code: int) -> Call:
    """A call that fails with this error."""

    def fail(*_: object) -> int:
        ctypes.set_errno(code)
        return -1

    return fail


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A folder with two files, and a link that leads nowhere."""
    for name in ("a", "b", "\udcff"):
        (tmp_path / name).write_text(name, encoding="utf-8", errors="surrogateescape")
    (tmp_path / "link").symlink_to("nothing")
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    "call",
    [kernel._renameat2, None, failing(errno.EINVAL), failing(errno.ENOSYS)],
    ids=["as it is", "of no C library", "of no file system", "of no kernel"],
)
def test_a_rename_replaces_nothing_whatever_there_is_for_it(
    call: Call | None, root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, and no link that leads nowhere; names may be of any bytes."""
    monkeypatch.setattr(kernel, "_renameat2", call)
    for taken in ("b", "link"):
        with pytest.raises(FileExistsError) as refused:
            kernel.rename_new(root, "a", taken)
        assert (refused.value.filename, refused.value.filename2) == ("a", taken)
    with pytest.raises(FileNotFoundError):
        kernel.rename_new(root, "gone", "c")
    kernel.rename_new(root, "a", "c")
    kernel.rename_new(root, "\udcff", "d\udcff")

    assert sorted(os.listdir(tmp_path)) == ["b", "c", "d\udcff", "link"]
    assert (tmp_path / "b").read_text("utf-8") == "b"


def test_a_rename_that_the_disk_refuses_is_not_tried_in_another_way(
    root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong is told, with both names."""
    monkeypatch.setattr(kernel, "_renameat2", failing(errno.EIO))

    with pytest.raises(OSError, match=f"{os.strerror(errno.EIO)}: 'a' -> 'c'"):
        kernel.rename_new(root, "a", "c")
    assert (tmp_path / "a").exists()


def test_a_file_system_is_synced_or_it_is_said_that_it_was_not(
    root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no such call, each folder is; where it fails, nothing is durable."""
    there, real = kernel._syncfs is not None, kernel.sync_file_system(root)
    monkeypatch.setattr(kernel, "_syncfs", None)
    without = kernel.sync_file_system(root)
    monkeypatch.setattr(kernel, "_syncfs", failing(errno.EIO))

    assert (real, without) == (there, False)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        kernel.sync_file_system(root)


@pytest.mark.parametrize(
    ("magic", "kind"), [(0x6969, "NFS"), (0xFE534D42 - 2**32, "SMB2"), (0xEF53, None)]
)
def test_a_network_file_system_is_known_by_its_number(
    magic: int, kind: str | None, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which some systems give with a sign; where nobody can tell it is taken for a local one."""

    def fstatfs(_: int, buffer: ctypes.Array[ctypes.c_char]) -> int:
        ctypes.c_long.from_buffer(buffer).value = magic
        return 0

    def unknown(_: int, buffer: ctypes.Array[ctypes.c_char]) -> int:
        return fstatfs(_, buffer) - 1

    seen = []
    for call in (fstatfs, unknown, None):
        monkeypatch.setattr(kernel, "_fstatfs", call)
        seen.append(kernel.network_file_system(root))

    assert seen == [kind, None, None]


@pytest.mark.parametrize(
    ("score", "left"), [("0\n", "500"), ("-17\n", "500"), ("900\n", "900"), ("?", "?")]
)
def test_a_worker_is_ended_before_others_unless_it_would_be_anyway(
    score: str, left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it may not set, or cannot read, stays as it is."""
    path, real, opened = tmp_path / "oom_score_adj", os.open, []

    def instead(_: str, flags: int) -> int:
        opened.append(real(path, flags | os.O_APPEND))
        return opened[-1]

    monkeypatch.setattr(os, "open", instead)
    kernel.go_first()  # the kernel has no such file
    path.write_text(score, encoding="ascii")
    kernel.go_first()
    monkeypatch.undo()

    assert path.read_text("ascii").split()[-1] == left
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
