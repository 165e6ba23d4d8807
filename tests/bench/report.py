"""The figures as docs/performance.md, with a chart.

They are read from the results, so it can be done again without measuring:
`python -m tests.bench.report docs`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.bench import chart
from tests.bench.measure import Figure, Spread, spread

LINES = {
    1: "Publish",
    2: "Many at once",
    3: "Drain",
    4: "What waits",
    5: "Wake-up",
    6: "An idle run",
    7: "Several runners",
}
IN_MS = ("backlog_", "inspect_id")  # whose series are times, beside lines 1 and 6
PROFILE = Path(__file__).with_name("profile.md")

INTRO = """\
# Performance

<!-- Written by `make bench-full`. Do not edit: see tests/bench/. -->

`ampt` starts like a Unix tool, drains faster than queues that promise less, and does not
care how much waits. This page says how far that is true. Every figure is a ratio of two
things that were run side by side, by turns (A B A B …), on the machine described below;
the seconds themselves depend on the machine and on what else it does.

![Each figure against its goal](performance.svg)

Right of the middle is better than the goal, left is worse; the thin line goes from the
lowest to the highest round.
"""

CAVEATS = """\
## What the figures do not say

- **Other machines.** Ratios travel better than seconds, but a slower disk makes every sync
  dearer, and with it `publish` of one event; a faster processor makes the interpreter's
  share smaller.
- **What the peers give for their time.** A drain with huey or dirq records no attempts,
  watches no deadlines, and loses or leaves behind what was in flight when a process dies;
  SqliteHuey as used for the drain does not sync each event. `ampt` does all of this in
  the time given. Its time is that of the whole process, huey's ends with its last event: its
  consumer looks only every tenth of a second whether it is to end. Where syncs are compared
  (a sync that takes 2 ms), both sync.
- **A cold cache.** Directories and files were in memory when they were read. The first
  look at a million entries after a boot waits for the disk.
- **A disk that has forgotten.** For five minutes after many files were removed, ext4 makes new
  ones up to 20 times as slowly as else, and with them `publish`, most of all in a batch. So
  nothing is removed between the rounds where the disk has room, and the beginning waits.
- **Power cuts and crashes.** What a figure is worth when the machine stops is tested
  elsewhere, not here.
- **Handlers.** They did nothing, or burnt 1 ms, or raised. Yours will be slower than the
  queue. Where they wrote down when they began, each process had a file of its own: for one
  that they share they would wait and spin, and the figure would be that file's.
- **A quiet machine.** Others may have used the processors meanwhile. The medians of pairs
  hold up well against that; the highest values do not, and neither does anything that
  needs both cores. What two bare processes reached at the same time says how much there was.
- **Memory** of several processes is their proportional share (PSS), sampled every 50 ms:
  a shorter peak would be missed. Memory of a single process is its largest resident set.
- **Sleeping** is not timed: wake-up figures are of a processor that other work keeps from
  its deepest sleep.
"""


def write(folder: Path, results: dict[str, Any]) -> None:
    """performance.md and performance.svg, from the results."""
    figures = [Figure(**fields) for fields in results["figures"]]
    bars = [bar for bar in map(_bar, figures) if bar is not None]
    picture = chart.svg("Each figure against its goal", bars)
    (folder / "performance.svg").write_text(picture, encoding="utf-8")
    parts = [INTRO, _goals(figures)]
    if others := [figure for figure in figures if figure.goal is None]:
        parts.append(_others(others))
    parts.append(_absolute(figures))
    if results["failures"]:
        listed = "\n".join(f"- {failure.splitlines()[0]}" for failure in results["failures"])
        parts.append(f"## Not measured\n\n{listed}\n")
    if PROFILE.exists():
        parts.append(PROFILE.read_text(encoding="utf-8"))
    parts += [_machine(results), CAVEATS]
    (folder / "performance.md").write_text("\n".join(parts), encoding="utf-8")


def plain(figure: Figure) -> str:
    """One line for a terminal."""
    s = figure.spread
    goal = "" if figure.goal is None else f"  goal {_goal(figure)}: {_reached(figure)}"
    return (
        f"{figure.line} {figure.title}: {number(s.median)} {figure.unit}"
        f"  ({number(s.q1)} to {number(s.q3)}, {number(s.low)} to {number(s.high)}){goal}"
    )


def number(value: float) -> str:
    """Three significant digits."""
    if value and abs(value) < 0.1:
        return f"{value:.2g}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _goals(figures: list[Figure]) -> str:
    rows = ["## Goals", ""]
    for line, title in LINES.items():
        rows += _table(
            f"{line}. {title}", [f for f in figures if f.line == line and f.goal is not None]
        )
    return "\n".join(rows)


def _table(title: str, figures: list[Figure]) -> list[str]:
    if not figures:
        return []
    rows = [f"### {title}", "", "| | goal | median | quartiles | range | rounds | |"]
    rows.append("|---|---:|---:|---:|---:|---:|---|")
    for figure in figures:
        s = figure.spread
        note = f"<br>{figure.note}" if figure.note else ""
        rows.append(
            f"| {figure.title}{note} | {_goal(figure)} | **{number(s.median)}** {figure.unit} | "
            f"{_range(s.q1, s.q3, s)} | {_range(s.low, s.high, s)} | {len(figure.values)} | "
            f"{_reached(figure)} |"
        )
    return [*rows, ""]


def _range(low: float, high: float, s: Spread) -> str:
    return "" if s.low == s.high else f"{number(low)} to {number(high)}"


def _goal(figure: Figure) -> str:
    assert figure.goal is not None
    sign = "≤" if figure.better == "less" else "≥"
    aim = f" (aim {figure.aim})" if figure.aim else ""
    return f"{sign} {figure.goal:g}{aim}"


def _reached(figure: Figure) -> str:
    return "reached" if figure.reached else "not reached"


def _others(figures: list[Figure]) -> str:
    rows = ["## Beside the goals", "", "| line | | median | quartiles | range |"]
    rows.append("|---|---|---:|---:|---:|")
    for figure in figures:
        s = figure.spread
        rows.append(
            f"| {figure.line} | {figure.title} | {number(s.median)} {figure.unit} | "
            f"{_range(s.q1, s.q3, s)} | {_range(s.low, s.high, s)} |"
        )
    return "\n".join([*rows, ""])


def _absolute(figures: list[Figure]) -> str:
    """What was divided: medians as they were, in ms or events per second."""
    rows = ["## What was divided", "", "Medians of whole processes.", "", "| | of what | median |"]
    rows.append("|---|---|---:|")
    seen = set()
    for figure in figures:
        unit = "ms" if figure.line in (1, 6) or figure.key.startswith(IN_MS) else ""
        for name, values in figure.series.items():
            row = f"| {LINES[figure.line]} | {name} | {number(spread(values).median)} {unit} |"
            if row not in seen:
                seen.add(row)
                rows.append(row)
    return "\n".join(
        [*rows, "", "Without a unit: events per second, unless it says otherwise.", ""]
    )


def _machine(results: dict[str, Any]) -> str:
    rows = ["## Measured on", "", "| | |", "|---|---|"]
    rows += [f"| {key} | {value} |" for key, value in results["machine"].items()]
    s = spread(results["sync_ms"])
    rows.append(f"| a sync of a small file | {number(s.median)} ms ({_range(s.low, s.high, s)}) |")
    if results["missing"]:
        rows.append(f"| could not be installed | {', '.join(results['missing'])} |")
    rows.append(f"| how long it took | {results['seconds']:,} s, {results['size']} |")
    return "\n".join([*rows, ""])


def _bar(figure: Figure) -> chart.Bar | None:
    """The figure as a share of its goal, so that more is better; None where that says nothing."""
    goal, s = figure.goal, figure.spread
    if not goal or s.low <= 0:
        return None
    shares = [goal / x if figure.better == "less" else x / goal for x in (s.low, s.median, s.high)]
    low, share, high = sorted(shares)
    return chart.Bar(figure.title, low, share, high, f"{number(s.median)} {figure.unit}")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    write(where, json.loads((where / "performance.json").read_text(encoding="utf-8")))
