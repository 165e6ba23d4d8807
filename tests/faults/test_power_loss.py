"""H2: no state that a power cut may leave has lost, torn or doubled what was acknowledged."""

from __future__ import annotations

import pytest

from tests.faults import replay

SEED = 20_261_124
SHARE = {
    "publishing": 1.0,
    "running": 0.15,
    "redriving": 0.2,
    "tidying": 0.05,
}  # of crash points, elsewhere 3 %
IN_FULL = 8


@pytest.mark.row(53)
@pytest.mark.slow
@pytest.mark.parametrize("story", replay.STORIES)
def test_a_power_cut_loses_nothing_that_was_acknowledged(story, library, folder):
    """Every crash point (here a seeded share), both models, data lost, halved, zeroed or whole."""
    recording = replay.record(story, library, folder / "recorded")
    finisher = replay.Finisher(library, folder / "finished")
    points = SHARE.get(story, 0.03)
    first = replay.replay(recording, SEED, points=points)
    share = IN_FULL / max(first.states, 1)
    second = replay.replay(recording, SEED, points=points, full=finisher, share=share)
    finisher.close()
    print(f"seed {SEED}, {story}: {second}")

    assert first.wrong[:5] == []
    assert second.wrong[:5] == []
    assert second.states > 100


@pytest.mark.slow
@pytest.mark.parametrize("mutant", replay.MUTANTS)
def test_a_program_that_leaves_out_a_sync_is_caught(mutant, library, folder):
    """The same judge finds a loss in each of six mutants: it can fail."""
    for story in ("publishing", "running"):
        bit = replay.MUTANTS[mutant]
        recording = replay.record(story, library, folder / story.replace(" ", "-"), mutant=bit)
        found = replay.replay(recording, SEED, enough=1).wrong
        if found:
            break

    assert found
