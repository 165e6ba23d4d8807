"""Whatever lies in a bucket: what is no event is left alone, and the good one beside it runs."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ampt_cli import instants
from tests.rows.files import BUCKET, HANDLERS, NAME, first_line, put


@pytest.mark.row(16)
@pytest.mark.parametrize(
    "name", [".x", ".nfs0001", "x~", "x.tmp", f".{NAME}.swp", f"{NAME}~", "4913", f"{NAME}.gz"]
)
def test_an_odd_name_is_never_opened(name: str, beside, run_ampt, spool_dir: Path) -> None:
    """What an editor or a network file system leaves; it is reported."""
    path = put(spool_dir, first_line(), name)

    beside()

    assert path.read_bytes() == first_line()
    checked = run_ampt("check")
    assert (checked.status, checked.out.count("\n")) == (1, 1), checked.out
    assert f"{BUCKET}/{name}: not an entry's name" in checked.out


@pytest.mark.row(16)
def test_a_directory_in_a_bucket_is_left_and_reported(beside, run_ampt, spool_dir: Path) -> None:
    """With the name of no entry."""
    (spool_dir / "pending" / BUCKET / "folder").mkdir()

    beside()

    assert "folder" in run_ampt("check").out


def _file(path: Path) -> None:
    path.write_text("mine", encoding="utf-8")


def _folder(path: Path) -> None:
    path.mkdir()
    _file(path / "mine")


def _linked_lock(path: Path) -> None:
    path.mkdir(0o700)
    (path / "lock").symlink_to("/dev/null")


def _folder_for_lock(path: Path) -> None:
    (path / "lock").mkdir(parents=True)


@pytest.mark.row(16)
@pytest.mark.parametrize("name", ["notes.txt", ".nfs0001"])
@pytest.mark.parametrize("make", [_file, _folder, _linked_lock, _folder_for_lock])
def test_whatever_lies_where_runners_are_stops_no_run(
    name: str, make: Callable[[Path], None], beside, run_ampt, spool_dir: Path
) -> None:
    """It is nobody's claim: left alone, and reported."""
    path = spool_dir / "running" / name
    make(path)

    beside()

    checked = run_ampt("check", "--repair")
    assert path.exists()
    assert (checked.status, checked.out.count(f"running/{name}: ")) == (1, 1), checked
    beside()  # also when there is nothing else to do


@pytest.mark.row(17)
def test_a_link_is_not_followed(beside, spool_dir: Path, tmp_path: Path) -> None:
    """What it points to is neither read nor moved."""
    target = tmp_path / "secret"
    target.write_bytes(first_line())
    target.chmod(0o600)
    (spool_dir / "pending" / BUCKET / NAME).symlink_to(target)

    beside()

    assert target.read_bytes() == first_line()
    assert list(spool_dir.glob("done/*/*.bad-1.*")) == []


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.row(18)
@pytest.mark.parametrize("make", [_fifo, _socket, os.mkdir], ids=["FIFO", "socket", "directory"])
def test_what_is_no_regular_file_hangs_nobody(
    make: Callable[[Path], None], beside, run_ampt, spool_dir: Path
) -> None:
    """It is reported."""
    make(spool_dir / "pending" / BUCKET / NAME)

    beside()

    assert list(spool_dir.glob("done/*/*.bad-1.*")) == []
    listed = run_ampt("check").out + str(list((spool_dir / "quarantine").glob("*/*")))
    assert "bad-1" in listed


@pytest.mark.row(19)
def test_a_file_with_a_second_link_is_run_once(beside, run_ampt, spool_dir: Path, tmp_path) -> None:
    """`check` tells of the link."""
    os.link(put(spool_dir, first_line()), tmp_path / "second")

    beside()

    assert len(list(spool_dir.glob("done/*/*.bad-1.*"))) == 1
    assert "2 links" in run_ampt("check").out


@pytest.mark.row(20)
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_run(mode: int, beside, spool_dir: Path) -> None:
    """Whoever could have written it would choose what the handlers are given."""
    put(spool_dir, first_line()).chmod(mode)

    beside()

    assert list(spool_dir.glob("done/*/*.bad-1.*")) == []


@pytest.mark.row(21)
def test_a_file_that_cannot_be_read_is_reported_and_others_go_on(
    run_ampt, write_handlers, spool_dir: Path
) -> None:
    """It stays where it is; once it can be read it runs."""
    handlers = write_handlers(HANDLERS)
    hidden, open_ = (run_ampt("publish", "n").out.strip() for _ in range(2))
    [path] = spool_dir.glob(f"pending/*/*/*.{hidden}.*")
    path.chmod(0o000)

    ended = run_ampt("run", "--handlers", handlers, powerless=True)

    assert hidden in ended.err
    assert len(list(spool_dir.glob(f"done/*/*.{open_}.*"))) == 1
    [path] = spool_dir.glob(f"*/*/*/*.{hidden}.*")
    path.chmod(0o600)
    run_ampt("retry", hidden)
    run_ampt("run", "--handlers", handlers)
    assert len(list(spool_dir.glob(f"done/*/*.{hidden}.*"))) == 1


@pytest.mark.row(32)
def test_times_come_from_names_and_never_from_the_disk(
    run_ampt, write_handlers, spool_dir: Path
) -> None:
    """A backup or rsync that resets every mtime changes nothing."""
    handlers = write_handlers(HANDLERS)
    later = run_ampt("publish", "n", "--after", "1 day").out.strip()
    now = run_ampt("publish", "n").out.strip()
    for path in spool_dir.glob("pending/*/*/*.json"):
        os.utime(path, (0, 0))
        os.utime(path.parent, (0, 0))

    run_ampt("run", "--handlers", handlers)

    assert json.loads(run_ampt("inspect", now, "--json").out)["state"] == "done"
    found = json.loads(run_ampt("inspect", later, "--json").out)
    assert found["state"] == "pending"
    assert found["due"] == found["time"] + instants.DAY
