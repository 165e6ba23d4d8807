"""How long a worker may take: a clock that is handed in, and a worker that only notes."""

import os
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampt_cli import overtime
from ampt_cli.deadline import SOFT_SIGNAL
from ampt_cli.ending import TIMEOUT
from ampt_cli.overtime import GRACE, IMPORT_TIMEOUT, LISTEN_AFTER, SILENCE, STOLEN_AFTER

NOW = 1000.0  # monotonic s
SHORTEST = 3.0  # s that a handler is allowed, at least
PID = 2**30  # nobody's


def worker(**state: Any) -> Any:
    """A worker that serves, has one event, and began it just now, but for what `state` says."""
    slot = SimpleNamespace(
        pid=PID,
        ready=True,
        leaving=False,
        waiting=[1],
        deadline=0.0,
        signalled=0.0,
        since=NOW,
        silent=0.0,
        killed_for="",
        pace=0.001,
        done=[],
    )
    vars(slot).update(state)
    slot.kill = slot.done.append
    slot.take_back = lambda: [slot.waiting.pop() for _ in slot.waiting[1:]]
    return slot


def enforced(slot: Any, now: float) -> list[Any]:
    """What is done to it at `now`: the signals, the reasons for a kill, the events taken back."""
    slot.done.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "kill", lambda pid, number: slot.done.append((pid, number)))
        taken = overtime.enforce(slot, now)
    return [*slot.done, *taken]


def patience(slot: Any, now: float = NOW, *, heard: bool = True) -> float:
    """How long it may be left alone."""
    return overtime.patience(slot, now, shortest=SHORTEST, heard=heard)


@pytest.mark.parametrize("ready", [True, False], ids=["handler", "import"])
def test_the_end_of_a_worker_that_was_killed_is_waited_for_without_haste(ready: bool) -> None:
    """The kernel may take long over it; the runner asked after it without a pause, all the while."""
    over = NOW - 3600
    slot = worker(killed_for=TIMEOUT, ready=ready, since=over, deadline=over, signalled=over)

    assert patience(slot) == inf


@pytest.mark.parametrize("ready", [True, False], ids=["serving", "importing"])
def test_nobody_waits_for_a_worker_that_has_ended_and_has_no_successor(ready: bool) -> None:
    """Others may have a minute left of what they run; the runner looked without a pause."""
    slot = worker(pid=0, ready=ready, since=NOW - IMPORT_TIMEOUT - 1, waiting=[])

    assert patience(slot) == inf
    assert enforced(slot, NOW) == []


def test_a_worker_without_an_event_is_left_alone() -> None:
    """Nothing of it can be over."""
    assert patience(worker(waiting=[])) == inf


def test_a_worker_that_may_have_begun_a_handler_is_looked_at_before_any_can_be_over() -> None:
    """It shows a deadline without waking anybody."""
    assert patience(worker()) == SHORTEST


def test_output_that_nobody_drains_is_thought_of_soon() -> None:
    """A handler that prints much would wait for room."""
    assert patience(worker(waiting=[1, 2]), heard=False) == LISTEN_AFTER


def test_a_deadline_that_is_near_is_not_slept_over() -> None:
    """Whatever else is waited for."""
    near = worker(waiting=[1, 2], deadline=NOW + 0.001)

    assert patience(near, heard=False) == pytest.approx(0.001)
    assert patience(near, heard=True) == pytest.approx(0.001)


def test_what_waits_behind_a_slow_event_is_taken_back() -> None:
    """Then it gets one event at a time; one that waits behind nothing is left."""
    slot = worker(waiting=[1, 2, 3])

    assert patience(slot) == STOLEN_AFTER
    assert enforced(slot, NOW + STOLEN_AFTER) == []
    assert enforced(slot, NOW + STOLEN_AFTER + 0.01) == [3, 2]
    assert slot.pace == STOLEN_AFTER
    assert enforced(slot, NOW + 1) == []
    assert patience(slot) == SHORTEST


def test_the_slowest_pace_is_kept() -> None:
    """What is taken back says that it is slow, not how slow."""
    slot = worker(waiting=[1, 2], pace=7.0)
    enforced(slot, NOW + 1)

    assert slot.pace == 7.0


def test_a_handler_is_told_once_that_its_time_is_over_and_killed_after_the_grace() -> None:
    """Not before either, and the next deadline is told of anew."""
    limit = NOW + 5
    slot = worker(deadline=limit)

    assert enforced(slot, limit - 0.01) == []
    assert enforced(slot, limit) == [(PID, SOFT_SIGNAL)]
    assert enforced(slot, limit + GRACE - 0.01) == []
    assert enforced(slot, limit + GRACE) == [TIMEOUT]
    slot.deadline += 1
    assert enforced(slot, slot.deadline) == [(PID, SOFT_SIGNAL)]


def test_a_deadline_that_no_event_is_left_for_ends_nobody() -> None:
    """Its event was reported between two looks at the board."""
    assert enforced(worker(waiting=[], deadline=NOW), NOW + 10) == []


def test_an_import_may_take_so_long_and_no_longer() -> None:
    """It says nothing meanwhile, and need not."""
    slot = worker(ready=False, waiting=[], leaving=True)

    assert enforced(slot, NOW) == enforced(slot, NOW + SILENCE + 1) == []
    assert enforced(slot, NOW + IMPORT_TIMEOUT) == []
    assert enforced(slot, NOW + IMPORT_TIMEOUT + 0.01) == [
        "was ended, for importing the handlers took more than 60 s"
    ]


@pytest.mark.parametrize("leaving", [True, False], ids=["leaving", "between handlers"])
def test_silence_is_counted_from_the_last_sign_of_life(leaving: bool) -> None:
    """A report, or a handler that runs, begins it anew."""
    slot = worker(leaving=leaving, waiting=[] if leaving else [1])
    later = NOW + SILENCE

    assert enforced(slot, NOW) == []
    assert enforced(slot, later) == []
    slot.since = later
    assert enforced(slot, later + 1) == []
    assert enforced(slot, later + SILENCE) == []
    slot.deadline = later + 3600
    assert enforced(slot, later + SILENCE + 2) == []
    slot.deadline = 0.0
    assert enforced(slot, later + SILENCE + 3) == []
    assert enforced(slot, later + SILENCE * 2 + 3) == []
    assert enforced(slot, later + SILENCE * 2 + 3.01) == ["hung outside of a handler"]


def test_a_worker_with_nothing_to_do_may_be_silent() -> None:
    """For as long as nothing falls due; and it is not taken for a slow one."""
    slot = worker(waiting=[])

    assert [enforced(slot, NOW + hour * 3600) for hour in range(3)] == [[]] * 3
    assert slot.pace < STOLEN_AFTER


@given(
    since=st.floats(NOW - 70, NOW),
    deadline=st.just(0.0) | st.floats(NOW - 2, NOW + 70),
    told=st.booleans(),
    ready=st.booleans(),
)
def test_whoever_waits_as_long_as_he_may_finds_what_is_over(
    since: float, deadline: float, told: bool, ready: bool
) -> None:
    """And within a look or two: the deadline and its end are not a moment too early."""
    slot = worker(since=since, deadline=deadline, signalled=deadline if told else 0.0, ready=ready)
    over = since + IMPORT_TIMEOUT if not ready else deadline + (GRACE if told else 0)
    then = NOW + max(patience(slot), 0.0)

    if ready and not deadline:
        assert then == NOW + SHORTEST
    else:
        assert then == pytest.approx(max(over, NOW))
        assert enforced(slot, then + 0.001) != []
