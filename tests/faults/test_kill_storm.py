"""H4: publishers, runners and workers are killed and stopped at random; nothing is lost or doubled."""

from __future__ import annotations

import pytest

from tests.faults import shim as shims
from tests.faults.program import Program
from tests.faults.shim import Shim
from tests.faults.storm import KILLED, Outcome, Plan, Storm, breaking

SEED = 20_261_124


def storm(library, folder, plan: Plan, seed: int = SEED) -> Outcome:
    program = Program(folder / "work")
    shim = Shim(library, folder / "state", program.spool)
    outcome = Storm(program, shim, plan, seed).run()
    shim.close()
    print(f"seed {seed}: {outcome}")
    return outcome


@pytest.mark.slow
def test_without_faults_every_event_is_executed_once(library, folder):
    """Several runners share the work, and no event runs twice."""
    outcome = storm(library, folder, Plan(publishers=4, events=12, seats=3, faults=False))

    assert outcome.acknowledged == outcome.executed - 1 == 48
    assert (outcome.duplicates, outcome.overlapped, outcome.lost, outcome.stuck) == (0, [], [], [])
    assert outcome.strange == []


@pytest.mark.row(49)
@pytest.mark.row(52)
@pytest.mark.row(72)
@pytest.mark.slow
def test_kills_lose_nothing_and_never_overlap(library, folder):
    """SIGKILL, SIGSTOP and SIGTERM of everybody, and clock moves: at least once, never at once."""
    plan = Plan(publishers=8, events=16, seats=3, pause=0.12, ticks=10, sure=3)
    outcome = storm(library, folder, plan)

    assert (outcome.lost, outcome.stuck, outcome.phantom) == ([], [], [])
    assert outcome.overlapped == []
    assert outcome.strange == []
    assert outcome.duplicates <= outcome.bound
    assert outcome.faults[KILLED] >= plan.sure


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "sign"),
    [
        (shims.LOCKS_FREE, lambda o: o.overlapped or o.duplicates > o.bound),
        (shims.LOCKS_TAKEN, lambda o: o.stuck),
        (shims.EARLY_DELETE, lambda o: o.lost),
    ],
    ids=["claims of the living are stolen", "the dead are never rescued", "deleted before handled"],
)
def test_a_runner_that_breaks_a_rule_is_caught(library, folder, mutant, sign):
    """The same count finds each of three mutants: it can fail."""
    for number in range(3):  # a thief needs somebody to rob, which is left to chance
        outcome = storm(library, folder / str(number), breaking(mutant), SEED + number)
        if sign(outcome):
            break

    assert sign(outcome), outcome
