"""The protocol of sd_notify, against a real socket."""

import os
import shlex
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from time import monotonic_ns

import pytest

from tests.conftest import RunAmpt, StartAmpt

SO_TIMESTAMP = 29  # socket(7); Python has no name for it
Write = Callable[[str], Path]
Wait = Callable[[Callable[[], object], float], None]
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
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        self.lines: list[str] = []
        self.pings: list[float] = []

    def wait_for(self, line: str) -> None:
        """Read until `line` was said since the last call; a timeout is a failure."""
        while line not in self.lines:
            told, ancillary, _, _ = self.socket.recvmsg(4096, 64)
            lines = told.decode().split("\n")
            self.lines += lines
            seconds, micros = struct.unpack("ll", ancillary[0][2])  # when it was sent
            self.pings += [seconds + micros / 1e6] * lines.count("WATCHDOG=1")
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


def test_a_runner_that_is_stopped_before_it_is_ready_never_says_that_it_is(
    start_ampt: StartAmpt,
    run_ampt: RunAmpt,
    write_handlers: Write,
    listener: tuple[Listener, str],
    tmp_path: Path,
    wait_until: Wait,
) -> None:
    """Its handlers are still being imported."""
    begun, (heard, address) = tmp_path / "begun", listener
    run_ampt("publish", "n", "--after", "1 day")
    module = write_handlers(f"import time\nopen({str(begun)!r}, 'w').close()\ntime.sleep(50)\n")
    runner = start_ampt("run", "--watch", "-m", module, env={"NOTIFY_SOCKET": address})
    wait_until(begun.exists, 20)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=20)
    heard.wait_for("STOPPING=1")
    heard.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard.wait_for("READY=1")

    assert runner.returncode == 0


def test_a_watchdog_of_another_process_is_not_answered(
    start_ampt: StartAmpt, run_ampt: RunAmpt, write_handlers: Write, tmp_path: Path
) -> None:
    """WATCHDOG_PID says whose it is."""
    heard = Listener(str(tmp_path / "n"))
    run_ampt("publish", "n", "--after", "1 day")
    env = {"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    module = write_handlers("events.on('n', print)\n")
    runner = start_ampt("run", "--watch", "-m", module, env=env)
    heard.wait_for("READY=1")
    runner.send_signal(signal.SIGTERM)
    heard.wait_for("STOPPING=1")
    runner.wait(20)

    assert heard.pings == []
    heard.socket.close()


@pytest.mark.parametrize("there", [True, False], ids=["nobody listens", "nothing is there"])
def test_a_manager_that_is_gone_keeps_nothing_from_running(
    there: bool,
    start_ampt: StartAmpt,
    run_ampt: RunAmpt,
    write_handlers: Write,
    tmp_path: Path,
    wait_until: Wait,
) -> None:
    """What it would have been told is dropped, each time."""
    if there:
        Listener(str(tmp_path / "n")).socket.close()
    runner, ran = start_working(start_ampt, run_ampt, write_handlers, tmp_path, 2_000)
    wait_until(ran.exists, 20)
    runner.send_signal(signal.SIGTERM)
    _, err = runner.communicate(timeout=20)

    assert (runner.returncode, err) == (0, "")


def start_working(
    start_ampt: StartAmpt, run_ampt: RunAmpt, write_handlers: Write, folder: Path, every: int
) -> tuple[subprocess.Popen[str], Path]:
    """A runner with an event to handle, and the file that its handler makes.

    Its manager at `n` in the folder is to hear from it every so many microseconds.
    """
    ran = folder / "ran"
    module = write_handlers("@events.on('n')\ndef n(event): open(event.body, 'w').close()\n")
    run_ampt("publish", "n", f'"{ran}"')
    env = {"NOTIFY_SOCKET": str(folder / "n"), "WATCHDOG_USEC": str(every)}
    return start_ampt("run", "--watch", "-m", module, env=env), ran


def fill(address: str) -> list[socket.socket]:
    """Other units, which say so much that there is no room for a word more.

    Of one alone what it may have unread can be over before the queue is full (unix(7)).
    """
    others: list[socket.socket] = []
    sent = 1
    while sent:
        others.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        others[-1].setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while others[-1].sendto(b"STATUS=of another unit", address):
                sent += 1
    return others


def test_a_manager_that_hangs_holds_up_nothing_and_hears_later_what_it_must(
    start_ampt: StartAmpt,
    run_ampt: RunAmpt,
    write_handlers: Write,
    tmp_path: Path,
    wait_until: Wait,
) -> None:
    """Its queue is full when the runner begins, and is read after work was done."""
    heard = Listener(str(tmp_path / "n"))
    others = fill(str(tmp_path / "n"))
    runner, ran = start_working(start_ampt, run_ampt, write_handlers, tmp_path, 200_000)
    wait_until(ran.exists, 20)
    heard.wait_for("READY=1")
    heard.wait_for("WATCHDOG=1")
    runner.send_signal(signal.SIGTERM)
    heard.wait_for("STOPPING=1")
    runner.wait(20)
    for other in others:
        other.close()
    heard.socket.close()

    assert runner.returncode == 0


AT_WORK = """
import os, time
time.sleep(2)
@events.on("slow", timeout=10_000)
def slow(event):
    open(event.body, "w").close()
    time.sleep(2)
@events.on("bad")
def bad(event):
    raise OSError("no")
"""


def test_what_the_unit_starts_tells_all_that_the_unit_says_it_will(
    run_ampt: RunAmpt,
    write_handlers: Write,
    clean_env: dict[str, str],
    tmp_path: Path,
    wait_until: Wait,
) -> None:
    """The command of the printed unit, as systemd starts and signals it; no sign of life is late.

    Not while handlers are imported, run, imported anew, or waited for at the end.
    """
    module = write_handlers(AT_WORK)
    begun = tmp_path / "begun"
    run_ampt("publish", "bad")
    run_ampt("publish", "slow", f'"{begun}"')
    unit = run_ampt("unit", "--user", "--watch", "-m", module).out
    said = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    watchdog = 1.0  # s; the unit's 30 would make a long test
    env = {"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": f"{watchdog * 1e6:.0f}"}
    heard = Listener(env["NOTIFY_SOCKET"])
    main = subprocess.Popen(
        shlex.split(said["ExecStart"]), env=clean_env | env, cwd="/", stderr=subprocess.PIPE
    )
    try:
        heard.wait_for("READY=1")
        assert heard.lines.pop(0) == "STATUS=waiting for events"
        heard.wait_for("STATUS=2 attempts, 1 failed")
        before = monotonic_ns() // 1000
        subprocess.run(
            ["sh", "-c", said["ExecReload"]], env={**os.environ, "MAINPID": str(main.pid)}
        )
        heard.wait_for("RELOADING=1")
        reloading = heard.lines.pop(0)
        heard.wait_for("READY=1")
        begun.unlink()
        run_ampt("publish", "slow", f'"{begun}"')
        wait_until(begun.exists, 20)
        main.send_signal(signal.SIGTERM)
        heard.wait_for("STOPPING=1")
        _, err = main.communicate(timeout=20)
        heard.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard.wait_for("what is never said")
    finally:
        main.kill()
        main.communicate()
        heard.socket.close()

    assert (said["Type"], said["NotifyAccess"]) == ("notify", "main")
    assert before <= int(reloading.removeprefix("MONOTONIC_USEC=")) <= monotonic_ns() // 1000
    assert main.returncode == 0
    assert err.decode().count("\n") == 1
    assert max(later - ping for ping, later in pairwise(heard.pings)) < watchdog
