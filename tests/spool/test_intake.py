"""Runners that share a spool claim every event once, and do not race for each."""

from pathlib import Path

import pytest

from ampt_cli import intake, place, publication, spool
from ampt_cli.fsio import Disk

NOW = 1_795_515_300_000


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A spool in which 500 events are due."""
    disk = place.open_disk(str(tmp_path / "spool"), create=True)
    for number in range(500):
        publication.publish(disk, publication.draft("user.joined", number, None, NOW))
    for runner in ("one", "two"):
        disk.make_folder(f"running/{runner}")
    return disk


def open_intake(disk: Disk, base: Path, runner: str) -> intake.Intake:
    """What the runner of this name claims with."""
    made = intake.Intake(disk, str(base), lambda: NOW + 1, ())
    made.runner = runner
    return made


def test_two_runners_claim_everything_once(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By turns, each meets the other; passing over a few loses none and saves most races."""
    lost = 0

    def counting(*args: object) -> object:
        nonlocal lost
        claim = claimed(*args)  # type: ignore[arg-type]
        lost += claim is None
        return claim

    claimed = spool.claim
    monkeypatch.setattr(spool, "claim", counting)
    runners = [open_intake(disk, tmp_path / "spool", name) for name in ("one", "two")]
    ids = []
    while claims := [claim for runner in runners if (claim := runner.claim()) is not None]:
        ids += [claim.id for claim in claims]

    assert len(ids) == len(set(ids)) == 500
    assert all(runner.exhausted for runner in runners)
    assert lost < 250
