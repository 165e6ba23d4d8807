"""Lines for a file that nobody may be reading."""

import os
import sys
from collections.abc import Iterator
from fcntl import ioctl
from termios import FIONREAD
from threading import Thread

import pytest

from ampt_cli import outlet
from ampt_cli.outlet import Outlet

READ = 1 << 16


@pytest.fixture(params=[True, False], ids=["blocking", "non-blocking"])
def pipe(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A pipe; a terminal that another program has left so is non-blocking for us too."""
    read, write = os.pipe()
    os.set_blocking(write, request.param)
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            continue


def gap(lost: int) -> str:
    """In the place of lines that are missing."""
    return f"{lost} missing\n"


def rest(read: int, into: list[bytes]) -> Thread:
    """Somebody reads on, to the end."""

    def go() -> None:
        while data := os.read(read, READ):
            into.append(data)

    thread = Thread(target=go)
    thread.start()
    return thread


def test_nothing_waits_while_somebody_reads(pipe: tuple[int, int]) -> None:
    """Each line is out when `put` returns."""
    read, write = pipe
    out = Outlet(write, gap)
    for line in ("one\n", "zwölf\n", "\udcff\n"):
        out.put(line)
        assert not out.is_stuck()
        assert os.read(read, READ) == line.encode("utf-8", "backslashreplace")


def test_what_finds_no_room_waits_in_order(pipe: tuple[int, int]) -> None:
    """`put` returns, and the end waits for the reader."""
    read, write = pipe
    out = Outlet(write, gap)
    lines = [f"{number} {'.' * (number % 9000)}\n" for number in range(0, 100_000, 987)]
    for line in lines:
        out.put(line)
    assert out.is_stuck()

    told: list[bytes] = []
    reader = rest(read, told)
    out.flush(patiently=True)
    assert not out.is_stuck()
    os.close(write)
    reader.join()
    assert b"".join(told).decode() == "".join(lines)


def test_when_too_much_waits_lines_are_dropped_and_counted(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one place; what comes when there is room again comes after that."""
    monkeypatch.setattr(outlet, "MOST", 20_000)
    read, write = pipe
    out = Outlet(write, gap)
    lines = [f"{number} {'.' * 500}\n" for number in range(400)]
    for line in lines:
        out.put(line)
    piped = int.from_bytes(ioctl(read, FIONREAD, b"\0" * 4), sys.byteorder)
    told = [os.read(read, 8192)]
    out.put("still too early\n")  # some wait yet
    while out.is_stuck():
        out.flush()
        told.append(os.read(read, 1 << 20))
    out.put("again\n")
    told.append(os.read(read, 1 << 20))

    found = b"".join(told).decode().splitlines(keepends=True)
    kept = found.index("again\n") - 1
    assert found[:kept] == lines[:kept]
    assert 20_000 < sum(map(len, found[:kept])) - piped < 20_000 + 2 * len(lines[0])
    assert found[kept:] == [gap(len(lines) - kept + 1), "again\n"]


def test_nobody_will_ever_read_it(pipe: tuple[int, int]) -> None:
    """Nothing is raised, nothing is kept."""
    read, write = pipe
    out = Outlet(write, gap)
    for _ in range(100):
        out.put("." * 5000 + "\n")
    assert out.is_stuck()
    os.close(read)
    out.put("one more\n")
    out.flush(patiently=True)
    assert not out.is_stuck()


@pytest.mark.parametrize("takes", [1, 3, 4096])
def test_what_is_taken_in_parts_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch, takes: int
) -> None:
    """As a terminal or a socket does; nothing comes twice, and nothing out of its turn."""
    said: list[bytes] = []

    def write(_fd: int, piece: bytes) -> int:
        said.append(piece[:takes])
        return len(said[-1])

    read, other = os.pipe()
    monkeypatch.setattr(os, "write", write)
    out = Outlet(other, gap)
    lines = [f"{number}\n" for number in range(9)]
    lines.append(" ".join(map(str, range(3000))) + "\n")  # several pieces
    for line in lines:
        out.put(line)

    assert b"".join(said).decode() == "".join(lines)
    assert (out.is_stuck(), out._size) == (False, 0)
    for fd in (read, other):
        os.close(fd)


def test_what_has_no_room_after_all_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal may say that there is some, and take nothing. Only who is patient tries again."""
    full = iter([True, True, False])
    said: list[bytes] = []

    def write(_fd: int, piece: bytes) -> int:
        if next(full):
            raise BlockingIOError
        said.append(piece)
        return len(piece)

    read, other = os.pipe()
    monkeypatch.setattr(os, "write", write)
    out = Outlet(other, gap)
    out.put("one\n")
    assert (out.is_stuck(), said) == (True, [])
    out.flush(patiently=True)
    assert (out.is_stuck(), said) == (False, [b"one\n"])
    for fd in (read, other):
        os.close(fd)


def test_no_line_is_dropped_where_there_is_room_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waited right before."""
    monkeypatch.setattr(outlet, "MOST", 20_000)
    read, write = pipe
    out = Outlet(write, gap)
    lines: list[str] = []
    while out._size <= outlet.MOST:
        lines.append(f"{len(lines)} {'.' * 500}\n")
        out.put(lines[-1])
    told = [os.read(read, 1 << 20)]
    out.put("again\n")
    told.append(os.read(read, 1 << 20))

    assert b"".join(told).decode().splitlines(keepends=True) == [*lines, "again\n"]
