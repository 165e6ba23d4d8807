"""What handlers print: kept up to a limit, and told apart by event."""

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ampt_cli.capture import Capture
from ampt_cli.deadline import CELLS, HEARD
from ampt_cli.record import MAX_OUTPUT
from ampt_cli.supervisor import Supervisor

TOKEN = b"\0token "


@pytest.fixture
def pipe() -> Iterator[tuple[Capture, int]]:
    """A capture, and where to write what it reads."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    board = memoryview(bytearray(8 * CELLS)).cast("d")
    yield Capture(read, TOKEN, board), write
    os.close(read)
    os.close(write)


def printed(pipe: tuple[Capture, int], output: bytes, size: int = 4096) -> None:
    """Write `output` in pieces, each of which is read at once."""
    capture, write = pipe
    for start in range(0, len(output), size):
        os.write(write, output[start : start + size])
        capture.read()


@pytest.mark.row(58)
@pytest.mark.parametrize("more", [1, 5 * MAX_OUTPUT, 50 * MAX_OUTPUT + 7])
def test_what_is_left_out_is_counted(pipe: tuple[Capture, int], more: int) -> None:
    """Head and tail are kept, however long the middle was; the next output is whole."""
    printed(pipe, b"head" + b"x" * (MAX_OUTPUT + more - 8) + b"tail")
    printed(pipe, TOKEN + b"1\n" + b"next" + TOKEN + b"2\n")
    capture = pipe[0]
    output, following = capture.until(b"1"), capture.until(b"2")
    marker = b"\n[%d bytes left out]\n" % more

    assert output.startswith(b"head")
    assert output.endswith(b"tail")
    assert output.count(b"left out") == output.count(marker) == 1
    assert len(output) == MAX_OUTPUT + len(marker)
    assert following == b"next"


@pytest.mark.row(58)
def test_what_follows_fast_cuts_nothing_of_what_was_before(pipe: tuple[Capture, int]) -> None:
    """It may all be read before the first report is."""
    first = b"x" * MAX_OUTPUT
    printed(pipe, first + TOKEN + b"1\n" + b"y" * 9 * MAX_OUTPUT)

    assert pipe[0].until(b"1") == first


@pytest.mark.row(57)
def test_an_event_whose_output_has_no_end_is_not_waited_for(pipe: tuple[Capture, int]) -> None:
    """Its handler wrote a report of its own; what it printed is of the next event."""
    printed(pipe, b"before")

    assert pipe[0].until(b"1") == b""
    printed(pipe, TOKEN + b"2\n")
    assert pipe[0].until(b"2") == b"before"


@pytest.mark.row(58)
def test_the_last_words_of_a_worker_are_cut_alike(pipe: tuple[Capture, int]) -> None:
    """Those behind the last event that it reported."""
    printed(pipe, b"x" * 9 * MAX_OUTPUT + TOKEN + b"1\n" + b"y" * 20)

    assert pipe[0].rest() == b"y" * 20


@pytest.mark.row(56)
@pytest.mark.row(58)
def test_what_prints_on_after_the_end_of_a_worker_holds_nobody_up(
    pipe: tuple[Capture, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that it has started, faster than it is read: more than a pipe holds is not its own."""
    capture, write = pipe
    os.write(write, b"last words")
    whole, reads = os.read, 0

    def endless(fd: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        assert reads < 1000
        os.write(write, b"x" * (size // 2))
        return whole(fd, size)

    monkeypatch.setattr(os, "read", endless)

    assert capture.rest().startswith(b"last words")


def test_the_board_says_what_was_read_and_has_no_event_yet(pipe: tuple[Capture, int]) -> None:
    """From before the first byte is read until the last one that was read has its event."""
    capture, write = pipe
    told = [capture.board[HEARD]]
    printed(pipe, b"of the first")
    told.append(capture.board[HEARD])
    os.write(write, TOKEN + b"1\n" + b"of the next")
    capture.until(b"1")
    told.append(capture.board[HEARD])
    os.write(write, TOKEN + b"2\n")
    capture.until(b"2")
    told.append(capture.board[HEARD])
    capture.read()
    told.append(capture.board[HEARD])

    assert told == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("pace", "shortest", "heard"),
    [
        (0.001, 5_000, [0.005, {3, 2_000}, 11]),
        (0.0001, 5_000, [0.0016]),
        (0.001, 4, [0.004]),
    ],
    ids=["slower", "fast", "a short deadline"],
)
def test_reports_gather_and_output_is_not_kept_waiting(
    pace: float, shortest: int, heard: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is heard at first; the wake-up (3) and what handlers print (2000), after 5 ms."""
    asked: list[object] = []

    class Poll(set[int]):
        def register(self, fd: int, _: int) -> None:
            self.add(fd)

        def poll(self, ms: float) -> None:
            asked.extend([set(self), round(ms)])

    waiting = Supervisor.__new__(Supervisor)
    waiting.slots = [SimpleNamespace(pace=pace, capture=SimpleNamespace(fd=2_000))]  # type: ignore[list-item]
    waiting._wakeup = 3
    waiting.declared = {"shortest": shortest}
    monkeypatch.setattr("ampt_cli.supervisor.select", SimpleNamespace(poll=Poll, POLLIN=1))
    monkeypatch.setattr("ampt_cli.supervisor.sleep", asked.append)
    waiting._gather()

    assert asked == heard
