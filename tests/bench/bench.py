"""Measure ampt side by side with others: `python -m tests.bench.bench --small | --full`.

A throw-away environment is made below --dir: ampt from a wheel of this
checkout, and the peers. With --full the figures are written to docs/, else
to build/bench/. Everything else is removed at the end.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench import backlog, bulk, drain, report, starting, waking
from tests.bench.measure import Failed, Figure
from tests.bench.place import (
    IN_MEMORY,
    ROOT,
    Place,
    creation_cost,
    file_system,
    machine,
    sync_cost,
    wait_for_calm,
)

Step = Callable[[], list[Figure]]


@dataclass
class Size:
    """How much of everything."""

    starts: int  # rounds of what takes milliseconds
    rounds: int  # rounds of what takes seconds
    batch: int
    slow_batch: int
    drain: int
    burn: int
    failing: int
    several: int
    waiting: int
    due: int
    wakes: int
    idle_seconds: float
    punctual: int
    span_ms: int


SMALL = Size(20, 3, 4_000, 2_000, 1_500, 400, 800, 2_000, 5_000, 10_000, 60, 2.0, 40, 3_000)
FULL = Size(
    150,
    11,
    100_000,
    100_000,
    10_000,
    10_000,
    5_000,
    40_000,
    1_000_000,
    1_000_000,
    600,
    10,
    300,
    10_000,
)


def steps(place: Place, size: Size) -> Iterator[tuple[int, str, Step]]:
    """Every benchmark: the line of the list of goals that it belongs to, a name, and how."""
    s = size
    yield 1, "publish", lambda: starting.publish(place, s.starts)
    yield 1, "peers", lambda: starting.peers(place, max(5, s.starts // 5))
    yield 6, "idle", lambda: starting.idle(place, s.starts)
    yield 2, "batch", lambda: bulk.batch(place, s.batch, max(3, s.rounds // 2))
    yield 2, "memory", lambda: bulk.memory(place, s.batch)
    yield 2, "slow", lambda: bulk.slow_disk(place, s.slow_batch, max(1, s.rounds // 3))
    yield 3, "no-ops", lambda: drain.no_ops(place, s.drain, s.rounds)
    yield 3, "others", lambda: drain.others(place, s.drain)
    yield 3, "jobs", lambda: drain.two_jobs(place, s.burn, max(3, s.rounds // 2))
    yield 3, "failing", lambda: drain.failing(place, s.failing, max(1, s.rounds // 2))
    yield 7, "several", lambda: drain.several(place, s.several, s.burn, s.rounds)
    spool: list[Path] = []

    def full() -> Path:
        if not spool:
            spool.append(backlog.built(place, s.waiting)[0])
        return spool[0]

    few = max(6, s.starts // 3)
    yield 4, "backlog", lambda: backlog.waiting(place, full(), s.waiting, few)
    yield 4, "inspect", lambda: backlog.inspecting(place, full(), s.waiting, few)
    yield 5, "waking", lambda: waking.waking(place, s.wakes, s.idle_seconds, full(), s.waiting)
    yield 5, "punctual", lambda: waking.punctual(place, s.punctual, s.span_ms)
    yield 4, "avalanche", lambda: backlog.avalanche(place, s.due)


def measure(place: Place, size: Size, only: set[str]) -> tuple[list[Figure], list[str]]:
    """All figures, and what could not be measured."""
    figures: list[Figure] = []
    failures = []
    for line, name, step in steps(place, size):
        if only and not {name, str(line)} & only:
            continue
        begun = time.perf_counter()
        try:
            found = step()
        except (Failed, OSError, ValueError, ArithmeticError) as error:
            failures.append(f"{line} {name}: {error}")
            print(f"{line} {name}: NOT MEASURED: {error}", flush=True)
            continue
        figures += found
        for figure in found:
            print(report.plain(figure), flush=True)
        print(f"  ({name}: {time.perf_counter() - begun:.0f} s)", file=sys.stderr, flush=True)
    return sorted(figures, key=lambda figure: figure.line), failures


def main() -> int:
    """Run what is asked for; 1 if something could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--small", action="store_true", help="less than three minutes (the default)")
    how.add_argument("--full", action="store_true", help="all of it, and docs/performance.md")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--only", action="append", default=[], help="a line (1 to 7) or a name")
    parser.add_argument("--keep", action="store_true", help="do not remove the place")
    parser.add_argument("--output", type=Path, help="where performance.* is written")
    asked = parser.parse_args()
    if file_system(asked.dir.resolve()) in IN_MEMORY:
        parser.error(f"{asked.dir} is no disk, so syncs cost nothing there; give another --dir")
    begun = time.perf_counter()
    place = Place(asked.dir.resolve())
    try:
        place.build()
        about = machine(place)
        syncs = sync_cost(place.folder)
        made = (wait_for_calm if asked.full else creation_cost)(place.folder)
        about["a file to make"] = f"{made * 1e6:.0f} µs"
        figures, failures = measure(place, FULL if asked.full else SMALL, set(asked.only))
        results = {
            "version": 1,
            "size": "full" if asked.full else "small",
            "machine": about,
            "missing": place.missing,
            "sync_ms": [second * 1000 for second in syncs],
            "seconds": round(time.perf_counter() - begun),
            "failures": failures,
            "figures": [asdict(figure) for figure in figures],
        }
        # Written first: to remove some million files can take as long as to measure.
        write(asked.output or ROOT / ("docs" if asked.full else "build/bench"), results)
    finally:
        if asked.keep:
            print(f"kept: {place.folder}", file=sys.stderr)
        else:
            place.remove()
    return 1 if failures else 0


def write(output: Path, results: dict[str, Any]) -> None:
    """The figures, for programs and as a page, into the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1)
    (output / "performance.json").write_text(text + "\n", encoding="utf-8")
    report.write(output, results)
    print(f"{output}/performance.md, after {results['seconds']} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
