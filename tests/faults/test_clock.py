"""Clocks that jump: late or early by the jump, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.faults import tree
from tests.faults.program import Program
from tests.faults.shim import Shim

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def clock(library: Path, folder: Path, program: Program) -> Iterator[Shim]:
    """Moves the wall clock of every `ampt` of this test."""
    shim = Shim(library, folder / "state", program.spool)
    program.env = shim.env(program.env)
    yield shim
    shim.close()


def wait(seen, seconds: float = 15) -> None:
    """Until something can be seen."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, "not seen"
        time.sleep(0.01)


@pytest.mark.row(27)
def test_a_clock_that_goes_back_makes_events_late_by_no_more_than_that(program, clock):
    """Under a runner that stays; no event is run twice, and no id is used twice."""
    program.publish("works", "--id", "early")
    runner = program.start("run", "--watch")
    try:
        wait(lambda: len(program.traces()) == 2)
        clock.move_clock(-HOUR)
        ids = [program.publish("works") for _ in range(20)]
        wait(lambda: len(program.traces()) == 42)
        later = program.publish("works", "--after", "1 hour")
        assert program.run("check").status == 0
        clock.move_clock(0)
        wait(lambda: len(program.traces()) == 44)
    finally:
        runner.terminate()
        runner.communicate()

    assert runner.returncode == 0
    assert len({"early", later, *ids}) == 22
    assert {trace.id for trace in program.traces()} == {"early", later, *ids}


@pytest.mark.row(28)
def test_a_clock_that_goes_ahead_and_back_kills_no_event(program, clock):
    """Retries come early; nothing is dead before its third failure."""
    program.publish("fails", "--id", "bad")
    assert program.run("run").status == 0
    clock.move_clock(30 * DAY)
    assert program.run("run").status == 0
    [entry] = tree.snapshot(program.spool).states()["bad"]
    assert entry == "retry"

    clock.move_clock(0)
    assert program.run("run").status == 0  # not due: it waits until the clock is there again
    [path] = program.spool.glob("*/*/*/*.bad.*")
    assert ".a2." in path.name
    assert program.run("retry", "bad").status == 0
    assert program.run("run").status == 0
    assert tree.snapshot(program.spool).states()["bad"] == ["retry"]
    clock.move_clock(15 * DAY)
    assert program.run("run").status == 0
    assert tree.snapshot(program.spool).states()["bad"] == ["dead"]


@pytest.mark.row(29)
@pytest.mark.parametrize("instant", [60, 2**31 + 10, 2**32 + 10])
def test_a_clock_of_another_age_publishes_and_sorts(program, clock, instant):
    """1970, 2038, 2106."""
    clock.move_clock(instant - int(time.time()))
    published = program.run("publish", "works", "--id", "then")

    assert published.status == 0, published
    program.run("publish", "works", "--id", "sooner", "--after", "1 second")
    [first, second] = sorted(path.name for path in program.spool.glob("pending/*/*/*.json"))
    assert ".then." in first
    assert ".sooner." in second
    assert program.run("run").status == 0
    assert [trace.id for trace in program.traces()] == ["then", "then"]


@pytest.mark.row(30)
@pytest.mark.parametrize(
    ("zone", "instant", "days"),
    [
        ("America/New_York", "2027-03-14T06:30:00+00:00", 31),
        ("America/New_York", "2027-11-07T05:30:00+00:00", 30),
        ("Pacific/Apia", "2011-12-30T09:30:00+00:00", 31),
    ],
    ids=["summer begins", "summer ends", "a day is left out"],
)
def test_what_clocks_on_walls_do_changes_nothing(program, clock, zone, instant, days):
    """Half an hour before it: an hour, a day and a month are those of UTC, and run at their time."""
    program.env["TZ"] = zone
    ahead = int(datetime.fromisoformat(instant).timestamp()) - int(time.time())
    clock.move_clock(ahead)
    told = [
        json.loads(program.run("publish", "works", "--after", after, "--json").out)
        for after in ("1 hour", "1 day", "1 month")
    ]
    assert [one["delay"] for one in told] == [HOUR * 1000, DAY * 1000, days * DAY * 1000]

    begun = []
    for wait_for in (HOUR - 60, HOUR + 60, DAY - 60, DAY + 60, days * DAY - 60, days * DAY + 60):
        clock.move_clock(ahead + wait_for)
        assert program.run("run").status == 0
        begun.append(len([trace for trace in program.traces() if trace.word == "start"]))
    assert begun == [0, 1, 1, 2, 2, 3]


@pytest.mark.row(79)
def test_after_three_weeks_off_everything_is_tried_oldest_first(program, clock):
    """And what fails is tried again three times, although its fourteen days are over."""
    ids = [program.publish("works", "--after", f"{number} minutes") for number in range(1, 40)]
    program.publish("fails", "--id", "bad")
    program.run("run")
    clock.move_clock(21 * DAY)
    assert program.run("run").status == 0

    begun = [trace.id for trace in program.traces() if trace.id != "bad"]
    assert ids == list(dict.fromkeys(begun))
    for hour in range(1, 3):
        assert tree.snapshot(program.spool).states()["bad"] == ["retry"]
        clock.move_clock(21 * DAY + hour * HOUR)
        assert program.run("run").status == 0
    assert tree.snapshot(program.spool).states()["bad"] == ["dead"]
