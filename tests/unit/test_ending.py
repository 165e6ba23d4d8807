"""How a worker ended, and whose fault that is."""

from signal import SIGABRT, SIGKILL, SIGRTMAX, SIGSEGV, SIGTERM, SIGTRAP

import pytest

from ampt_cli.ending import KILLED_HINT, TIMEOUT, Ending

OURS = "hung outside of a handler"


@pytest.mark.parametrize(
    ("status", "killed_for", "itself", "others"),
    [
        (0, "", True, False),
        (70, "", True, False),
        (-SIGSEGV, "", True, False),
        (-SIGABRT, "", True, False),
        (-SIGTRAP, "", True, False),
        (-SIGKILL, "", False, True),
        (-SIGTERM, "", False, True),
        (-SIGKILL, OURS, False, False),
        (-SIGSEGV, TIMEOUT, False, False),
        (0, TIMEOUT, False, False),
    ],
)
def test_a_worker_ends_by_itself_by_its_supervisor_or_by_others(
    status: int, killed_for: str, itself: bool, others: bool
) -> None:
    """A crash is its own; what its supervisor wanted to kill is nobody else's, however it ended."""
    ending = Ending(status, killed_for)

    assert (ending.by_itself(), ending.by_others()) == (itself, others)


@pytest.mark.parametrize(
    ("status", "killed_for", "why"),
    [
        (0, "", "exited with status 0 without a result"),
        (-SIGSEGV, "", "was killed by signal 11 (SIGSEGV)"),
        (-(SIGRTMAX - 1), "", f"was killed by signal {SIGRTMAX - 1}"),
        (-SIGKILL, TIMEOUT, "was killed by signal 9 (SIGKILL)"),
        (-SIGKILL, OURS, OURS),
    ],
)
def test_a_record_says_how_a_worker_ended_or_else_why(
    status: int, killed_for: str, why: str
) -> None:
    """Each goes after "the worker"; a signal that has no name is told by its number."""
    assert Ending(status, killed_for).why() == why


@pytest.mark.parametrize(
    ("status", "killed_for", "refused"),
    [
        (3, "", {"error": "the worker exited with status 3 without a result", "status": 78}),
        (-SIGSEGV, "", {"error": "the worker was killed by signal 11 (SIGSEGV)", "status": 78}),
        (-SIGTERM, "", {"error": "the worker was killed by signal 15 (SIGTERM)", "status": 75}),
        (
            -SIGKILL,
            "",
            {
                "error": "the worker was killed by signal 9 (SIGKILL)",
                "status": 75,
                "hint": KILLED_HINT,
            },
        ),
        (-SIGKILL, OURS, {"error": f"the worker {OURS}", "status": 78}),
    ],
)
def test_handlers_are_at_fault_unless_others_have_killed_the_worker(
    status: int, killed_for: str, refused: dict[str, object]
) -> None:
    """78 asks somebody to change them, 75 to try again; want of memory is thought of for SIGKILL."""
    assert Ending(status, killed_for).refusal() == refused
