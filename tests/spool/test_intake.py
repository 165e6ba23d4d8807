"""Runners that share a spool claim every event once, and do not race for each."""

import time
from pathlib import Path

import pytest

from ampt_cli import buckets, instants, intake, layout, publication, spool
from ampt_cli.fsio import Disk
from ampt_cli.known import RACY

NOW = 1_795_515_300_000


@pytest.fixture
def disk(disk: Disk) -> Disk:
    """A spool in which 500 events are due."""
    for number in range(500):
        publication.publish(disk, publication.draft("user.joined", number, None, NOW))
    for runner in ("one", "two"):
        disk.make_folder(f"running/{runner}")
    return disk


def open_intake(disk: Disk, runner: str) -> intake.Intake:
    """What the runner of this name claims with."""
    made = intake.Intake(disk, lambda: NOW + 1, ())
    made.runner = runner
    return made


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The claims that were tried for in vain."""
    tries: list[object] = []

    def counting(*args: object) -> object:
        claim = claimed(*args)  # type: ignore[arg-type]
        if claim is None:
            tries.append(args)
        return claim

    claimed = spool.claim
    monkeypatch.setattr(spool, "claim", counting)
    return tries


def test_two_runners_claim_everything_once(disk: Disk, tmp_path: Path, lost: list[object]) -> None:
    """By turns, each meets the other; passing over a few loses none and saves most races."""
    runners = [open_intake(disk, name) for name in ("one", "two")]
    ids = []
    while claims := [claim for runner in runners if (claim := runner.claim()) is not None]:
        ids += [claim.id for claim in claims]

    assert len(ids) == len(set(ids)) == 500
    assert all(runner.exhausted for runner in runners)
    assert len(lost) < 250


def test_who_comes_late_does_not_try_everything(
    disk: Disk, tmp_path: Path, lost: list[object]
) -> None:
    """What was listed, and claimed by another before we came to it, is passed over by leaps."""
    early, late = (open_intake(disk, name) for name in ("one", "two"))
    assert late.peek()
    claims = [early.claim() for _ in range(450)]
    rest = []
    while (claim := late.claim()) is not None:
        rest.append(claim.id)

    assert None not in claims
    assert len(set(rest)) == 50
    assert len(lost) < 100


def test_a_second_entry_of_what_is_claimed_is_tried_once(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored backup may leave many; the runner passes over them, and is not kept busy."""
    runner = open_intake(disk, "one")
    claims = iter(runner.claim, None)
    for claim in list(claims):
        assert claim is not None
        buckets.make(disk, layout.released(claim).folder)
        disk.link(claim.path, layout.released(claim).path)
    tries: list[str] = []

    def counting(disk: Disk, entry: layout.Entry, name: str) -> layout.Entry | None:
        assert entry.file not in tries
        tries.append(entry.file)
        return claimed(disk, entry, name)

    claimed = spool.claim
    monkeypatch.setattr(spool, "claim", counting)
    runner.rescan()

    assert runner.claim() is None
    assert len(tries) == 500


def test_of_buckets_that_are_gone_nothing_is_known(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that stays for years meets a new one each hour, and kept a note of each."""
    runner = open_intake(disk, "one")
    claims = iter(runner.claim, None)
    [bucket] = {layout.released(claim).folder for claim in claims}
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: time.time_ns() + 2 * RACY)
    runner.rescan()
    assert runner.claim() is None
    assert runner.known is not None
    noted = list(runner.known.buckets)
    runner.forget()
    kept = list(runner.known.buckets)
    buckets.remove(disk, bucket)
    runner.rescan()
    runner.forget()

    assert noted == kept == [bucket]
    assert (runner.known.buckets, runner.known.folders) == ({}, {})


@pytest.mark.parametrize("network", [False, True])
def test_of_a_network_file_system_nothing_is_known(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    """What another machine publishes may show in a folder's status a minute later."""
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: time.time_ns() + 2 * RACY)
    read: list[str] = []

    def listed(_: Disk, folder: str) -> list[str]:
        read.append(folder)
        return []

    made = intake.Intake(disk, lambda: NOW - instants.DAY, (), network=network)
    monkeypatch.setattr(Disk, "list", listed)
    made.rescan()
    made.forget()

    assert read == (["pending", "retry"] if network else [])
