"""The death of a worker is noticed, whenever it comes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ampt_cli.policy import MAX_INTERRUPTIONS, MIN_RETRIES
from ampt_cli.slot import Slot
from tests.conftest import RunAmpt

# The worker dies between a poll and the act on signals that follows it.
SCRIPT = """
import os, sys
from pathlib import Path
import pytest

from ampt_cli import runner
from ampt_cli.commands import run

gate, handlers = Path(sys.argv[1]), sys.argv[2]
act = runner.Runner._told_to_stop

def die_first(self):
    gate.touch()
    for slot in self.workers.slots:
        if slot.pid:
            os.waitid(os.P_PID, slot.pid, os.WEXITED | os.WNOWAIT)
    return act(self)

runner.Runner._told_to_stop = die_first
sys.exit(run.main(["--handlers", handlers]))
"""


@pytest.mark.row(51)
def test_a_death_right_after_a_poll_is_noticed(
    run_ampt: RunAmpt, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Its wake-up is not swallowed with that of a signal: the run ends with 78, and does not hang."""
    handlers, gate = tmp_path / "dying.py", tmp_path / "gate"
    handlers.write_text(
        f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nos._exit(0)\n",
        encoding="utf-8",
    )
    handlers.chmod(0o600)
    run_ampt("publish", "n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(gate), str(handlers)],
        env=clean_env,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode == 78, done.stderr
    assert "without a result" in done.stderr


# The worker that stays dies while a reload ends the one that has tried the handlers.
RELOADED = """
import os, signal, sys

from ampt_cli import supervisor
from ampt_cli.commands import run

end = supervisor.Supervisor._end

def die_first(self, slots):
    for slot in self.slots if slots == [self._trial] else ():
        os.kill(slot.pid, signal.SIGKILL)
        os.waitid(os.P_PID, slot.pid, os.WEXITED | os.WNOWAIT)
    end(self, slots)

supervisor.Supervisor._end = die_first
sys.exit(run.main(["--handlers", sys.argv[1]]))
"""


@pytest.mark.row(51)
def test_a_death_while_a_reload_ends_another_worker_is_noticed(
    run_ampt: RunAmpt, clean_env: dict[str, str], write_handlers, spool_dir: Path
) -> None:
    """Its wake-up is taken for the other's end: nobody took its place, and nothing was run again."""
    handlers = write_handlers(
        """
import os, signal
@events.on("reload")
def reload(event):
    events.publish("n")
    os.kill(os.getppid(), signal.SIGHUP)
@events.on("n")
def n(event): pass
"""
    )
    run_ampt("publish", "reload")
    done = subprocess.run(
        [sys.executable, "-c", RELOADED, str(handlers)],
        env=clean_env,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 1


def test_an_event_that_kills_its_runner_ends_in_dead(
    run_ampt: RunAmpt, spool_dir: Path, write_handlers, tmp_path: Path
) -> None:
    """Each attempt counts although nobody lived to record it; it never circles for ever."""
    handlers = write_handlers(
        "import os, signal\n@events.on('n')\ndef n(event):\n    os.kill(os.getppid(), signal.SIGKILL)\n    signal.pause()\n"
    )
    config = tmp_path / "ampt.toml"
    config.write_text("retry_every = 1\nretry_for = 1\n", encoding="utf-8")
    config.chmod(0o600)
    run_ampt("publish", "n")
    runs = 0
    while not list(spool_dir.glob("dead/*/*.json")):
        assert run_ampt("run", "-m", handlers, env={"AMPT_CONFIG": str(config)}).status in (0, -9)
        runs += 1
        assert runs < 30, list(spool_dir.glob("*/**/*.json"))

    attempts = MAX_INTERRUPTIONS * (1 + MIN_RETRIES)
    assert [path.name.split(".")[2] for path in spool_dir.glob("dead/*/*.json")] == [f"a{attempts}"]


# It says when its worker has been given all.
SUBMITTING = """
import sys
from pathlib import Path

from ampt_cli.commands import run
from ampt_cli.slot import Slot

submit, given = Slot.submit, []

def noting(self, events):
    refused = submit(self, events)
    given.extend(events)
    if len(given) == 11:
        Path(sys.argv[2]).touch()
    return refused

Slot.submit = noting
sys.exit(run.main(["--handlers", sys.argv[1], "--jobs", "1"]))
"""


def test_what_succeeded_before_its_runner_died_is_not_run_again(
    run_ampt: RunAmpt, clean_env: dict[str, str], spool_dir: Path, write_handlers, tmp_path: Path
) -> None:
    """Its worker has appended the record: only the move was missing, and a rescue makes it."""
    log, submitted = tmp_path / "log", tmp_path / "submitted"
    handlers = write_handlers(
        f"""
import os, signal, time
@events.on("n")
def n(event):
    with open({str(log)!r}, "a") as file: print(event.body, file=file)
    if event.attempt > 1: return
    while not os.path.exists({str(submitted)!r}): time.sleep(0.001)
    if event.body == 1: os.kill(os.getppid(), signal.SIGSTOP)
    if event.body == 10:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
"""
    )
    for number in range(11):
        run_ampt("publish", "n", str(number))
    command = [sys.executable, "-c", SUBMITTING, handlers, submitted]
    assert subprocess.run(command, env=clean_env, timeout=60).returncode == -9
    ran = log.read_text(encoding="utf-8").split()
    after = run_ampt("run", "-m", handlers)

    assert ran == [str(number) for number in range(11)]
    assert log.read_text(encoding="utf-8").split() == [*ran, "10"]
    assert (after.status, after.err.count("interrupted")) == (0, 1)
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 10
    assert run_ampt("check").status == 0


@pytest.mark.row(51)
def test_workers_that_end_before_they_run_anything_are_not_begun_for_ever(
    run_ampt: RunAmpt, spool_dir: Path, write_handlers
) -> None:
    """The run ends with 78 and says how they ended; no attempt is counted."""
    handlers = write_handlers(
        "from ampt_cli.worker import Worker\n"
        "def take(worker): raise ValueError('no more of this')\n"
        "Worker.take = take\n"
        "@events.on('n')\ndef n(event): pass\n"
    )
    run_ampt("publish", "n")
    ran = run_ampt("run", "-m", handlers, "--jobs", "2", "--watch")

    assert ran.status == 78, ran
    assert f"cannot run the handlers {handlers}: the worker exited with status 70" in ran.err
    assert "ValueError: no more of this" in ran.err
    assert len(list(spool_dir.glob("pending/*/*/*.a0.n.json"))) == 1


@pytest.mark.row(51)
@pytest.mark.parametrize(
    ("number", "status"), [("KILL", 75), ("TERM", 75), ("SEGV", 78), ("SYS", 78)]
)
def test_workers_that_are_killed_while_they_import_are_no_fault_of_the_handlers(
    number: str, status: int, run_ampt: RunAmpt, spool_dir: Path, write_handlers
) -> None:
    """By whom a machine has no memory left for, say: the next run may do. A crash is their own."""
    handlers = write_handlers(f"import os, signal\nos.kill(os.getpid(), signal.SIG{number})\n")
    run_ampt("publish", "n")
    ran = run_ampt("run", "-m", handlers)

    assert (ran.status, ran.err.count("\n")) == (status, 1), ran
    assert f"cannot import the handlers {handlers}: the worker was killed by signal" in ran.err
    assert ("memory" in ran.err) == (number == "KILL")
    assert len(list(spool_dir.glob("pending/*/*/*.a0.n.json"))) == 1


@pytest.mark.row(51)
def test_a_worker_that_has_ended_is_not_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no number any more, and 0 is the group of the runner and of who has started it."""
    sent: list[tuple[int, int]] = []
    for name in ("kill", "killpg"):
        monkeypatch.setattr(os, name, lambda *told: sent.append(told))
    board = memoryview(bytearray(64)).cast("d")
    slot = Slot(0, board, cast("Any", SimpleNamespace()))
    slot.killed_for = ""
    slot.kill("was ended, for a handler wrote into its pipe")

    assert sent == []
    assert slot.killed_for.startswith("was ended")


# One of the calls that it takes to begin a worker fails.
REFUSED = """
import errno, os, sys
refused, limit, calls = sys.argv[1], int(sys.argv[2]), 0
whole = getattr(os, refused)
def refuse(*told):
    global calls
    calls += 1
    if calls == limit: raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return whole(*told)
setattr(os, refused, refuse)
from ampt_cli.commands import run
sys.exit(run.main(["--handlers", sys.argv[3]]))
"""


Refused = Callable[[str, int, Path], subprocess.CompletedProcess[str]]


@pytest.fixture
def refused(clean_env: dict[str, str]) -> Refused:
    """A run with these handlers, in which the call fails the time it is made that often."""

    def run(call: str, time: int, handlers: Path) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", REFUSED, call, str(time), str(handlers)]
        return subprocess.run(
            argv, env=clean_env, capture_output=True, text=True, check=False, timeout=20
        )

    return run


@pytest.mark.row(35)
@pytest.mark.row(51)
@pytest.mark.parametrize(("call", "time"), [("fork", 2), ("pipe", 5), ("pipe", 6), ("pipe", 7)])
def test_an_attempt_whose_worker_cannot_be_replaced_is_settled(
    call: str,
    time: int,
    run_ampt: RunAmpt,
    refused: Refused,
    spool_dir: Path,
    write_handlers,
) -> None:
    """The run ends with 75 and gives back the rest; it hung, or left the attempt to a rescue."""
    handlers = write_handlers(
        "import os\n@events.on('die')\ndef die(event): os._exit(3)\n"
        "@events.on('n')\ndef n(event): pass\n"
    )
    run_ampt("publish", "die")
    run_ampt("publish", "n")
    done = refused(call, time, handlers)
    [died] = spool_dir.glob("retry/*/*/*.a1.die.json")

    assert done.returncode == 75, done.stderr
    assert "cannot begin a worker" in done.stderr
    assert "the worker exited with status 3" in died.read_text(encoding="utf-8")
    assert len(list(spool_dir.glob("pending/*/*/*.a0.n.json"))) == 1


@pytest.mark.row(35)
@pytest.mark.row(67)
@pytest.mark.parametrize(("call", "time"), [("fork", 2), ("pipe", 5), ("pipe", 7)])
def test_a_reload_that_can_begin_no_worker_leaves_those_there_are(
    call: str,
    time: int,
    run_ampt: RunAmpt,
    refused: Refused,
    spool_dir: Path,
    write_handlers,
) -> None:
    """It ended the run, of a service too. What it had opened for the new one is closed again."""
    handlers = write_handlers(
        """
import os, signal
def pipes():
    folder = f"/proc/{os.getppid()}/fd"
    return sum("pipe:" in where(f"{folder}/{fd}") for fd in os.listdir(folder))
def where(link):
    try: return os.readlink(link)
    except FileNotFoundError: return ""  # a folder that was listed meanwhile
@events.on("reload")
def reload(event):
    events.publish("n", pipes())
    os.kill(os.getppid(), signal.SIGHUP)
@events.on("n")
def n(event):
    assert pipes() == event.body
"""
    )
    run_ampt("publish", "reload")
    done = refused(call, time, handlers)

    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "the handlers stay as they were: cannot begin a worker: " in done.stderr
    assert len(list(spool_dir.glob("done/*/*.a1.n.json"))) == 1


@pytest.mark.row(59)
def test_an_event_that_was_removed_while_its_worker_died_ends_no_run(
    run_ampt: RunAmpt, spool_dir: Path, write_handlers
) -> None:
    """By the handler itself, say: there is nothing to settle, and the others go on."""
    handlers = write_handlers(
        f"""
import os
from pathlib import Path
@events.on("gone")
def gone(event):
    for file in Path({str(spool_dir)!r}).glob("running/*/*.gone.json"): file.unlink()
    os._exit(3)
@events.on("n")
def n(event): pass
"""
    )
    run_ampt("publish", "gone")
    run_ampt("publish", "n")
    ran = run_ampt("run", "-m", handlers, "--check")

    assert (ran.status, ran.err) == (1, "")
    assert [path.name.split(".")[3] for path in spool_dir.glob("*/**/*.json")] == ["n"]
    assert run_ampt("check").status == 0


def test_an_event_that_was_removed_before_its_worker_came_to_it_is_not_said_to_be_left(
    run_ampt: RunAmpt, spool_dir: Path, write_handlers
) -> None:
    """It was told as left where it is, in a folder in which it never was again."""
    handlers = write_handlers(
        f"""
import time
from pathlib import Path
@events.on("first")
def first(event):
    while not (found := [*Path({str(spool_dir)!r}).glob("running/*/*.gone.json")]):
        time.sleep(0.01)
    found[0].unlink()
@events.on("gone")
def gone(event): raise ValueError
"""
    )
    run_ampt("publish", "first")
    run_ampt("publish", "gone")
    ran = run_ampt("run", "-m", handlers)

    assert (ran.status, ran.err) == (0, "")
    assert [path.name.split(".")[3] for path in spool_dir.glob("*/**/*.json")] == ["first"]


@pytest.mark.row(35)
@pytest.mark.parametrize(("call", "time"), [("fork", 1), ("pipe", 1), ("pipe", 2), ("fchmod", 1)])
def test_a_run_that_cannot_begin_a_worker_leaves_nothing(
    call: str, time: int, run_ampt: RunAmpt, refused: Refused, spool_dir: Path, write_handlers
) -> None:
    """Cron tries again each minute: what it left, it would have less room for."""
    handlers = write_handlers("@events.on('n')\ndef n(event): pass\n")
    run_ampt("publish", "n")
    done = refused(call, time, handlers)

    assert done.returncode == 75, done.stderr
    assert list((spool_dir / "tmp").iterdir()) == []
    assert len(list(spool_dir.glob("pending/*/*/*.a0.n.json"))) == 1


@pytest.mark.row(56)
def test_a_child_that_outlives_its_worker_keeps_nobody_from_its_claim(
    run_ampt: RunAmpt, write_handlers, spool_dir: Path, tmp_path: Path
) -> None:
    """It holds no lock of it: what a dead runner had is run again, and not when the child ends."""
    told = tmp_path / "child"
    handlers = write_handlers(
        f"""
import os, signal, time
@events.on("n")
def n(event):
    if event.attempt > 1: return
    child = os.fork()
    if child == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    open({str(told)!r}, "w").write(str(child))
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
"""
    )
    run_ampt("publish", "n")
    try:
        first = run_ampt("run", "--handlers", handlers)
        for _ in range(5):  # a worker may take a moment to end with its runner
            run_ampt("run", "--handlers", handlers)
        done = list(spool_dir.glob("done/*/*.a2.n.json"))
    finally:
        os.kill(int(told.read_text(encoding="utf-8")), signal.SIGKILL)  # it was there until now

    assert (first.status, len(done)) == (-signal.SIGKILL, 1)
