"""H2: no state that a power cut may leave has lost, torn or doubled what was acknowledged."""

from __future__ import annotations

import os

import pytest

from tests.faults import replay

SEED = 20_261_124
SHARE = {
    "publishing": 1.0,
    "running": 0.15,
    "marking": 0.15,
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


@pytest.mark.rule(10)
@pytest.mark.slow
@pytest.mark.parametrize("story", ["chosen ids", "running", "rescuing"])
def test_a_lock_is_never_truncated_and_never_removed_while_it_may_be_held(story, library, folder):
    """By whatever any command does: a waiter could hold a lock on a file without a name."""
    recording = replay.record(story, library, folder / "recorded")
    locks = ("ids/lock", "running/", "tmp/")  # a runner's are made, taken and removed in tmp/
    touched = [
        one
        for one in recording.records
        if one.path.startswith(locks) and one.path.endswith(("/lock", "/workers"))
    ]

    assert len(touched) > 3
    for one in touched:
        in_tmp = {"write", "unlink"} if one.path.startswith("tmp/") else set()
        assert one.op in {"open", "create", "close", "fchmod", "read", "flock"} | in_tmp, one
        assert not one.flags & os.O_TRUNC, one


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
