"""Run the long forms of the fault harnesses and write docs/evidence.md: python -m tests.faults.evidence.

`--scale 0.1` does a tenth of everything, `--seed N` other chances, `--output FILE`
writes elsewhere. Ends with status 1 if anything was lost, stuck or overlapped,
or if a mutant or control was not caught.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.faults import cut, replay, sweep
from tests.faults import shim as shims
from tests.faults.program import Program, command, fast_folder
from tests.faults.shim import Shim
from tests.faults.storm import FAULTS, Outcome, Plan, Storm, breaking

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).with_name("found.md")
CASES, IN_FULL, STORMS = 212, 60, 2
CUTS = {"ext4": 100, "xfs": 40}
CONTROL_CUTS = 8
MANY = 100  # faults of the storms, of which none may be missing
FUZZ_SECONDS = 40
POINTS = {"chosen ids": 0.3, "rescuing": 0.6}  # share of crash points where there are very many
PARSERS = ("entry_content", "file_name", "after")


@dataclass
class Section:
    """A harness's part of the page."""

    title: str
    lines: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


class Job:
    """What every job is told."""

    def __init__(self, library: Path, scale: float, seed: int) -> None:
        self.library, self.scale, self.seed = library, scale, seed

    def some(self, number: float) -> int:
        """`number`, scaled, and at least one."""
        return max(1, round(number * self.scale))


def sweep_job(job: Job, number: int) -> sweep.Tally:
    """H1: one scenario."""
    with fast_folder() as folder:
        scenario = sweep.SCENARIOS[number]
        return sweep.sweep_one(
            scenario, job.library, folder / "work", seed=job.seed, most=job.some(CASES)
        )


def replay_job(job: Job, story: str) -> replay.Count:
    """H2: one story, every state at first sight and some of them in full."""
    with fast_folder() as folder:
        recording = replay.record(story, job.library, folder / "recorded")
        finisher = replay.Finisher(job.library, folder / "finished")
        points = min(1.0, POINTS.get(story, 1.0) * job.scale)
        try:
            expected = max(1, len(recording.records) * 60 * points)
            share = job.some(IN_FULL) / expected
            return replay.replay(recording, job.seed, full=finisher, share=share, points=points)
        finally:
            finisher.close()


def mutant_job(job: Job, mutant: str) -> str:
    """H2: in which story a mutant is caught, or nothing."""
    with fast_folder() as folder:
        for story in ("publishing", "running"):
            recording = replay.record(
                story, job.library, folder / story, mutant=replay.MUTANTS[mutant]
            )
            found = replay.replay(recording, job.seed, enough=1).wrong
            if found:
                return f"{story}: {found[0].partition(':')[0]}"
    return ""


def cut_job(job: Job, kind: str, *, cuts: int, preload: str | None = None) -> cut.Cuts:
    """H3: one file system."""
    with fast_folder() as folder:
        return cut.series(kind, folder, cuts=cuts, seed=job.seed, preload=preload)


def storm_job(job: Job, plan: Plan, seed: int) -> Outcome:
    """H4: one storm."""
    with fast_folder() as folder:
        program = Program(folder / "work")
        shim = Shim(job.library, folder / "state", program.spool)
        return Storm(program, shim, plan, seed).run()


def fuzz_job(job: Job, parser: str) -> tuple[int, str]:
    """Fuzz one parser: inputs tried, and what broke it."""
    try:
        version("atheris")
    except ImportError:
        return 0, ""
    seconds = job.some(FUZZ_SECONDS)
    argv = [sys.executable, "-m", "tests.faults.fuzz_atheris", parser]
    argv += [f"-max_total_time={seconds}", f"-seed={job.seed}", "-print_final_stats=1"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    told = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    broken = "" if done.returncode == 0 and told else done.stderr[-600:] or "nothing was tried"
    return int(told[1]) if told else 0, broken


# -- the sections ------------------------------------------------------------------


def swept(tallies: list[sweep.Tally]) -> Section:
    """H1."""
    runs, hits = sum(t.runs for t in tallies), sum(t.hits for t in tallies)
    bad = [line for tally in tallies for line in tally.wrong]
    section = Section("Fault sweep", bad=bad)
    kinds: dict[str, int] = {}
    for tally in tallies:
        for name, count in tally.faults.items():
            kinds[name] = kinds.get(name, 0) + count
    section.lines = [
        f"{len(tallies)} scenarios with {sum(t.calls for t in tallies)} disk calls, {len(kinds)} faults: "
        f"{sum(t.possible for t in tallies):,} cases. {runs:,} of them were run, chosen by the seed "
        f"(each call at least once; all where a scenario has no more than {CASES}); in {hits:,} the fault "
        "happened. After each: the documented exit status, no traceback, the id with status 0 and "
        "only then, every acknowledged event in one state; one run later all work done and "
        "`ampt check` clean.",
        "",
        "| fault | times |",
        "|---|---:|",
        *(f"| {name} | {count} |" for name, count in sorted(kinds.items())),
        "",
        f"**{_count(bad, 'lost')} lost, {_count(bad, 'stuck')} stuck, {_count(bad, 'status')} undocumented "
        f"ends, {_count(bad, 'traceback')} tracebacks, {len(bad)} findings in all.**",
    ]
    return section


def replayed(counts: dict[str, replay.Count], mutants: dict[str, str]) -> Section:
    """H2."""
    total = replay.Count()
    for count in counts.values():
        total.add(count)
    section = Section("Power loss, replayed", bad=total.wrong)
    section.lines = [
        "Every call of the stories below was recorded with its data. After each operation, the states "
        "that a cut may leave (strict model: any subset of what was not synced; ext4 model: any "
        "prefix; unsynced data as before, half, zeros or whole) were judged, and some run to the end.",
        "",
        "| story | crash points | states | run to the end | wrong |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {story} | {c.points} | {c.states} | {c.judged_in_full} | {len(c.wrong)} |"
            for story, c in counts.items()
        ),
        f"| **all** | {total.points} | {total.states} | {total.judged_in_full} | {len(total.wrong)} |",
        "",
        "| mutant | caught by |",
        "|---|---|",
        *(f"| {mutant} | {caught or '**nothing**'} |" for mutant, caught in mutants.items()),
    ]
    section.bad += [f"mutant not caught: {m}" for m, caught in mutants.items() if not caught]
    return section


def were_cut(results: list[cut.Cuts], control: cut.Cuts | None, skipped: list[str]) -> Section:
    """H3."""
    section = Section("Real power cuts")
    section.lines = [
        "Publishers, runners and a process that keeps syncing work on a loop-mounted file system, "
        "which is shut down without flushing its log, mounted again, and counted.",
        "",
        "| file system | cuts | acknowledged | lost | stuck | never executed | executed again |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in [*results, *([control] if control else [])]:
        name = one.kind + (" under libeatmydata (control)" if one is control else "")
        section.lines.append(
            f"| {name} | {one.cuts} | {one.acknowledged} | {len(one.lost)} | {len(one.stuck)} "
            f"| {len(one.unexecuted)} | {one.repeated} |"
        )
        if one is not control:
            section.bad += one.lost + one.stuck + one.unexecuted + one.strange
    if control and not control.lost:
        section.bad.append("the negative control lost nothing: the harness is broken")
    section.lines += ["", *(f"Skipped: {line}." for line in skipped)]
    return section


def stormed(storms: dict[str, Outcome], mutants: dict[str, Outcome]) -> Section:
    """H4."""
    section = Section("Kill storm")
    section.lines = [
        "50 publishers at a time, 4 runners with 2 workers each. Counted afterwards: what was "
        "acknowledged and never executed (lost), never ended (stuck), executed and never published "
        "(phantom), executed twice at the same time (overlapped), or again; the bound is what was in "
        "flight at the kills.",
        "",
        "| storm | acknowledged | executed | faults | lost | stuck | phantom | overlapped | again | bound |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, o in storms.items():
        section.lines.append(
            f"| {name} | {o.acknowledged} | {o.executed} | {sum(o.faults.values())} | {len(o.lost)} "
            f"| {len(o.stuck)} | {len(o.phantom)} | {len(o.overlapped)} | {o.duplicates} | {o.bound} |"
        )
        section.bad += o.lost + o.stuck + o.overlapped + o.phantom + o.strange
        if o.duplicates > o.bound:
            section.bad.append(f"{name}: {o.duplicates} executed again, more than {o.bound}")
    faults: dict[str, int] = {}
    for o in storms.values():
        for fault, count in o.faults.items():
            faults[fault] = faults.get(fault, 0) + count
    if sum(faults.values()) >= MANY:
        section.bad += [f"never happened: {fault}" for fault in sorted(FAULTS - faults.keys())]
    section.lines += [
        "",
        "Faults: " + ", ".join(f"{c} x {f}" for f, c in sorted(faults.items())) + ".",
        "",
    ]
    section.lines += [
        "| mutant | lost | stuck | overlapped | again | bound |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, o in mutants.items():
        section.lines.append(
            f"| {name} | {len(o.lost)} | {len(o.stuck)} | {len(o.overlapped)} | {o.duplicates} | {o.bound} |"
        )
        if not (o.lost or o.stuck or o.overlapped or o.duplicates > o.bound):
            section.bad.append(f"mutant not caught: {name}")
    return section


def fuzzed(results: dict[str, tuple[int, str]]) -> Section:
    """Fuzzing."""
    section = Section("Fuzzing", bad=[broken for _, broken in results.values() if broken])
    section.lines = ["| parser | inputs | broken |", "|---|---:|---:|"]
    for parser, (inputs, broken) in results.items():
        section.lines.append(f"| {parser.replace('_', ' ')} | {inputs:,} | {int(bool(broken))} |")
    if not any(inputs for inputs, _ in results.values()):
        section.lines = [
            "**Skipped**: atheris cannot be installed here. Hypothesis runs with the tests."
        ]
    return section


def _count(lines: list[str], kind: str) -> int:
    return sum(line.startswith(kind + ":") for line in lines)


# -- all of it ---------------------------------------------------------------------


def gather(job: Job, pool: ProcessPoolExecutor) -> list[Section]:
    """Run everything; the wide harnesses side by side, those that count processes alone."""
    say = _teller()
    tallies = [pool.submit(sweep_job, job, number) for number in range(len(sweep.SCENARIOS))]
    first = swept([future.result() for future in tallies])
    say("fault sweep")
    counts = {story: pool.submit(replay_job, job, story) for story in sorted(replay.STORIES)}
    caught = {mutant: pool.submit(mutant_job, job, mutant) for mutant in replay.MUTANTS}
    second = replayed(
        {story: future.result() for story, future in counts.items()},
        {mutant: future.result() for mutant, future in caught.items()},
    )
    say("power loss, replayed")
    third = cuts(job)
    say("power cuts")
    storms = {"without faults": storm_job(job, Plan(events=job.some(8), faults=False), job.seed)}
    for number in range(STORMS):
        plan = Plan(events=job.some(50))
        storms[f"storm {number + 1}"] = storm_job(job, plan, job.seed + number)
    wrong = {
        "claims of the living are stolen": shims.LOCKS_FREE,
        "the dead are never rescued": shims.LOCKS_TAKEN,
        "deleted before it is handled": shims.EARLY_DELETE,
    }
    mutants = {name: storm_job(job, breaking(bit), job.seed) for name, bit in wrong.items()}
    fourth = stormed(storms, mutants)
    say("kill storm")
    fuzz = {parser: pool.submit(fuzz_job, job, parser) for parser in PARSERS}
    fifth = fuzzed({parser: future.result() for parser, future in fuzz.items()})
    say("fuzzing")
    return [first, second, third, fourth, fifth]


def cuts(job: Job) -> Section:
    """H3, where this machine can."""
    results, skipped = [], []
    for kind, number in CUTS.items():
        reason = cut.why_not(kind)
        if reason:
            skipped.append(f"{kind}: {reason}")
        else:
            results.append(cut_job(job, kind, cuts=job.some(number)))
    library = cut.eatmydata()
    control = None
    if library is None:
        skipped.append("the negative control: libeatmydata is not installed")
    elif cut.why_not("ext4") is None:
        control = cut_job(job, "ext4", cuts=max(3, job.some(CONTROL_CUTS)), preload=library)
    return were_cut(results, control, skipped)


def _teller() -> Callable[[str], None]:
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    return say


def page(sections: list[Section], job: Job, seconds: float) -> str:
    """docs/evidence.md."""
    ampt = subprocess.run([*command(), "--version"], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    libraries = ", ".join(f"{name} {version(name)}" for name in ("filelock", "typer", "rich"))
    bad = [line for section in sections for line in section.bad]
    lines = [
        "# Evidence",
        "",
        "Written by `make evidence`, from one run of the fault harnesses in `tests/faults/` in their "
        "long forms. What they check is described in [guarantees](guarantees.md); each can fail, and "
        "is shown to by its mutants and controls.",
        "",
        "| | |",
        "|---|---|",
        f"| result | **{'nothing lost, stuck or overlapped' if not bad else f'{len(bad)} findings'}** |",
        f"| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds / 60:.0f} minutes |",
        f"| version | {ampt or 'ampt'}, commit {commit or 'unknown'} |",
        f"| machine | {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, "
        f"{platform.libc_ver()[0]} {platform.libc_ver()[1]} |",
        f"| Python | {platform.python_version()}; {libraries} |",
        f"| seed | {job.seed}, scale {job.scale:g} |",
        "",
    ]
    for section in sections:
        lines += [f"## {section.title}", "", *section.lines, ""]
    if bad:
        lines += [
            "## Findings of this run",
            "",
            *(f"- `{_one_line(line)}`" for line in bad[:40]),
            "",
        ]
    return "\n".join(lines) + "\n" + FOUND.read_text()


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"/\S*ampt-faults-\w+", "…", text))[:300].replace("`", "'")


def main() -> int:
    """Gather, write, and say whether it is good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=20_261_124)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "evidence.md")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count()) as pool:
        job = Job(shims.build(Path(folder)), given.scale, given.seed)
        sections = gather(job, pool)
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(page(sections, job, time.monotonic() - began))
    bad = [line for section in sections for line in section.bad]
    print("\n".join([*bad[:40], f"{len(bad)} findings; written: {given.output}"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
