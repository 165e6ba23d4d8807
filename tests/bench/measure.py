"""Run processes, take turns, and say how far the figures spread."""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

MIB = 1 << 20
PATIENCE = 300  # s: what takes longer has hung


class Sample(NamedTuple):
    """What one process (with the children it waited for) took."""

    wall: float  # s
    cpu: float  # s, user and system


class Spread(NamedTuple):
    """Where the middle is, and how far the rest lies from it."""

    low: float
    q1: float
    median: float
    q3: float
    high: float


class Failed(Exception):
    """A process that was measured did not end well: its time means nothing."""


@dataclass
class Figure:
    """One line of the table: what was to be reached, and what was."""

    line: int
    key: str
    title: str
    unit: str
    goal: float | None
    better: Literal["less", "more"]
    values: list[float]
    aim: str = ""
    note: str = ""
    series: dict[str, list[float]] = field(default_factory=dict)

    @property
    def spread(self) -> Spread:
        """Of the values."""
        return spread(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median is as good as the goal; None where there is no goal."""
        if self.goal is None:
            return None
        middle = self.spread.median
        return middle <= self.goal if self.better == "less" else middle >= self.goal


def spread(values: Sequence[float]) -> Spread:
    """Five numbers that say where the values lie."""
    if len(values) == 1:
        return Spread(*[values[0]] * 5)
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(min(values), q1, median, q3, max(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(argv: list[str], env: Mapping[str, str], *, allowed: Sequence[int] = (0,)) -> Sample:
    """Start `argv`, wait for its end, and say what it took. Raises Failed."""
    errors = f"{env['HOME']}/stderr"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, errors, flags, 0o600),
    ]
    begun = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    signal.alarm(PATIENCE)
    try:
        _, status, used = os.wait4(pid, 0)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise Failed(f"{' '.join(argv)}: not done after {PATIENCE} s") from None
    finally:
        signal.alarm(0)
    wall = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) not in allowed:
        with open(errors, encoding="utf-8", errors="replace") as file:
            said = file.read()[-2000:]
        raise Failed(f"{' '.join(argv)}: status {os.waitstatus_to_exitcode(status)}\n{said}")
    return Sample(wall, used.ru_utime + used.ru_stime)


# What a process is credited with as its largest memory begins with that of the process
# it was forked from: a small one stands between.
WEIGH = """
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
"""


def weigh(python: str, argv: list[str], env: Mapping[str, str]) -> int:
    """The most memory (bytes) that a process had resident. Raises Failed."""
    command = [python, "-I", "-S", "-c", WEIGH, *argv]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    status, _, kib = done.stdout.partition(" ")
    if done.returncode or status != "0":
        raise Failed(f"{' '.join(argv)}: status {status}\n{done.stderr}")
    return int(kib) * 1024


def take_turns(
    rounds: int, *contestants: Callable[[], Sample], warm_up: int = 1
) -> list[list[Sample]]:
    """A B A B …, in turned order every second time; one list of samples for each."""
    for _ in range(warm_up):
        for contestant in contestants:
            contestant()
    samples: list[list[Sample]] = [[] for _ in contestants]
    for number in range(rounds):
        order = list(range(len(contestants)))
        for index in reversed(order) if number % 2 else order:
            samples[index].append(contestants[index]())
    return samples


def give_up(*_: object) -> None:
    """When PATIENCE is over."""
    raise TimeoutError


signal.signal(signal.SIGALRM, give_up)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Pair by pair: what was measured side by side is divided."""
    return [a / b for a, b in zip(above, below, strict=True)]


def walls(samples: Sequence[Sample]) -> list[float]:
    """Seconds of wall clock."""
    return [sample.wall for sample in samples]


def cpus(samples: Sequence[Sample]) -> list[float]:
    """Seconds of CPU, user and system."""
    return [sample.cpu for sample in samples]


def ms(seconds: Sequence[float]) -> list[float]:
    """In milliseconds."""
    return [second * 1000 for second in seconds]


def rates(count: int, samples: Sequence[Sample]) -> list[float]:
    """Events per second."""
    return [count / sample.wall for sample in samples]
