"""Line 5: from publish to handler, from due to handler, and what waiting costs."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import spools
from tests.bench.backlog import family
from tests.bench.measure import Failed, Figure, percentile
from tests.bench.place import Place, noted

SETTLE = 1.0  # s before a figure is taken: start-up is not what is measured


def waking(place: Place, count: int, seconds: float, full: Path, waiting: int) -> list[Figure]:
    """The wake-up on an empty spool, and on one with a year of events."""
    figures = []
    empty = spools.make(place.fresh("spool"))
    for key, where, spool in (
        ("", "an empty spool", empty),
        ("_full", f"{waiting:,} events waiting", full),
    ):
        with watching(place, spool) as (process, log):
            idle = idle_cpu(process.pid, seconds)
            published = _publish(place, spool, count, "20", "60")
            began = _began(log, published)
        late = [(began[id_] - back) / 1e6 for id_, (back, _) in published.items()]
        figures += [
            Figure(
                5,
                f"wake{key}",
                f"publish's return to the handler's start, {where}: median of {count}",
                "ms",
                5,
                "less",
                late,
                note="below zero: the handler began before publish had returned",
            ),
            Figure(
                5,
                f"wake_p99{key}",
                "the same: 99th percentile",
                "ms",
                25,
                "less",
                [percentile(late, 99)],
            ),
            Figure(
                5,
                f"idle_cpu{key}",
                f"run --watch when idle, {where}: CPU over {seconds:g} s",
                "% of a core",
                0.2,
                "less",
                [idle],
            ),
        ]
    return figures


def punctual(place: Place, count: int, span_ms: int) -> list[Figure]:
    """Due times that come up while the runner waits."""
    spool = spools.make(place.fresh("spool"))
    with watching(place, spool) as (_, log):
        published = _publish(place, spool, count, "0", "5", str(span_ms))
        began = _began(log, published, patience=span_ms / 1000 + 30)
    late = [began[id_] / 1e6 - due for id_, (_, due) in published.items()]
    return [
        Figure(
            5,
            "punctual",
            f"a due time comes up, to the handler's start: 99th percentile of {count}",
            "ms",
            50,
            "less",
            [percentile(late, 99)],
        ),
        Figure(
            5,
            "punctual_median",
            "a due time comes up, to the handler's start: median",
            "ms",
            None,
            "less",
            late,
        ),
    ]


def idle_cpu(pid: int, seconds: float) -> float:
    """Percent of one core that the runner and its workers use while nothing happens."""
    before, begun = _used(pid), time.perf_counter()
    time.sleep(seconds)
    return (_used(pid) - before) / 1e9 / (time.perf_counter() - begun) * 100


@contextmanager
def watching(place: Place, spool: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A runner that stays, with a log in which handlers write when they began."""
    log = place.fresh_log()
    command = [place.ampt, "run", "--watch", "--jobs", "1", "--handlers", place.handlers]
    (process,) = place.processes(command, env=place.with_spool(spool, BENCH_LOG=str(log)))
    try:
        time.sleep(SETTLE)
        yield process, log
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    if process.returncode:
        raise Failed(f"ampt run --watch: status {process.returncode}\n{said}")


def _publish(place: Place, spool: Path, count: int, *words: str) -> dict[str, tuple[int, int]]:
    done = subprocess.run(
        [place.python, place.program("one_by_one"), str(count), *words],
        env=place.with_spool(spool),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.split() for line in done.stdout.splitlines())
    return {id_: (int(back), int(due)) for id_, back, due in lines}


def _began(log: Path, wanted: dict[str, tuple[int, int]], patience: float = 30) -> dict[str, int]:
    limit = time.monotonic() + patience
    while True:
        began = dict(noted(log))
        if wanted.keys() <= began.keys():
            return began
        if time.monotonic() > limit:
            raise Failed(f"{len(wanted.keys() - began.keys())} events were not handled")
        time.sleep(0.1)


def _used(pid: int) -> int:
    """Nanoseconds of CPU: exact, where the usual counters tick in 10 ms."""
    total = 0
    for member in family(pid):
        for thread in Path(f"/proc/{member}/task").iterdir():
            total += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
    return total
