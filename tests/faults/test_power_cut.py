"""H3: a real file system is shut down in the middle of the work; nothing acknowledged is lost."""

from __future__ import annotations

import pytest

from tests.faults import cut

SEED = 20_261_124
CUTS = 6


def able(kind: str) -> None:
    """Skip, visibly, where this machine cannot cut the power."""
    reason = cut.why_not(kind)
    if reason:
        pytest.skip(f"SKIPPED HARNESS: {reason}")


@pytest.mark.row(53)
@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_real_power_cut_loses_nothing_that_was_acknowledged(kind, folder):
    """After each cut everything acknowledged is there once, and runs to its end."""
    able(kind)
    result = cut.series(kind, folder, cuts=CUTS, seed=SEED)
    print(f"seed {SEED}: {result}")

    assert (result.lost, result.stuck, result.unexecuted) == ([], [], [])
    assert result.strange == []
    assert result.cuts == CUTS
    assert result.acknowledged > 2 * CUTS


@pytest.mark.root
@pytest.mark.slow
def test_without_real_syncs_the_same_cuts_do_lose_events(folder):
    """The negative control: under libeatmydata fsync does nothing, and the harness must see it."""
    able("ext4")
    library = cut.eatmydata()
    if library is None:
        pytest.skip("SKIPPED HARNESS: libeatmydata is not installed")
    result = cut.series("ext4", folder, cuts=3, seed=SEED, preload=library)
    print(f"seed {SEED}: {result}")

    assert result.acknowledged > 0
    assert result.lost
