"""What a handler started that outlives its worker: found by its parent, and ended.

A process whose parent has ended becomes the runner's child (Linux; elsewhere none is
seen). What the event started under which a worker is killed is told from the rest by its
environment, which names worker and event; a process that was forked and runs no program of
its own, by when it began. A daemon that a handler which kept its time has started may stay;
when it ends, it is reaped.
"""

import os
import signal
import time
from select import select

COOKIE = "AMPT_ORIGIN"  # in the environment of a worker, and of the programs that it starts
CYCLE = 1_000  # the C library keeps each value that a variable ever had: not one for every event
PATIENCE = 0.5  # s that strays are ended for; what forks faster than it is killed survives
TICKS = os.sysconf("SC_CLK_TCK")
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def cookie(runner: int, number: int, seq: int) -> bytes:
    """What names the event `seq` of worker `number` of a runner (a process id), among CYCLE."""
    return b"%d.%d.%d" % (runner, number, seq % CYCLE)


def now() -> float:
    """Seconds on the clock by which the kernel notes when a process began."""
    return time.clock_gettime(CLOCK)


def children() -> set[int]:
    """The child processes of this one, adopted ones too."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return {int(word) for word in file.read().split()}
    except OSError:
        return set()


def unrelated(number: int, seq: int, since: float) -> set[int]:
    """The children that the event `seq` of worker `number`, begun at `since`, has not started."""
    ours, first = cookie(os.getpid(), number, seq).decode().split(".")[1:], int(since * TICKS)
    origins = {pid: _origin(pid) for pid in children()}
    return {
        pid for pid, origin in origins.items() if (origin or ours) != ours or _began(pid) < first
    }


def end(spared: set[int], number: int) -> None:
    """End all children but the spared and those of workers other than `number`.

    And what they leave in turn. Never waits long: a process may be stuck in the kernel.
    """
    limit = time.monotonic() + PATIENCE
    while left := {pid for pid in children() - spared if _may_be_of(number, pid)}:
        for pid in left:
            _kill(pid)
        _reap(left)
        if time.monotonic() > limit:
            return
        select((), (), (), 0.0005)


def reap(workers: set[int]) -> None:
    """Take note of the end of adopted children, so that none stays as a zombie."""
    _reap(children() - workers)


def _reap(pids: set[int]) -> None:
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        return  # it is another user's by now, as sudo is; gone it cannot be before it is reaped


def _began(pid: int) -> int:
    """When a process began, in ticks (proc_pid_stat(5)); 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return 0


def _may_be_of(number: int, pid: int) -> bool:
    return _origin(pid)[:1] in ([], [str(number)])


def _origin(pid: int) -> list[str]:
    """By which worker and event of this runner a program was started; empty if nothing says so."""
    try:
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:
            environment = file.read().split("\0")
    except OSError:
        return []
    beginning = f"{COOKIE}={os.getpid()}."
    found = [line for line in environment if line.startswith(beginning)]
    return found[0].removeprefix(beginning).split(".") if found else []
