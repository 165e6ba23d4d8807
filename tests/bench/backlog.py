"""Line 4: what waits must not cost; and a million events that are due at once."""

import os
import subprocess
import time
from pathlib import Path

from tests.bench import spools
from tests.bench.measure import (
    MIB,
    Failed,
    Figure,
    cpus,
    ms,
    ratios,
    run,
    take_turns,
    walls,
)
from tests.bench.place import Place, discard, noted

PEEK = 0.05  # s between two looks at the memory


def waiting(place: Place, spool: Path, count: int, rounds: int) -> list[Figure]:
    """Idle run and publish, on a spool in which a year of events waits and on an empty one."""
    empty = spools.make(place.fresh("empty"))
    idle = [place.ampt, "run", "--handlers", place.handlers]
    publish = [place.ampt, "publish", "user.joined", '{"user_id": 7}', "--after", "1 day"]
    figures = []
    for key, what, command in (("idle", "an idle run", idle), ("publish", "publish", publish)):
        below, above = take_turns(
            rounds,
            lambda c=command: run(c, place.with_spool(empty)),  # type: ignore[misc]
            lambda c=command: run(c, place.with_spool(spool)),  # type: ignore[misc]
            warm_up=2,
        )
        figures.append(
            Figure(
                4,
                f"backlog_{key}",
                f"{what}, {count:,} events waiting",
                "times the empty spool",
                1.1,
                "less",
                ratios(walls(above), walls(below)),
                series={"empty": ms(walls(below)), "full": ms(walls(above))},
            )
        )
        figures.append(
            Figure(
                4,
                f"backlog_{key}_cpu",
                f"{what}, {count:,} events waiting: CPU alone (user and system)",
                "times the empty spool",
                None,
                "less",
                ratios(cpus(above), cpus(below)),
            )
        )
    return figures


def inspecting(place: Place, spool: Path, count: int, rounds: int) -> list[Figure]:
    """One event by its id, and the overview."""
    small = spools.make(place.fresh("small"))
    command = [place.ampt, "publish", "user.joined", "1", "--after", "20 days"]
    ids = [_output(place, where, command) for where in (small, spool)]
    few, many = take_turns(
        rounds,
        lambda: run([place.ampt, "inspect", ids[0]], place.with_spool(small)),
        lambda: run([place.ampt, "inspect", ids[1]], place.with_spool(spool)),
    )
    find = ["/usr/bin/find", str(spool), "-type", "f", "-name", "*.json"]
    found, seen = take_turns(
        max(3, rounds // 6),
        lambda: run(find, place.env),
        lambda: run([place.ampt, "inspect"], place.with_spool(spool)),
    )
    return [
        Figure(
            4,
            "inspect_id",
            f"inspect ID, {count:,} events waiting",
            "times a spool with that event alone",
            1.5,
            "less",
            ratios(walls(many), walls(few)),
            series={"alone": ms(walls(few)), "full": ms(walls(many))},
        ),
        Figure(
            4,
            "overview",
            f"inspect (overview), {count:,} events waiting",
            "times find -name '*.json'",
            1.5,
            "less",
            ratios(walls(seen), walls(found)),
            note="find reads names and types; the overview also reads due times and names",
            series={"find, s": walls(found), "inspect, s": walls(seen)},
        ),
    ]


def avalanche(place: Place, count: int) -> list[Figure]:
    """All of them due, in one bucket: memory of the runner and its worker, and the first event."""
    spool = spools.due_now(place.fresh("due"), count, "bench.first")
    log = place.fresh_log()
    env = place.with_spool(spool, BENCH_LOG=str(log))
    begun_ns, begun = time.time_ns(), time.perf_counter()
    command = [place.ampt, "run", "--jobs", "1", "--handlers", place.handlers]
    (process,) = place.processes(command, env=env)
    most = 0
    while process.poll() is None:
        most = max(most, sum(pss(pid) for pid in family(process.pid)))
        time.sleep(PEEK)
    took = time.perf_counter() - begun
    _, said = process.communicate()
    if process.returncode:
        raise Failed(f"ampt run: status {process.returncode}\n{said}")
    first = (noted(log)[0][1] - begun_ns) / 1e9
    done = sum(1 for _ in spool.glob("done/*/*.json"))
    if done != count:
        raise Failed(f"{done:,} of {count:,} events are done")
    discard(spool)
    return [
        Figure(
            4,
            "due_memory",
            f"{count:,} due in one bucket: memory (PSS) of runner and worker, most",
            "MiB",
            60,
            "less",
            [most / MIB],
        ),
        Figure(
            4,
            "due_first",
            f"{count:,} due in one bucket: until the first handler",
            "s",
            1.0,
            "less",
            [first],
        ),
        Figure(
            4,
            "due_rate",
            f"{count:,} due in one bucket: drained",
            "events/s",
            None,
            "more",
            [count / took],
        ),
    ]


def built(place: Place, count: int) -> tuple[Path, Figure]:
    """A year of events, and how long writing their files took."""
    begun = time.perf_counter()
    spool = spools.year(place.fresh("year"), count)
    took = time.perf_counter() - begun
    figure = Figure(
        4, "built", f"writing {count:,} entries for this (no sync)", "s", None, "less", [took]
    )
    os.sync()
    return spool, figure


# -- looking at processes ----------------------------------------------------------


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                path = Path(f"/proc/{parent}/task/{thread}/children")
                found += map(int, path.read_text(encoding="ascii").split())
        except OSError:
            continue
    return found


def pss(pid: int) -> int:
    """Bytes of memory that are this process' share."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _output(place: Place, spool: Path, command: list[str]) -> str:
    done = subprocess.run(
        command, env=place.with_spool(spool), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
