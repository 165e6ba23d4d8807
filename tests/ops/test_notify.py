"""The protocol of sd_notify, against a real socket."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import RunAmpt, StartAmpt

Write = Callable[[str], Path]
SHOWS = """
import os
@events.on("shows")
def shows(event):
    print("inherited", sorted(set(os.environ) & {"NOTIFY_SOCKET", "WATCHDOG_USEC"}))
"""


class Listener:
    """A service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.socket.settimeout(20)
        self.lines: list[str] = []

    def wait_for(self, line: str) -> None:
        """Read until `line` was said since the last call; a timeout is a failure."""
        while line not in self.lines:
            self.lines += self.socket.recv(4096).decode().split("\n")
        del self.lines[: self.lines.index(line) + 1]


@pytest.fixture(params=["a path", "the abstract namespace"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Listener, str]]:
    """Both kinds of address."""
    address = str(tmp_path / "n") if request.param == "a path" else f"@ampt-test-{os.getpid()}"
    found = Listener(address)
    yield found, address
    found.socket.close()


def test_a_watching_runner_tells_what_it_does_and_that_it_lives(
    run_ampt: RunAmpt, start_ampt: StartAmpt, write_handlers: Write, listener: tuple[Listener, str]
) -> None:
    """READY, WATCHDOG, STATUS, RELOADING and READY again, STOPPING; then it exits 0."""
    heard, address = listener
    run_ampt("publish", "shows")
    env = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    runner = start_ampt("run", "--watch", "-m", write_handlers(SHOWS), env=env)
    heard.wait_for("READY=1")
    heard.wait_for("WATCHDOG=1")
    heard.wait_for("STATUS=1 attempts, 0 failed")
    heard.wait_for("WATCHDOG=1")
    runner.send_signal(signal.SIGHUP)
    heard.wait_for("RELOADING=1")
    heard.wait_for("READY=1")
    runner.send_signal(signal.SIGTERM)
    heard.wait_for("STOPPING=1")
    _, err = runner.communicate(timeout=20)

    assert runner.returncode == 0
    assert "inherited []" in err


def test_a_watchdog_of_another_process_is_not_answered(
    start_ampt: StartAmpt, run_ampt: RunAmpt, write_handlers: Write, tmp_path: Path
) -> None:
    """WATCHDOG_PID says whose it is."""
    heard = Listener(str(tmp_path / "n"))
    run_ampt("publish", "n", "--after", "1 day")
    env = {"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    runner = start_ampt("run", "--watch", "-m", write_handlers(""), env=env)
    heard.wait_for("READY=1")
    runner.send_signal(signal.SIGTERM)
    heard.wait_for("STOPPING=1")
    runner.wait(20)

    assert "WATCHDOG=1" not in heard.lines
    heard.socket.close()
