"""H2: record what `ampt` does to the disk, then judge every state a power cut may leave of it."""

from __future__ import annotations

import random
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.faults import shim as shims
from tests.faults import tree
from tests.faults.crashmodel import MODELS, Model, State
from tests.faults.program import Program, Result
from tests.faults.shim import Record, Shim

KINDS = ("lost", "twice", "torn", "unfindable", "forgotten", "stuck")
LOG_BYTES = 1 << 28  # sparse
MINUTE, DAY = 60, 86_400
LATE = DAY + 4 * 60 * MINUTE  # another date: nobody moves into the cut one's folders any more

MUTANTS = {
    "no file sync": shims.NO_FILE_SYNC,
    "no folder sync": shims.NO_FOLDER_SYNC,
    "no bucket sync": shims.NO_BUCKET_SYNC,
    "no claim folder sync": shims.NO_CLAIM_SYNC,
    "acknowledged before publication": shims.EARLY_ACK,
    "no record sync": shims.NO_RECORD_SYNC,
}


class Recording(NamedTuple):
    """What one story did, from before there was a spool."""

    name: str
    records: list[Record]
    publishers: frozenset[int]


@dataclass
class Count:
    """What was tried and what was found."""

    calls: int = 0
    points: int = 0
    states: int = 0
    judged_in_full: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Count) -> None:
        """Sum up."""
        self.calls += other.calls
        self.points += other.points
        self.states += other.states
        self.judged_in_full += other.judged_in_full
        self.wrong += other.wrong

    def kinds(self) -> Counter[str]:
        """How many of each kind went wrong."""
        return Counter(line.partition(":")[0] for line in self.wrong)

    def __str__(self) -> str:
        kinds = self.kinds()
        found = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
        return (
            f"{self.calls} calls, {self.points} crash points, {self.states} states, "
            f"{self.judged_in_full} of them run to the end: {found}"
        )


Story = Callable[[Program, Shim], object]


def publishing(program: Program, shim: Shim) -> None:
    """A new spool, a new bucket, an old one, a bucket of a later hour."""
    program.publish("works", "1", shim=shim)
    program.publish("works", "2", shim=shim)
    program.publish("works", '{"far": true}', "--after", "3 hours", shim=shim)


def chosen_ids(program: Program, shim: Shim) -> None:
    """The same id twice, another one, and some whose first publishers were killed half-way."""
    program.publish("works", "1", "--id", "first", shim=shim)
    program.publish("works", "1", "--id", "first", shim=shim)
    program.publish("works", "2", "--id", "second", shim=shim)
    for call in range(4, 32, 3):  # each one is hit elsewhere, without a cut
        shim.arm(shims.Fault("kill", shims.KILL_BEFORE), call)
        program.run("publish", "works", "3", "--id", f"third-{call}", shim=shim)
        shim.arm(None)
        program.publish("works", "3", "--id", f"third-{call}", shim=shim)


def batches(program: Program, shim: Shim) -> None:
    """A small batch, synced file by file, and a larger one, synced at once; some have ids."""
    for size in (3, 20):
        lines = [f'{{"name": "works", "body": {n}}}\n' for n in range(size)]
        lines += [f'{{"name": "works", "id": "of-{size}-{n}"}}\n' for n in range(size // 2)]
        file = program.folder / f"batch-{size}"
        file.write_text("".join(lines))
        result = program.run("publish", "--batch", str(file), shim=shim)
        assert result.status == 0, result


def running(program: Program, shim: Shim) -> None:
    """Successes, a failure that is retried, a time-out."""
    for name in ("works", "fails.once", "hangs.once"):
        program.publish(name, shim=shim)
    assert program.run("run", shim=shim).status == 0
    shim.move_clock(7 * MINUTE)
    assert program.run("run", shim=shim).status == 0
    shim.move_clock(0)


def rescuing(program: Program, shim: Shim) -> None:
    """A runner is killed while it settles, another one finishes its work."""
    for body in ("1", "2"):
        program.publish("works", body, shim=shim)
    for call in [*range(20, 120, 7)] * 4:  # which call is whose differs from run to run
        states = _killed(program, shim, call)
        if "running" in states:
            break
        if "pending" not in states:  # not the runner was hit, but its worker: that is no rescue
            program.publish("works", str(call), shim=shim)
    else:
        raise AssertionError("no runner was killed that had a claim")
    assert program.run("run", shim=shim).status == 0, call


def _killed(program: Program, shim: Shim, call: int) -> set[str]:
    """The states in which there are events after a run was killed at this call."""
    _kill_a_run(program, shim, call)
    return {state for places in tree.snapshot(program.spool).states().values() for state in places}


def _kill_a_run(program: Program, shim: Shim, call: int) -> str:
    """At this call; which that was, if there was so late a one."""
    shim.arm(shims.Fault("kill", shims.KILL_BEFORE), call)
    program.run("run", shim=shim)
    hit = shim.hit
    shim.arm(None)
    return hit


def marking(program: Program, shim: Shim) -> None:
    """A runner is killed when it has made a bucket's marker, and not synced it; another goes on."""
    for call in [*range(50, 90)] * 5:  # which call that is differs from run to run
        for body in ("1", "2"):
            program.publish("works", body, shim=shim)
        if " fsync done/" in _kill_a_run(program, shim, call):
            break
        shutil.rmtree(program.spool)
        program.publishers.clear()
        shim.forget()
    else:
        raise AssertionError("no runner was killed before it synced a bucket of done")
    assert program.run("run", shim=shim).status == 0


def redriving(program: Program, shim: Shim) -> None:
    """A handler gives an event up; it is redriven, and succeeds."""
    program.publish("gives.up.once", "--id", "hopeless", shim=shim)
    assert program.run("run", shim=shim).status == 0
    assert program.run("retry", "hopeless", shim=shim).status == 0
    assert program.run("run", shim=shim).status == 0


def tidying(program: Program, shim: Shim) -> None:
    """A month later: buckets are removed, the finished is pruned."""
    shim.move_clock(-30 * DAY)
    program.publish("works", shim=shim)
    program.publish("works", "--id", "chosen", shim=shim)
    assert program.run("run", shim=shim).status == 0
    shim.move_clock(0)
    program.publish("works", "2", shim=shim)
    assert program.run("run", shim=shim).status == 0
    assert program.run("prune", shim=shim).status == 0


STORIES: dict[str, Story] = {
    "publishing": publishing,
    "chosen ids": chosen_ids,
    "batches": batches,
    "running": running,
    "rescuing": rescuing,
    "marking": marking,
    "redriving": redriving,
    "tidying": tidying,
}


def record(story: str, library: Path, folder: Path, *, mutant: int = 0) -> Recording:
    """Tell a story under the recorder, beginning without a spool."""
    program = Program(folder)
    shim = Shim(library, folder / "state", program.spool, log_bytes=LOG_BYTES)
    try:
        shim.mutate(mutant)
        STORIES[story](program, shim)
        return Recording(story, list(shim.records()), frozenset(program.publishers))
    finally:
        shim.close()


class Finisher:
    """Judges a state in full: laid out on a real file system, ampt must bring it to its end."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.program = Program(folder)
        self.shim = Shim(library, folder / "state", folder)

    def __call__(self, state: State, promises: Promises) -> list[str]:
        """What is wrong afterwards."""
        spool = self.program.spool
        shutil.rmtree(spool, ignore_errors=True)
        state.write(spool)
        expired = _expired(state)
        if not (spool / "FORMAT").exists():
            return [f"lost: {id_}: there is no spool" for id_ in promises.kept]
        for seconds in (LATE, LATE + 10 * MINUTE):
            self.shim.move_clock(seconds)
            result = self.program.run("run", shim=self.shim)
            if result.status != 0 or "Traceback" in result.err:
                return [f"stuck: status {result.status}: {result.err[-500:]}"]
        found = tree.snapshot(spool).entries()
        wrong = [
            f"stuck: {id_} is in {[entry.state for entry in found.get(id_, [])]}"
            for id_ in promises.kept.keys() - expired
            if not _ended(found.get(id_, []))
        ]
        check = self.program.run("check", shim=self.shim)
        if check.status != 0 and not _only_torn_records(check):
            wrong.append(f"check: {check.status}: {(check.out + check.err)[-500:]}")
        return wrong

    def close(self) -> None:
        """Give the memory back."""
        self.shim.close()


def _ended(entries: list[tree.Entry]) -> bool:
    """In done; or dead, where the handler gave up."""
    ends = {"done", "dead"} if entries and entries[0].name.startswith("gives.up") else {"done"}
    return len(entries) == 1 and entries[0].state in ends


def _expired(state: State) -> set[str]:
    """The events that were done so long ago that a run prunes them."""
    stale = f"done/{datetime.now(UTC) - timedelta(days=8):%Y-%m-%d}"
    entries = tree.entries(path for path, inode in state.tree() if inode.kind == "file")
    return {
        id_
        for id_, [entry, *_] in entries.items()
        if entry.folder < stale and entry.state == "done"
    }


def _only_torn_records(check: Result) -> bool:
    """A record that was torn by the cut is history that is lost, and rightly reported."""
    lines = [line for line in check.out.splitlines() if line.strip()]
    return bool(lines) and all("record" in line or "finding" in line for line in lines)


@dataclass
class Promises:
    """What was acknowledged up to one moment of the recording."""

    publishers: frozenset[int]
    kept: dict[str, bytes | None] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    chosen: set[str] = field(default_factory=set)
    lines: dict[int, bytes] = field(default_factory=dict)

    def follow(self, record: Record, model: Model) -> None:
        """Take note of an acknowledgement, a new event, or the end of one."""
        for path in (record.path, record.other):
            entry = tree.parse(path)
            if entry:
                self.known.add(entry.id)
                if record.op == "unlink" and record.result == 0 and entry.state in tree.FINAL:
                    self.kept.pop(entry.id, None)
                    self.ended.add(entry.id)
        if record.op == "link" and record.path.startswith("ids/"):
            self.chosen.add(record.path.rpartition("/")[2])
        if record.op != "stdout" or record.pid not in self.publishers:
            return
        text = self.lines.pop(record.pid, b"") + record.data
        *lines, rest = text.split(b"\n")
        self.lines[record.pid] = rest
        for line in lines:
            id_ = line.split(b" ")[0].decode(errors="replace")
            if id_ and id_ not in self.ended:
                self.kept.setdefault(id_, _published(model, id_))
                self.known.add(id_)


def _published(model: Model, id_: str) -> bytes | None:
    files = State(model.names, "full").files()
    for entry in tree.entries(files).get(id_, []):
        return files[entry.path].partition(b"\n")[0] + b"\n"
    return None


def judge(state: State, promises: Promises) -> list[str]:
    """What is wrong with a state at first sight: I1 and I2."""
    files = state.files()
    wrong = tree.misplaced(files, promises.kept, known=promises.known)
    for path, data in files.items():
        entry = tree.parse(path)
        if entry and entry.id not in promises.kept and tree.event(data) is None:
            wrong.append(f"torn: {path}: {data[:60]!r}")
    return wrong + _forgotten(files) + _by_id(state, promises)


def _forgotten(files: dict[str, bytes]) -> list[str]:
    """What failed is on record before it is seen to have failed; what was redriven, likewise."""
    wrong = []
    for path, data in files.items():
        entry = tree.parse(path)
        if entry is None or not entry.attempt or entry.state not in {"pending", "retry", "dead"}:
            continue
        told = tree.records(data)
        if not any(one.get("attempt") == entry.attempt for one in told):
            wrong.append(f"forgotten: {path} has no record of its last attempt")
        elif entry.state == "pending" and not any(o.get("action") == "redriven" for o in told):
            wrong.append(f"forgotten: {path} is not known to be redriven")
    return wrong


def _by_id(state: State, promises: Promises) -> list[str]:
    """A chosen id finds its event after the cut, and finds none that was lost."""
    wrong = []
    inodes = dict(state.tree())
    links = Counter(inode.number for inode in state.names.values())
    entries = {inodes[path].number for path in inodes if tree.parse(path)}
    for path, inode in inodes.items():
        if path.startswith("ids/") and path.count("/") == 2 and tree.is_id(path[7:]):
            if links[inode.number] > 1 and inode.number not in entries:
                wrong.append(f"lost, but looks published: {path}")
    for id_ in promises.chosen & promises.kept.keys():
        path = f"ids/{zlib.crc32(id_.encode()) & 0xFF:02x}/{id_}"
        if path not in inodes or inodes[path].number not in entries:
            wrong.append(f"unfindable: {id_} would be published again")
    return wrong


def replay(
    recording: Recording,
    seed: int,
    *,
    models: Iterable[str] = MODELS,
    full: Callable[[State, Promises], list[str]] | None = None,
    share: float = 1.0,
    points: float = 1.0,
    enough: int = 0,
) -> Count:
    """Judge the states after each operation; a `share` of them by running ampt on them.

    `points` is the share of crash points that are looked at, beside the acknowledgements. With `enough`, stop
    at that many wrong states: a mutant is caught by one.
    """
    count = Count()
    for name in models:
        chance = random.Random(f"{seed} {recording.name} {name}")
        model, promises = Model(), Promises(recording.publishers)
        seen: set[tuple[int, int]] = set()
        for one in recording.records:
            model.apply(one, name)
            promises.follow(one, model)
            if one.result < 0 or (one.op != "stdout" and not one.call):
                continue
            if one.op != "stdout" and chance.random() >= points:
                continue  # the moment after an acknowledgement is always looked at
            count.points += 1
            for state in model.cuts(name, chance):
                key = (state.key(), len(promises.kept))
                if key in seen:
                    continue
                seen.add(key)
                count.states += 1
                wrong = judge(state, promises)
                if not wrong and full and chance.random() < share:
                    count.judged_in_full += 1
                    wrong = full(state, promises)
                where = f" [{name}, {recording.name}, after {one.op} {one.path}, {state.variant}]"
                count.wrong += [line + where for line in wrong]
                if enough and len(count.wrong) >= enough:
                    return count
        count.calls += model.operations_seen
    return count
