"""A worker as its supervisor sees it, without one: what it reports, and how it ends, is made up."""

import os
import signal
from collections import deque
from collections.abc import Iterator
from functools import partial
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ampt_cli import deadline, jsontext
from ampt_cli.deadline import SOFT_SIGNAL
from ampt_cli.ending import TIMEOUT
from ampt_cli.frames import SUCCEEDED, Incoming, frame
from ampt_cli.marks import RECORD
from ampt_cli.slot import FALSE_STARTS, SOON, Slot
from ampt_cli.supervisor import Supervisor

PID = 2**30  # nobody's


@pytest.fixture
def slot() -> Iterator[Slot]:
    """It serves, and has nothing to do."""
    made = Slot(0, deadline.boards(1)[0], cast("Any", SimpleNamespace()))
    made.ready, made.leaving, made.killed_for, made.status = True, False, "", 0
    made.signalled, made.since = 0.0, monotonic()
    made.queue_r, made.queue_w = os.pipe()
    os.set_blocking(made.queue_r, False)
    yield made
    os.close(made.queue_r)
    os.close(made.queue_w)


def test_what_succeeded_in_one_event_is_not_said_of_the_next(slot: Slot) -> None:
    """The next attempt would leave out a handler that has not succeeded."""
    slot.waiting.extend([1, 2, 3])
    slot.progress.append("shop.first")
    slot.done(b"1")
    _, _, told, _ = slot.death(2, b"", [])
    slot.progress.append("shop.second")
    _, _, died, _ = slot.death(2, b"", [])
    _, _, then, _ = slot.death(3, b"", [])

    kept = [jsontext.loads(report.decode())["succeeded"] for report in (told, died, then)]
    assert kept == [[], ["shop.second"], []]


def test_the_time_of_an_event_begins_when_an_idle_worker_is_given_it(slot: Slot) -> None:
    """Not with the report before it: after an hour without events each seemed to take an hour."""
    long_ago = slot.since = monotonic() - 3600
    slot.submit([(1, "first")])
    given = slot.since
    slot.submit([(2, "second")])

    assert given > long_ago + 3599
    assert slot.since == given


def test_workers_that_end_at_once_are_replaced_so_often_in_a_row_and_no_more(slot: Slot) -> None:
    """One that has lasted, or has run something, begins the count anew."""
    tried = [slot.may_try_again() for _ in range(FALSE_STARTS - 1)]
    slot.since -= SOON + 1
    tried.append(slot.may_try_again())
    slot.since = monotonic()
    tried += [slot.may_try_again() for _ in range(FALSE_STARTS - 1)]

    assert all(tried)
    assert not slot.may_try_again()


def test_handlers_that_end_their_workers_at_once_end_no_run(slot: Slot) -> None:
    """Each is its own attempt's failure, however many there are."""
    slot.board[deadline.RUNNING] = 7
    slot.status = -signal.SIGSEGV

    assert all(slot.may_try_again() for _ in range(FALSE_STARTS * 2))


@pytest.mark.parametrize("told", [True, False])
def test_a_program_that_dies_of_being_told_was_over_its_time(
    slot: Slot, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """If it was told of this deadline; of an earlier one says nothing about it."""
    slot.pid, slot.board[deadline.DEADLINE] = PID, 20.0
    slot.signalled = 20.0 if told else 10.0
    monkeypatch.setattr(os, "waitpid", lambda pid, _: (pid, int(SOFT_SIGNAL)))

    assert slot.reaped()
    assert slot.killed_for == (TIMEOUT if told else "")


def test_a_worker_that_has_no_group_of_its_own_yet_is_killed(
    slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was forked just now, and its group is that of the runner still."""
    killed: list[int] = []

    def no_group(pid: int, _: int) -> None:
        raise ProcessLookupError(pid)

    monkeypatch.setattr(os, "killpg", no_group)
    monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))
    slot.pid = PID
    slot.kill("the runner stops")

    assert killed == [PID]


def test_of_what_a_dead_worker_had_only_what_it_had_begun_is_reported(
    slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is taken back, also what it had read: no handler of that was called."""
    slot.submit([(3, "begun"), (4, "read"), (5, "queued")])
    os.read(slot.queue_r, 2 * RECORD)
    slot.board[deadline.RUNNING] = 3
    slot.result_r, slot.capture = (
        -1,
        cast("Any", SimpleNamespace(fd=-1, rest=lambda: b"last words")),
    )
    monkeypatch.setattr(slot, "close", lambda _: None)
    runner: Any = SimpleNamespace(
        _heard={},
        _forget=lambda _: None,
        _pids=set,
        _reports=[],
        spare=[],
        declared={},
        failure=OSError(),
    )
    Supervisor._bury(runner, slot)

    assert runner.spare == [5, 4]
    assert [(seq, output) for _, seq, _, output in runner._reports] == [(3, b"last words")]
    assert slot.waiting == deque()


def test_nothing_is_heard_of_a_worker_after_what_it_cannot_have_said(
    slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler wrote into its pipe; what else stands there may be of its making too."""
    slot.result_r, told = os.pipe()
    slot.incoming = Incoming()
    slot.waiting.append(1)
    monkeypatch.setattr(slot, "kill", lambda why: setattr(slot, "killed_for", why))
    forgotten: list[int] = []
    runner: Any = SimpleNamespace(_reports=[], _forget=forgotten.append)
    runner._take_in = partial(Supervisor._take_in, runner)
    try:
        os.write(told, frame(SUCCEEDED, b"2\n{}") + frame(SUCCEEDED, b"1\n{}"))
        Supervisor._hear_frames(runner, slot)
    finally:
        os.close(told)
        os.close(slot.result_r)

    assert slot.killed_for
    assert (slot.drained, forgotten, runner._reports) == (True, [slot.result_r], [])
