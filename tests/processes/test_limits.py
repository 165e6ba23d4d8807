"""Limits that nobody waits for in a test: a fifth of a second here."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ampt_cli import frames, worker

LIMITS = """
import sys
from ampt_cli import overtime, runner
setattr({"overtime": overtime, "runner": runner}[sys.argv.pop(1)], sys.argv.pop(1), 0.2)
from ampt_cli.entry import main
sys.exit(main())
"""


@pytest.fixture
def impatient(
    clean_env: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `ampt run` with one limit of a fifth of a second."""
    started: list[subprocess.Popen[str]] = []

    def start(limit: str, module: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LIMITS, *limit.split("."), "run", "-m", str(module)]
        process = subprocess.Popen(
            command, env=clean_env, cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


class Killed(BaseException):
    """What a signal that cannot be caught is, in a test."""


def test_a_worker_that_waits_to_be_killed_begins_no_other_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A timer that its handler has wound wakes it: what it took then was said to be over its time."""
    naps, sent = iter([None, None]), list[bytes]()
    waiting: Any = SimpleNamespace(
        take=iter([b"1 first\n", b"2 next\n"]).__next__,
        run_one=lambda *_: (frames.ATTEMPTED, b"{}"),
        surroundings=SimpleNamespace(flush=lambda: None, spoilt=lambda: False),
        claim=SimpleNamespace(close=lambda _: False),
        separate=lambda _: None,
        overdue=True,
        send=sent.append,
        room=SimpleNamespace(is_short=lambda: False),
    )

    def pause() -> None:
        if next(naps, Killed) is Killed:
            raise Killed

    monkeypatch.setattr(signal, "pause", pause)
    with pytest.raises(Killed):
        worker.Worker.serve(waiting)

    answer = frames.frame(frames.ATTEMPTED, b"1\n{}")
    assert sent == [answer + frames.frame(frames.LEAVING, frames.TIMED_OUT)]


# Nobody may signal a program that has become another user's, but its parent may wait for it.
FOREIGN = """
import os, sys
from ampt_cli import deadline
from ampt_cli.commands import run
kill = os.kill
def refused(pid, number):
    if number == deadline.SOFT_SIGNAL: raise PermissionError(1, "Operation not permitted")
    kill(pid, number)
os.kill = refused
sys.exit(run.main(["--handlers", sys.argv[1]]))
"""


def test_a_program_of_another_user_that_is_over_its_time_ends_no_run(
    run_ampt, write_handlers, clean_env: dict[str, str], spool_dir: Path
) -> None:
    """A handler has become sudo, say: that it cannot be told its time is over is its own affair."""
    module = write_handlers(
        """
import time
@events.on("late", timeout=1)
def late(event): time.sleep(3600)
@events.on("n")
def n(event): pass
"""
    )
    run_ampt("publish", "late")
    run_ampt("publish", "n")
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN, str(module)],
        env=clean_env,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode == 0, done.stderr
    assert len([*spool_dir.glob("retry/*/*/*.a1.late.json")]) == 1
    assert len([*spool_dir.glob("done/*/*.a1.n.json")]) == 1


@pytest.mark.row(65)
def test_handlers_that_are_never_imported_end_the_run(
    run_ampt, write_handlers, impatient, spool_dir: Path
) -> None:
    """What hangs while it is imported is ended, and no attempt is counted."""
    module = write_handlers("import time\ntime.sleep(3600)\n")
    run_ampt("publish", "n")
    runner = impatient("overtime.IMPORT_TIMEOUT", module)
    _, err = runner.communicate(timeout=20)

    assert runner.returncode == 78
    assert "importing the handlers took more than 0.2 s" in err
    assert len([*spool_dir.glob("pending/*/*/*.a0.n.json")]) == 1


def test_a_worker_that_hangs_outside_of_its_handlers_is_ended(
    run_ampt, write_handlers, impatient, spool_dir: Path
) -> None:
    """No deadline is over; its silence is what gives it away."""
    module = write_handlers(
        """
import sys, time
class Stuck:
    def flush(self): time.sleep(3600)
@events.on("n")
def n(event): sys.stdout = Stuck()
"""
    )
    run_ampt("publish", "n")
    runner = impatient("overtime.SILENCE", module)
    _, err = runner.communicate(timeout=20)

    assert runner.returncode == 0
    assert "hung outside of a handler" in err
    assert len([*spool_dir.glob("retry/*/*/*.a1.n.json")]) == 1


def test_a_worker_that_does_not_leave_is_ended(
    run_ampt, write_handlers, impatient, spool_dir: Path
) -> None:
    """A reload is to replace it, and waited for its end: for ever, if it was stopped, say."""
    module = write_handlers(
        """
import os, signal, time
os._exit = lambda status: time.sleep(3600)
@events.on("first")
def first(event): os.kill(os.getppid(), signal.SIGHUP)
@events.on("n")
def n(event): pass
"""
    )
    run_ampt("publish", "first")
    run_ampt("publish", "n")
    runner = impatient("overtime.SILENCE", module)
    _, err = runner.communicate(timeout=20)

    assert (runner.returncode, err) == (0, "")
    assert len([*spool_dir.glob("done/*/*.a1.*.json")]) == 2


def test_a_stop_waits_for_a_handler_no_longer_than_it_may(
    run_ampt, write_handlers, impatient, wait_until, spool_dir: Path, tmp_path: Path
) -> None:
    """One signal is enough: the attempt is interrupted, and due again at once."""
    begun = tmp_path / "begun"
    module = write_handlers(
        f"""
import time
@events.on("n", timeout=30_000)
def n(event):
    open({str(begun)!r}, "w").close()
    time.sleep(3600)
"""
    )
    run_ampt("publish", "n")
    runner = impatient("runner.STOP_AFTER", module)
    wait_until(begun.exists)
    runner.terminate()
    _, err = runner.communicate(timeout=20)

    assert "the runner was stopped during the attempt" in err
    assert len([*spool_dir.glob("retry/*/*/*.a1.n.json")]) == 1
