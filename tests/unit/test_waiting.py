"""Reading what may be long in coming."""

import os
import signal
import subprocess

import pytest

from ampt_cli.waiting import Input

LATE = ["sh", "-c", "sleep 0.1; echo late"]


@pytest.mark.timeout(20)
def test_a_signal_that_came_right_before_the_wait_ends_it() -> None:
    """Python has noted it, and read(2) would not be interrupted any more."""
    read, write = os.pipe2(os.O_NONBLOCK)
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with Input(read) as file:
            os.write(write, b"first")
            assert file.read(64) == b"first"
            signal.raise_signal(signal.SIGUSR1)
            with pytest.raises(BlockingIOError):  # nothing is there, and it did not wait
                file.readinto(bytearray(64))
            os.close(write)
            assert file.read(64) == b""
        assert signal.set_wakeup_fd(-1) == -1
        os.fstat(read)
    finally:
        signal.signal(signal.SIGUSR1, before)
        os.close(read)


def test_who_listened_for_signals_before_does_so_again() -> None:
    """And its descriptors are closed, once."""
    ours, theirs = os.pipe2(os.O_NONBLOCK)
    read, write = os.pipe()
    before = signal.set_wakeup_fd(theirs)
    handler = signal.signal(signal.SIGUSR1, lambda *_: None)
    opened = set(os.listdir("/proc/self/fd"))
    try:
        file = Input(read)
        inherited = [os.get_inheritable(end) for end in file._pipe]
        signal.raise_signal(signal.SIGUSR1)
        with pytest.raises(BlockingIOError):
            os.read(ours, 1)
        file.close()
        file.close()
        signal.raise_signal(signal.SIGUSR1)
        assert os.read(ours, 1) == bytes([signal.SIGUSR1])
        assert set(os.listdir("/proc/self/fd")) == opened
        assert inherited == [False, False]
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGUSR1, handler)
        for fd in (ours, theirs, read, write):
            os.close(fd)


@pytest.mark.timeout(20)
def test_what_is_not_there_yet_is_waited_for() -> None:
    """Also where another program has left the descriptor so that it waits for nothing."""
    read, write = os.pipe2(os.O_NONBLOCK)
    with Input(read) as file, subprocess.Popen(LATE, stdout=write):
        assert file.read(64) == b"late\n"
    os.close(read)
    os.close(write)
