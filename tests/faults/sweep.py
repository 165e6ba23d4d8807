"""H1: every disk call of every command, with every fault, and what is left afterwards.

For each scenario a spool is prepared once. A run without faults counts the
calls; then each call (or a seeded share of them) is hit by each fault on a copy
of the spool, and the promises are checked: a documented exit status, no
traceback, the id on standard output only with status 0, every acknowledged
event in exactly one state; and a following `ampt run` finishes the work, after
which `ampt check` finds nothing.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.faults import shim as shims
from tests.faults import tree
from tests.faults.program import Program, Result
from tests.faults.shim import Fault, Shim, failing

MINUTE, DAY = 60, 86_400
LOG_BYTES = 1 << 26

KILLS = ("kill before", "kill after")
FAULTS = (
    Fault(KILLS[0], shims.KILL_BEFORE),
    Fault(KILLS[1], shims.KILL_AFTER),
    *(failing(name) for name in ("ENOSPC", "EIO", "EROFS", "EACCES", "EMFILE")),
    failing("ENOSPC", count=shims.FOREVER),
    failing("EROFS", count=shims.FOREVER),
    Fault("SIGTERM", shims.SIGNAL, signal=signal.SIGTERM),
    Fault("SIGINT", shims.SIGNAL, signal=signal.SIGINT),
    Fault("short write", shims.SHORT),
)
READ_FAULT = failing("EIO")
DOCUMENTED = {0, 1, 3, 74, 75, 77, 78, 128 + signal.SIGINT, 128 + signal.SIGTERM}


class Scenario(NamedTuple):
    """A command on a prepared spool; `expect` says how each event of it ends."""

    name: str
    prepare: Callable[[Program, Shim], object]
    args: tuple[str, ...]
    expect: dict[str, str] = {}  # noqa: RUF012  id: final state, where it is not "done"
    clock: float = 0  # seconds; when the command runs
    stays: tuple[str, ...] = ()  # where the others may be pruned


class Case(NamedTuple):
    """One hit: this fault at this call."""

    scenario: Scenario
    fault: Fault
    call: int
    classes: int = shims.CHANGES | shims.HANDLES

    def __str__(self) -> str:
        return f"{self.scenario.name}, {self.fault.name} at call {self.call}"


@dataclass
class Tally:
    """What was tried and what was found."""

    scenarios: int = 0
    calls: int = 0
    possible: int = 0
    runs: int = 0
    hits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = Counter(line.partition(":")[0] for line in self.wrong)
        found = ", ".join(
            f"{kinds.pop(kind, 0)} {kind}" for kind in ("lost", "stuck", "status", "traceback")
        )
        other = "".join(f", {count} {kind}" for kind, count in kinds.items())
        return (
            f"{self.scenarios} scenarios with {self.calls} calls, {self.runs} runs of "
            f"{self.possible} possible, {self.hits} faults that happened: {found}{other}"
        )


# -- scenarios -----------------------------------------------------------------


def nothing(_program: Program, _shim: Shim) -> None:
    """No spool at all."""


def an_event(program: Program, _shim: Shim) -> None:
    """A spool with an event that is not due."""
    program.publish("works", "1", "--id", "earlier", "--after", "1 minute")


def an_id(program: Program, _shim: Shim) -> None:
    """The same event, published before."""
    program.publish("works", "1", "--id", "same")


def due(*names: str) -> Callable[[Program, Shim], None]:
    """Events that are due."""

    def prepare(program: Program, _shim: Shim) -> None:
        for name in names:
            program.publish(name, "1", "--id", name.replace(".", "-"))

    return prepare


def dead_runner(program: Program, shim: Shim) -> None:
    """A runner was killed when it had claimed, and another when it was about to settle.

    In this order: what the second leaves has its record or was cut short, and nothing
    is left to be claimed where the first is rescued.
    """
    due("works", "takes.a.while")(program, shim)
    for path in ("running/", "done/"):
        _killed_at(program, shim, "rename", path)


def _killed_at(program: Program, shim: Shim, op: str, where: str) -> None:
    """Kill a run before its first call of this kind into `where`."""
    original = program.folder / "original"
    program.wait_for_the_dead()
    copy(program.spool, original)
    shim.record(True)
    shim.forget()
    shim.arm(None)
    program.run("run", shim=shim)
    shim.record(False)
    call = next(
        record.call
        for record in shim.records()
        if record.op == op and record.other.startswith(where) and record.other.endswith(".json")
    )
    replace(original, program.spool)
    shutil.rmtree(original)
    shim.arm(Fault("kill", shims.KILL_AFTER if where == "running/" else shims.KILL_BEFORE), call)
    program.run("run", shim=shim)
    assert shim.hits == 1
    shim.arm(None)
    program.wait_for_the_dead()
    program.traces_file.unlink(missing_ok=True)


def long_failed(program: Program, shim: Shim) -> None:
    """An event that has failed for more than 14 days, but for its last attempt."""
    for days in (-16, -15, -14.5):
        shim.move_clock(days * DAY)
        if days == -16:
            program.publish("fails", "1", "--id", "fails", shim=shim)
        result = program.run("run", shim=shim)
        assert result.status == 0, result
    shim.move_clock(0)


def garbage(program: Program, _shim: Shim) -> None:
    """A damaged entry, and a good one behind it."""
    program.publish("works", "1", "--id", "works")
    [entry] = program.spool.glob("pending/*/*/*.json")
    damaged = entry.with_name(entry.name.replace(".works.a0.", ".damaged.a0."))
    damaged.write_bytes(b'{"ampt":1,"id"')
    damaged.chmod(0o600)


def old_buckets(program: Program, shim: Shim) -> None:
    """Empty buckets of hours that are over, and something to do."""
    shim.move_clock(-2 * DAY)
    program.publish("works", "1", "--id", "yesterday", shim=shim)
    assert program.run("run", shim=shim).status == 0
    program.publish("works", "1", "--id", "works", shim=shim)
    shim.move_clock(0)


def dead_letter(program: Program, shim: Shim) -> None:
    """One event in dead/."""
    long_failed(program, shim)
    assert program.run("run", shim=shim).status == 0
    assert tree.snapshot(program.spool).states() == {"fails": ["dead"]}


def a_failure(program: Program, shim: Shim) -> None:
    """One event in retry/."""
    due("fails.once")(program, shim)
    assert program.run("run", shim=shim).status == 0
    assert tree.snapshot(program.spool).states() == {"fails-once": ["retry"]}


def finished(program: Program, shim: Shim) -> None:
    """Events that were done long ago, one with a chosen id; one just now, and one that waits."""
    shim.move_clock(-30 * DAY)
    due("works")(program, shim)
    program.publish("works", "2", shim=shim)
    program.publish("works", "3", "--id", "long-ago", shim=shim)
    assert program.run("run", shim=shim).status == 0
    shim.move_clock(0)
    for id_ in ("just-now", "waits"):
        program.publish("works", "--id", id_, "--after", "1 minute", shim=shim)
    assert program.run("cancel", "just-now", shim=shim).status == 0  # a run would prune


def disorder(program: Program, shim: Shim) -> None:
    """What `check --repair` puts right: a damaged entry, one in the wrong bucket."""
    garbage(program, shim)
    program.publish("works", "2", "--id", "misplaced")
    [entry] = program.spool.glob("pending/*/*/*.misplaced.*")
    wrong = program.spool / "pending/2020-01-01/00"
    wrong.mkdir(mode=0o700, parents=True)
    wrong.parent.chmod(0o700)
    entry.rename(wrong / entry.name)


def a_batch(program: Program, _shim: Shim) -> None:
    """A file with three lines; one of the events has an id."""
    lines = '{"name": "works", "body": 1}\n' * 2 + '{"name": "works", "id": "chosen"}\n'
    (program.folder / "batch").write_text(lines)


SCENARIOS = (
    Scenario("publish into nothing", nothing, ("publish", "works", "1")),
    Scenario("publish into a new bucket", an_event, ("publish", "works", "1", "--after", "3 hours")),
    Scenario("publish into an old bucket", an_event, ("publish", "works", "1")),
    Scenario("publish a chosen id", an_event, ("publish", "works", "1", "--id", "chosen")),
    Scenario("publish the same id again", an_id, ("publish", "works", "1", "--id", "same")),
    Scenario("publish a batch", a_batch, ("publish", "--batch", "batch")),
    Scenario("run: success", due("works"), ("run",)),
    Scenario("run: failure", due("fails.once"), ("run",)),
    Scenario("run: time-out", due("hangs.once"), ("run",)),
    Scenario("run: rescue", dead_runner, ("run",)),
    Scenario("run: the last attempt", long_failed, ("run",), {"fails": "dead"}),
    Scenario("run: quarantine", garbage, ("run",), {"damaged": "quarantine"}),
    Scenario("run: buckets go away", old_buckets, ("run",)),
    Scenario("retry a dead letter", dead_letter, ("retry", "fails"), {"fails": "any"}),
    Scenario("retry what waits", a_failure, ("retry", "fails-once")),
    Scenario("cancel", an_event, ("cancel", "earlier")),
    Scenario("move", an_event, ("move", "earlier", "--after", "2 minutes")),
    Scenario("prune", finished, ("prune",), stays=("just-now", "waits")),
    Scenario("check --repair", disorder, ("check", "--repair"), {"damaged": "quarantine"}),
)  # fmt: skip


# -- one scenario ----------------------------------------------------------------


def copy(source: Path, target: Path) -> None:
    """A folder with its hard links, FIFOs and modes."""
    links: dict[int, Path] = {}
    target.mkdir(mode=0o700)
    for entry in os.scandir(source):
        _copy(entry, target / entry.name, links)


def _copy(entry: os.DirEntry[str], target: Path, links: dict[int, Path]) -> None:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        target.mkdir()
        for inner in os.scandir(entry.path):
            _copy(inner, target / inner.name, links)
    elif stat.S_ISFIFO(status.st_mode):
        os.mkfifo(target)
    elif status.st_ino in links:
        os.link(links[status.st_ino], target)
    else:
        target.write_bytes(Path(entry.path).read_bytes())
        links[status.st_ino] = target
    target.chmod(stat.S_IMODE(status.st_mode))


def replace(source: Path, target: Path) -> None:
    """Make `target` a copy of `source`, or nothing where that is nothing."""
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        copy(source, target)


class Sweep:
    """One scenario, prepared; `hit` runs it with one fault."""

    def __init__(self, scenario: Scenario, library: Path, folder: Path) -> None:
        self.scenario = scenario
        self.program = Program(folder)
        self.shim = Shim(library, folder / "state", self.program.spool, log_bytes=LOG_BYTES)
        self.shim.record(False)
        scenario.prepare(self.program, self.shim)
        self.original = folder / "prepared"
        if self.program.spool.exists():
            copy(self.program.spool, self.original)
        self.before = tree.snapshot(self.original).states()
        self.calls: list[str] = []

    def close(self) -> None:
        """Forget it."""
        self.shim.close()
        shutil.rmtree(self.program.folder)

    def count(self, classes: int) -> list[str]:
        """The calls of a run without faults, by name; it must succeed."""
        self.shim.classes(classes)
        self.shim.record(True)
        self.shim.forget()
        result, wrong = self._run(None, 0)
        assert result.status in {0, 1} and not wrong, (self.scenario.name, result, wrong)
        self.shim.record(False)
        return [record.op for record in self.shim.records() if record.call]

    def hit(self, case: Case) -> tuple[Result, bool, list[str]]:
        """Run with the fault: how it ended, whether the fault happened, what is wrong."""
        self.shim.classes(case.classes)
        result, wrong = self._run(case.fault, case.call)
        return result, self.happened, [f"{line} [{case}: {self.where}]" for line in wrong]

    def _run(self, fault: Fault | None, call: int) -> tuple[Result, list[str]]:
        replace(self.original, self.program.spool)
        self.program.traces_file.unlink(missing_ok=True)
        self.shim.arm(fault, call)
        self.shim.move_clock(self.scenario.clock)
        result = self.program.run(*self.scenario.args, shim=self.shim)
        self.happened, self.where = self.shim.hits > 0, self.shim.hit
        recording = self.shim.records() if fault is None else None
        if recording is not None:
            self.shim.record(False)
        self.shim.arm(None)
        wrong = self._judge_end(fault, result)
        return result, wrong + self._judge_spool(fault, result)

    def _judge_end(self, fault: Fault | None, result: Result) -> list[str]:
        wrong = []
        killed = fault is not None and fault.name in KILLS
        allowed = DOCUMENTED | ({-signal.SIGKILL} if killed else set())
        if fault is not None and fault.kind == shims.SIGNAL:
            allowed |= {-fault.signal}  # ended by the signal, as any program that has not begun
        if result.status not in allowed or (fault is None and result.status not in {0, 1}):
            wrong.append(f"status: {result.status}, {result.err.strip()[-300:]}")
        if "Traceback" in result.err:
            wrong.append(f"traceback: {result.err.strip()[-1500:]}")
        signalled = fault is not None and fault.kind == shims.SIGNAL
        if result.status > 0 and not signalled and not (result.err + result.out).strip():
            wrong.append(f"silent: status {result.status} without a word")
        if self.scenario.args[0] == "publish" and result.out.strip():
            if result.status > 0:
                wrong.append(f"acknowledged: status {result.status}, and yet {result.out!r}")
        elif self.scenario.args[0] == "publish" and result.status == 0:
            wrong.append("unsaid: status 0 without an id")
        return wrong

    def _judge_spool(self, fault: Fault | None, result: Result) -> list[str]:
        publishes = self.scenario.args[0] == "publish"
        stays = self.scenario.stays or self.before
        promised = {i: self.scenario.expect.get(i, "done") for i in stays}
        if publishes:
            promised |= {line.split()[0]: "done" for line in result.out.splitlines() if line}
        if not self.program.spool.exists():
            return [f"lost: {id_}" for id_ in promised]
        now = tree.snapshot(self.program.spool)
        waiting = {i for i, end in promised.items() if end != "quarantine"}
        wrong = tree.misplaced(now.files, dict.fromkeys(waiting), known=now.states())
        killed = fault is not None and fault.name in KILLS
        failed = fault is not None and fault.kind == shims.ERROR
        if publishes and now.left_in("tmp") and not killed:
            if not (failed and ("unlink" in self.where or (fault is not None and fault.count > 1))):
                wrong.append(f"left: {now.left_in('tmp')}")
        unconfirmed = publishes and (killed or (result.status == 75 and " run" in result.err))
        news = set(now.states()) - set(promised) - set(self.before)
        if news and not unconfirmed:
            wrong.append(f"unpromised: {sorted(news)}, status {result.status}, {result.err!r}")
        if not now.files.get("FORMAT"):
            return wrong  # not a spool yet: the next publish makes it one
        return wrong + self._finish(promised, sorted(news))

    def _finish(self, promised: dict[str, str], news: list[str]) -> list[str]:
        """A following run does the rest, and the check finds nothing."""
        for minutes in (7, 14, 21, 28):
            self.program.wait_for_the_dead()
            self.shim.move_clock(self.scenario.clock + minutes * MINUTE + 3 * 3600)
            last = self.program.run("run", shim=self.shim)
            if last.status != 0 or "Traceback" in last.err:
                return [f"stuck: the next run ended with {last.status}: {last.err[-500:]}"]
            now = tree.snapshot(self.program.spool)
            if all(set(places) <= set(tree.FINAL) for places in now.states().values()):
                break
        wrong = []
        states = now.states()
        for id_, end in promised.items():
            places = states.get(id_, [])
            if end == "quarantine":
                if places or not [p for p in now.left_in("quarantine") if f".{id_}." in p]:
                    wrong.append(f"stuck: {id_} is in {places}, not in quarantine")
            elif not places:
                wrong.append(f"lost: {id_}")
            elif len(places) > 1 or (places and end not in {places[0], "any"}):
                if set(places) - set(tree.FINAL) or end != "done":
                    wrong.append(f"stuck: {id_} is in {places}, not in {end}")
                elif places != ["done"]:
                    wrong.append(f"dead: {id_} is in {places}")
        wrong += [
            f"stuck: {i} is in {states[i]}" for i in news if states.get(i, ["done"]) != ["done"]
        ]
        wrong += [f"stuck: left in running: {p}" for p in now.left_in("running")]
        check = self.program.run("check", shim=self.shim)
        if check.status != 0:
            wrong.append(f"check: {check.status}, {(check.out + check.err)[-600:]}")
        return wrong


# -- all of them -------------------------------------------------------------------


POSSIBLE = {  # as `plausible` in shim.c has it
    "ENOSPC": "create write fsync fdatasync syncfs mkdir mkfifo rename link ftruncate",
    "EROFS": "create write mkdir mkfifo rename link unlink rmdir fchmod fchown ftruncate",
    "EACCES": "create open opendir mkdir mkfifo rename link unlink rmdir fchmod fchown",
    "EMFILE": "create open opendir",
    "short": "write",
}


def fits(fault: Fault, op: str) -> bool:
    """Whether a kernel could do that at such a call."""
    possible = POSSIBLE.get(fault.name.split()[0])
    return possible is None or op in possible.split()


def cases(sweep: Sweep, faults: Iterable[Fault]) -> list[Case]:
    """Every call with every fault that can happen there."""
    calls = sweep.count(shims.CHANGES | shims.HANDLES)
    sweep.calls = calls
    return [
        Case(sweep.scenario, fault, number)
        for number, op in enumerate(calls, 1)
        for fault in faults
        if fits(fault, op)
    ]


def read_cases(sweep: Sweep) -> list[Case]:
    """Every read and listing, failing with EIO."""
    classes = shims.CHANGES | shims.HANDLES | shims.READS
    calls = sweep.count(classes)
    reads = {"read", "opendir", "readdir"}
    return [
        Case(sweep.scenario, READ_FAULT, number, classes)
        for number, op in enumerate(calls, 1)
        if op in reads
    ]


def some_of(all_cases: list[Case], most: int, chance: random.Random) -> list[Case]:
    """At most so many: each call that changes something once, before any a second time."""
    shuffled = chance.sample(all_cases, len(all_cases))
    first = {case.call: case for case in shuffled if not case.classes & shims.READS}
    return (list(first.values()) + [case for case in shuffled if first.get(case.call) != case])[
        :most
    ]


def sweep_one(scenario: Scenario, library: Path, folder: Path, *, seed: int, most: int) -> Tally:
    """Hit a scenario at up to `most` of its cases, chosen by the seed."""
    tally = Tally(scenarios=1)
    sweep = Sweep(scenario, library, folder)
    try:
        chosen = cases(sweep, FAULTS)
        tally.calls = len(sweep.calls)
        chosen += read_cases(sweep)
        tally.possible = len(chosen)
        for case in some_of(chosen, most, random.Random(f"{seed} {scenario.name}")):
            result, happened, wrong = sweep.hit(case)
            tally.runs += 1
            tally.hits += happened
            tally.faults[case.fault.name] += happened
            tally.statuses[result.status] += 1
            tally.wrong += wrong
    finally:
        sweep.close()
    return tally
