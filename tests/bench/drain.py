"""Lines 3 and 7: due events handled, by one runner and by several."""

import shutil
import time
from pathlib import Path

from tests.bench import spools
from tests.bench.measure import Failed, Figure, Sample, cpus, rates, ratios, run, take_turns, walls
from tests.bench.place import Place, at_rest, discard, noted, quietly

CONSUMER = "from huey.bin.huey_consumer import consumer_main; consumer_main()"


def no_ops(place: Place, count: int, rounds: int) -> list[Figure]:
    """Events that do nothing: what a queue itself costs."""
    peers = Peers(place, count)
    contestants = {"ampt run --jobs 1": lambda: runner(place, count, "bench.noop", 1)}
    if place.has("huey"):
        contestants["huey (SqliteHuey, 1 process, no syncs)"] = peers.huey
        contestants["huey, default syncs"] = lambda: peers.huey("")
    if place.has("dirq"):
        contestants["dirq, a bare loop"] = peers.dirq
    contestants["raw limit: pipes and renames"] = lambda: raw(place, count)
    measured = dict(
        zip(contestants, take_turns(rounds, *contestants.values(), warm_up=1), strict=True)
    )
    series = {name: rates(count, samples) for name, samples in measured.items()}
    ours = measured["ampt run --jobs 1"]
    figures = []
    for key, goal, name in (
        ("drain_huey", 1.5, "huey (SqliteHuey, 1 process, no syncs)"),
        ("drain_huey_default", 1.5, "huey, default syncs"),
        ("drain_dirq", None, "dirq, a bare loop"),
        ("drain_raw", None, "raw limit: pipes and renames"),
    ):
        if name in measured:
            figures.append(
                Figure(
                    3,
                    key,
                    f"drain {count:,} no-ops, events a second against {name}",
                    "times",
                    goal,
                    "more",
                    ratios(walls(measured[name]), walls(ours)),
                    aim="1.0" if key == "drain_dirq" else "",
                    series=series,
                )
            )
            if key == "drain_huey":
                figures.append(
                    Figure(
                        3,
                        "drain_huey_cpu",
                        "drain of no-ops, CPU alone: an event's CPU in huey (no syncs) against ours",
                        "times",
                        None,
                        "more",
                        ratios(cpus(measured[name]), cpus(ours)),
                    )
                )
    return figures


def others(place: Place, count: int) -> list[Figure]:
    """Slower peers, once, for comparison."""
    figures = []
    for peer, program in (("litequeue", "litequeue_app"), ("persist-queue", "persist_app")):
        if not place.has(peer):
            continue
        path = place.fresh(peer)
        python = [place.python, place.program(program)]
        run([*python, "fill", str(path), str(count)], place.env)
        sample = run([*python, "drain", str(path)], place.env)
        discard(path)
        figures.append(
            Figure(
                3,
                f"drain_{peer}",
                f"{peer}, a bare loop with acknowledgement",
                "events/s",
                None,
                "more",
                [count / sample.wall],
            )
        )
    return figures


def two_jobs(place: Place, count: int, rounds: int) -> list[Figure]:
    """Handlers that burn 1 ms of CPU, with one worker and with two."""
    one, two, alone, both = take_turns(
        rounds,
        lambda: runner(place, count, "bench.burn", 1),
        lambda: runner(place, count, "bench.burn", 2),
        lambda: burn(place, count, 1),
        lambda: burn(place, count, 2),
        warm_up=0,
    )
    return [
        Figure(
            3,
            "jobs_2",
            f"--jobs 2 against --jobs 1, {count:,} handlers that burn 1 ms",
            "times as fast",
            1.8,
            "more",
            ratios(walls(one), walls(two)),
            note="what two bare processes gave at the same time stands beside the goals",
            series={"--jobs 1": rates(count, one), "--jobs 2": rates(count, two)},
        ),
        Figure(
            3,
            "limit_2",
            "two bare processes against one, the same work, no queue",
            "times as fast",
            None,
            "more",
            ratios(walls(alone), walls(both)),
        ),
    ]


def failing(place: Place, count: int, rounds: int) -> list[Figure]:
    """Each handler raises: a traceback is recorded and synced, the event goes to retry."""
    (samples,) = take_turns(rounds, lambda: runner(place, count, "bench.fail", 1), warm_up=0)
    return [
        Figure(
            3,
            "failing",
            f"failing events, {count:,}, with traceback and sync",
            "events/s",
            1000,
            "more",
            rates(count, samples),
        )
    ]


def several(place: Place, count: int, burning: int, rounds: int) -> list[Figure]:
    """One, two and four runners on one spool: with nothing to do for an event, and with work."""
    none = lots(place, "bench.note", count)
    some = lots(place, "bench.note_and_burn", burning)
    ran = [*none.values(), *some.values()]
    figures = [
        *compared(none, f"{count:,} no-ops", "", rounds),
        *compared(some, f"{burning:,} handlers that burn 1 ms", "_burn", max(2, rounds // 3)),
    ]
    what = f"events handled twice, of {sum(lot.handled for lot in ran):,}"
    twice = float(sum(lot.twice for lot in ran))
    return [*figures, Figure(7, "twice", what, "events", 0, "less", [twice])]


def lots(place: Place, name: str, count: int) -> "dict[int, Lot]":
    """One, two and four runners, for the same work."""
    return {number: Lot(place, name, count, number) for number in (1, 2, 4)}


def compared(lots: "dict[int, Lot]", what: str, key: str, rounds: int) -> list[Figure]:
    """Two and four runners against one."""
    turns = take_turns(rounds, *(lot.run for lot in lots.values()), warm_up=0)
    measured = dict(zip(lots, turns, strict=True))
    figures = []
    for number in (2, 4):
        used = sum(cpus(measured[number])) / sum(cpus(measured[1]))
        figures += [
            Figure(
                7,
                f"runners_{number}{key}",
                f"{number} runners against one, {what}, first to last handler",
                "times as fast",
                1.0,
                "more",
                ratios(lots[number].rates, lots[1].rates),
                note=f"CPU of all, start-up included: {used:.2f} times that of one runner",
                series={"1 runner": lots[1].rates, f"{number} runners": lots[number].rates},
            ),
            Figure(
                7,
                f"runners_{number}{key}_whole",
                f"{number} runners against one, {what}, whole processes",
                "times as fast",
                None,
                "more",
                ratios(walls(measured[1]), walls(measured[number])),
            ),
        ]
    return figures


# -- one round of each -----------------------------------------------------------


def runner(place: Place, count: int, name: str, jobs: int) -> Sample:
    """A whole `ampt run` that handles all of a fresh spool. Raises Failed if some are left."""
    spool = spools.due_now(place.fresh("spool"), count, name)
    command = [place.ampt, "run", "--jobs", str(jobs), "--handlers", place.handlers]
    at_rest()
    sample = run(command, place.with_spool(spool))
    _settled(spool, count)
    discard(spool)
    return sample


class Lot:
    """So many runners at once on one spool, and what their handlers wrote down."""

    def __init__(self, place: Place, name: str, count: int, number: int) -> None:
        self.place = place
        self.name = name
        self.count = count
        self.number = number
        self.rates: list[float] = []  # events a second between the first and the last handler
        self.handled = self.twice = 0

    def run(self) -> Sample:
        """Until the last of them has ended. Raises Failed if an event was left out."""
        place = self.place
        spool = spools.due_now(place.fresh("spool"), self.count, self.name)
        log = place.fresh_log()
        env = place.with_spool(spool, BENCH_LOG=str(log))
        command = f"{place.ampt} run --jobs 1 --handlers {place.handlers}"
        together = f"{command} & " * (self.number - 1) + f"{command}; wait"
        at_rest()
        sample = run(["/bin/sh", "-c", together], env)
        began = noted(log)
        different = len({id_ for id_, _ in began})
        if different != self.count:
            raise Failed(f"{different:,} of {self.count:,} events were handled")
        instants = [when for _, when in began]
        self.rates.append((len(began) - 1) / (max(instants) - min(instants)) * 1e9)
        self.handled += different
        self.twice += len(began) - different
        _settled(spool, self.count)
        discard(spool)
        discard(log)
        return sample


def burn(place: Place, count: int, processes: int) -> Sample:
    """The work of the burning handlers, shared by bare processes."""
    code = (
        "import time\n"
        f"for _ in range({count // processes}):\n"
        " end = time.thread_time_ns() + 1_000_000\n"
        " while time.thread_time_ns() < end: pass\n"
    )
    path = place.folder / f"burn-{processes}.py"
    path.write_text(code, encoding="utf-8")
    command = f"{place.python} -I {path}"
    line = f"{command} & " * (processes - 1) + f"{command}; wait"
    return run(["/bin/sh", "-c", line], place.env)


def raw(place: Place, count: int) -> Sample:
    """Renames and pipes alone."""
    root = place.fresh("raw")
    spools.due_now(root, count, "bench.noop")
    (bucket,) = (path for path in (root / "pending").glob("*/*"))
    (bucket / ".durable").unlink()
    bucket.rename(root / "bucket")
    (root / "run").mkdir()
    (root / "done").rmdir()
    (root / "done").mkdir()
    at_rest()
    sample = run([place.python, "-I", place.program("raw_feed"), str(root)], place.env)
    discard(root)
    return sample


class Peers:
    """Filled queues of the peers, copied for each round."""

    def __init__(self, place: Place, count: int) -> None:
        self.place = place
        self.count = count
        self._filled = place.fresh("filled-huey")

    def huey(self, sync: str = "0") -> Sample:
        """Its consumer, until the last event has run. Fastest without syncs, so that is taken.

        Only every tenth of a second does it look whether it is to end; that is left out.
        """
        place = self.place
        if not self._filled.exists():
            fill = ("fill", str(self.count), "noop", "last")
            place.huey(self._filled, *fill, HUEY_FSYNC="0")
        file = place.fresh("huey")
        for part in self._filled.parent.glob(self._filled.name + "*"):
            shutil.copy(part, str(file) + part.name.removeprefix(self._filled.name))
        env = {**place.env, "HUEY_FILE": str(file), "PYTHONPATH": str(place.folder)}
        env["HUEY_FSYNC"] = sync
        options = ["-k", "process", "-w", "1", "-n", "-q"]
        last = place.fresh("last")
        env["HUEY_LAST"] = str(last)
        at_rest()
        begun = time.time_ns()
        sample = run([place.python, "-c", CONSUMER, "huey_app.huey", *options], env)
        ended = int(last.read_text("ascii"))
        code = "import huey_app; raise SystemExit(huey_app.huey.pending_count())"
        run([place.python, "-c", code], env)
        discard(file)
        return Sample((ended - begun) / 1e9, sample.cpu)

    def dirq(self) -> Sample:
        """Its loop: lock, read, remove."""
        place = self.place
        path = place.fresh("dirq")
        program = [place.python, place.program("dirq_app")]
        quietly(*program, "fill", str(path), str(self.count))
        at_rest()
        sample = run([*program, "drain", str(path)], place.env)
        discard(path)
        return sample


def _settled(spool: Path, count: int) -> None:
    """What is measured must have happened: every event is done, or waits for its next attempt."""
    found = sum(1 for _ in spool.glob("done/*/*.json"))
    found += sum(1 for _ in spool.glob("retry/*/*/*.json"))
    if found != count:
        raise Failed(f"{found:,} of {count:,} events were settled")
