"""Reading what may be long in coming."""

import os
import signal

import pytest

from ampt_cli.waiting import Input


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
