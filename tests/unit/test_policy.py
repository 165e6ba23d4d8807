"""The verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampt_cli import instants, policy, record
from ampt_cli.layout import DEAD, MAX_ATTEMPT, RETRY
from ampt_cli.policy import Retries, Wish
from ampt_cli.record import FAILED, INTERRUPTED, SUCCEEDED, History

DAY14 = 14 * instants.DAY


def test_a_failing_event_is_dead_after_fourteen_days() -> None:
    """Every six minutes: 3,360 retries after the first attempt, then dead."""
    now, history, attempt = 1_000, History(), 0
    while True:
        attempt += 1
        verdict = policy.decide(FAILED, attempt=attempt, start=now, now=now, history=history)
        if verdict.state == DEAD:
            break
        now, history = verdict.next, verdict.history

    assert attempt == 3_361
    assert now == 1_000 + DAY14


@pytest.mark.row(79)
def test_no_clock_alone_buries_an_event() -> None:
    """A jump of a year during the first attempt: it is tried again at least three times."""
    late, history, states = 365 * instants.DAY, History(first=0, failures=0), []
    for attempt in range(1, 5):
        verdict = policy.decide(FAILED, attempt=attempt, start=late, now=late, history=history)
        history = verdict.history
        states.append(verdict.state)

    assert states == [RETRY, RETRY, RETRY, DEAD]


def test_the_third_interruption_in_a_row_counts_as_a_failure() -> None:
    """The first two are due again at once."""
    one = policy.decide(INTERRUPTED, attempt=1, start=0, now=5)
    two = policy.decide(INTERRUPTED, attempt=2, start=5, now=6, history=one.history)
    three = policy.decide(INTERRUPTED, attempt=3, start=6, now=7, history=two.history)

    assert (one.next, two.next, three.next) == (5, 6, 7 + 6 * instants.MINUTE)
    assert three.history.failures == 1


def test_a_failure_ends_a_row_of_interruptions() -> None:
    """Two more in a row are due again at once: only three without a failure between are one."""
    history = History(first=0, interruptions=2)
    failed = policy.decide(FAILED, attempt=3, start=0, now=0, history=history)
    one = policy.decide(INTERRUPTED, attempt=4, start=1, now=1, history=failed.history)
    two = policy.decide(INTERRUPTED, attempt=5, start=2, now=2, history=one.history)

    assert (one.next, two.next) == (1, 2)
    assert two.history.failures == 1


@pytest.mark.parametrize("outcome", [FAILED, INTERRUPTED])
def test_what_no_file_name_could_count_is_dead(outcome: str) -> None:
    """Attempt 999,999 is the last, whatever became of it."""
    verdicts = [
        policy.decide(outcome, attempt=attempt, start=0, now=0).state
        for attempt in (MAX_ATTEMPT - 1, MAX_ATTEMPT)
    ]

    assert verdicts == [RETRY, DEAD]


@pytest.mark.parametrize("outcome", [FAILED, INTERRUPTED])
def test_what_no_file_could_hold_is_dead(outcome: str) -> None:
    """However soon: the records of the attempts that follow would make it a damaged one."""
    verdict = policy.decide(outcome, attempt=1, start=0, now=0, full=True, wish=Wish(later=99))

    assert verdict.state == DEAD


def test_wishes_are_granted() -> None:
    """GiveUp buries; RetryLater picks the time."""
    given_up = policy.decide(FAILED, attempt=1, start=0, now=0, wish=Wish(give_up=True))
    later = policy.decide(FAILED, attempt=1, start=0, now=0, wish=Wish(later=99))

    assert (given_up.state, later.next) == (DEAD, 99)


@pytest.mark.parametrize(
    ("now", "later", "state", "following"),
    [
        (DAY14, DAY14 + instants.DAY, RETRY, DAY14 + instants.DAY),
        (DAY14 + 1, DAY14 + 2, DEAD, DAY14 + 1),
        (instants.DAY, instants.HOUR, RETRY, instants.DAY),
    ],
    ids=["to after the window", "asked after the window", "to a time that is past"],
)
def test_a_wish_for_later_is_judged_by_when_it_is_made(
    now: int, later: int, state: str, following: int
) -> None:
    """Within the window it is granted, however far; and nothing is due before now."""
    history = History(first=0, failures=9)
    verdict = policy.decide(
        FAILED, attempt=10, start=now, now=now, history=history, wish=Wish(later=later)
    )

    assert (verdict.state, verdict.next) == (state, following)


def test_retry_settings_of_a_name_are_used() -> None:
    """Every second, for ten seconds."""
    verdict = policy.decide(FAILED, attempt=1, start=0, now=0, retries=Retries(1_000, 10_000))

    assert verdict.next == 1_000


def test_retries_are_as_documented_but_for_what_is_configured() -> None:
    """Each for itself."""
    assert policy.retries_of({}) == Retries(6 * instants.MINUTE, DAY14)
    assert policy.retries_of({"retry_every": 1}) == Retries(1, DAY14)
    assert policy.retries_of({"retry_for": 0}) == Retries(6 * instants.MINUTE, 0)


US = st.integers(0, 10**9)


@given(st.integers(1, 10**6), st.integers(0, instants.LAST), US, st.lists(st.tuples(st.text(), US)))
def test_a_success_is_noted_as_any_record_is(
    attempt: int, start: int, us: int, called: list[tuple[str, int]]
) -> None:
    """The short way writes what the long one writes, byte for byte."""
    reports = [{"handler": key, "outcome": SUCCEEDED, "ms": took / 1000} for key, took in called]
    made = {"attempt": attempt, "start": start, "ms": us / 1000, "outcome": SUCCEEDED}

    assert record.success(attempt, start, us, reports) == record.line(made | {"handlers": reports})


def test_the_last_record_that_says_so_is_what_counts() -> None:
    """A redrive opens a new window; torn and damaged lines are passed over."""
    failed = record.line({"attempt": 1, "first": 7, "failures": 2, "succeeded": ["h"]}).strip()
    redriven = record.line(record.deed("redriven", 9)).strip()

    assert record.latest([failed, b"{torn"]) == History(7, 2, 0, ("h",))
    assert record.latest([failed, redriven]) == History()
