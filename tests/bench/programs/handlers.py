"""The handlers of the benchmarks; BENCH_LOG names the folder that `bench.note` writes into."""

import os
import time
from functools import cache

from ampt_cli import Context, Event, events


@events.on("bench.noop")
def noop(event: Event, context: Context) -> None:
    """Do nothing."""


@events.on("bench.burn")
def burn(event: Event, context: Context) -> None:
    """Use 1 ms of CPU."""
    end = time.thread_time_ns() + 1_000_000
    while time.thread_time_ns() < end:
        pass


@events.on("bench.fail")
def fail(event: Event, context: Context) -> None:
    """Fail, with a traceback."""
    raise ValueError(f"cannot do {event.body}")


@events.on("bench.note")
def note(event: Event, context: Context) -> None:
    """Write down that this event began, and when (ns since 1970)."""
    os.write(log(), f"{event.id} {time.time_ns()}\n".encode())


@cache
def log() -> int:
    """The log of this process: in one that they share, they would wait for each other."""
    path = os.path.join(os.environ["BENCH_LOG"], str(os.getpid()))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@events.on("bench.note_and_burn")
def note_and_burn(event: Event, context: Context) -> None:
    """Write down that this event began, and use 1 ms of CPU."""
    note(event, context)
    burn(event, context)


first: list[int] = []


@events.on("bench.first")
def begin(event: Event, context: Context) -> None:
    """Write down when the first event began, and do nothing for the others."""
    if not first:
        first.append(1)
        note(event, context)
