"""H1: a fault at any disk call of any command is answered as documented, and loses nothing."""

from __future__ import annotations

import pytest

from tests.faults import sweep

SEED = 20_261_124
CASES = 8


@pytest.mark.row(33)
@pytest.mark.row(34)
@pytest.mark.row(35)
@pytest.mark.row(36)
@pytest.mark.row(37)
@pytest.mark.row(38)
@pytest.mark.row(46)
@pytest.mark.row(47)
@pytest.mark.row(49)
@pytest.mark.slow
@pytest.mark.parametrize("scenario", sweep.SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_fault_at_any_call_loses_nothing(scenario, library, folder):
    """A documented status, no traceback, the id only with 0; the next run finishes the work."""
    tally = sweep.sweep_one(scenario, library, folder / "work", seed=SEED, most=CASES)
    print(f"seed {SEED}: {tally}")

    assert tally.wrong == []
    assert tally.calls >= 8
    assert tally.hits >= CASES * 0.6


STOPS = [fault for fault in sweep.FAULTS if fault.name in {"SIGTERM", "SIGINT", "kill before"}]


@pytest.mark.row(46)
@pytest.mark.row(47)
@pytest.mark.slow
@pytest.mark.parametrize("fault", STOPS, ids=lambda fault: fault.name)
def test_a_publish_that_is_stopped_at_any_call_tells_the_truth(fault, library, folder):
    """Each call, no sample: before the commit there is nothing, after it the id."""
    [scenario] = [one for one in sweep.SCENARIOS if one.name == "publish into an old bucket"]
    one = sweep.Sweep(scenario, library, folder / "work")
    ends = [one.hit(case) for case in sweep.cases(one, [fault])]
    one.close()

    assert [wrong for _, _, wrong in ends if wrong] == []
    assert all(happened for _, happened, _ in ends)
    assert len({result.status for result, _, _ in ends}) == (1 if fault.name in sweep.KILLS else 2)
