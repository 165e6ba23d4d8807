"""How an attempt is settled: its record, its verdict, and its move."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from ampt_cli import (
    buckets,
    catalog,
    frames,
    instants,
    layout,
    outcomes,
    publication,
    quarantine,
    record,
    settling,
    spool,
    upkeep,
)
from ampt_cli.fsio import Disk
from ampt_cli.policy import Retries
from ampt_cli.told import Observer, Settings
from ampt_cli.unread import Unread

NOW = 1_800_000_000_000
SUCCESS = record.success(1, NOW, 5_000, [])
FAILURE: record.Record = {
    "attempt": 1,
    "start": NOW,
    "ms": 5,
    "outcome": record.FAILED,
    "handlers": [],
    "error": "no",
}


def claim(disk: Disk) -> layout.Entry:
    """An event that is claimed."""
    made = publication.publish(disk, publication.draft("n", None, None, NOW, "mine"))
    disk.make_folder("running/r")
    claimed = spool.claim(disk, layout.published(made), "r")
    assert claimed is not None
    return claimed


def open_outcomes(disk: Disk) -> outcomes.Outcomes:
    """As of a runner."""
    return outcomes.Outcomes(disk, Settings(""), Observer(), lambda: NOW)


@pytest.mark.parametrize(
    ("lines", "succeeded"),
    [
        ([SUCCESS], True),
        ([record.line(FAILURE)], False),
        ([record.success(2, NOW, 5_000, [])], False),
        ([SUCCESS, record.line(FAILURE)], False),
        ([], False),
    ],
    ids=["success", "failure", "another attempt's", "not the last", "none"],
)
def test_an_attempt_has_succeeded_if_its_own_last_record_says_so(
    disk: Disk, lines: list[bytes], succeeded: bool
) -> None:
    """Or a handler would not be called again that should be, or one that need not be."""
    claimed = claim(disk)
    for line in lines:
        disk.append(claimed.path, line, sync=False)

    assert settling.has_succeeded(disk, claimed) == succeeded


@pytest.mark.parametrize("late", [False, True], ids=["before", "meanwhile"])
def test_a_claim_that_another_has_settled_has_no_verdict(
    disk: Disk, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is read, or once its record is appended."""
    claimed = claim(disk)
    append = Disk.append

    def and_gone(self: Disk, path: str, data: bytes, sync: bool) -> None:
        append(self, path, data, sync)
        disk.remove(claimed.path)

    if late:
        monkeypatch.setattr(Disk, "append", and_gone)
    else:
        disk.remove(claimed.path)

    assert settling.settle_other(disk, claimed, FAILURE, now=NOW, retries=Retries()) is None


def test_the_record_of_what_did_not_succeed_is_synced_and_no_other(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut takes of a success is made once more; a failure must count."""
    synced: list[bool] = []
    append = Disk.append

    def noted(self: Disk, path: str, data: bytes, sync: bool) -> None:
        synced.append(sync)
        append(self, path, data, sync)

    monkeypatch.setattr(Disk, "append", noted)
    settling.settle_success(disk, claim(disk), SUCCESS, NOW)
    settling.settle_other(disk, claim(disk), FAILURE, now=NOW, retries=Retries())

    assert synced == [False, True]


def test_handlers_that_have_succeeded_are_noted_as_they_are_told(disk: Disk) -> None:
    """By who was there, and not only by what the file says of earlier attempts."""
    verdict = settling.settle_other(
        disk, claim(disk), FAILURE, now=NOW, retries=Retries(), succeeded=("m.f",)
    )
    [waits] = catalog.entries(disk)
    last = (Path(disk.path) / waits.path).read_text(encoding="utf-8").splitlines()[-1]

    assert verdict is not None
    assert json.loads(last)["succeeded"] == ["m.f"]


def test_a_claim_is_set_aside_where_its_event_has_another_entry(disk: Disk, tmp_path: Path) -> None:
    """It is a failure of the run, and keeps it from nothing else."""
    claimed = claim(disk)
    done = f"done/{instants.day(NOW)}"
    buckets.make(disk, done)
    shutil.copy(tmp_path / "spool" / claimed.path, tmp_path / "spool" / done / claimed.file)
    settles = open_outcomes(disk)
    settles.settle(claimed, (frames.SUCCEEDED, 0, SUCCESS, b""))
    [held] = quarantine.held(Unread(disk))

    assert held.reason == f"{claimed.path}: {upkeep.TWICE}"
    assert (settles.tally.failed, settles.trouble) == (1, None)


def test_a_record_that_cannot_be_written_is_the_trouble_of_a_run(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event was moved all the same."""
    claimed = claim(disk)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Disk, "append", full)
    settles = open_outcomes(disk)
    settles.settle(claimed, (frames.SUCCEEDED, 0, SUCCESS, b""))

    assert [entry.state for entry in catalog.entries(disk)] == [layout.DONE]
    assert "cannot write the record of done/" in str(settles.trouble)


def test_a_worker_that_dies_once_its_record_is_written_has_succeeded(disk: Disk) -> None:
    """Only its last word is missing."""
    claimed = claim(disk)
    disk.append(claimed.path, SUCCESS, sync=False)
    settles = open_outcomes(disk)
    settles.settle(claimed, (frames.DEATH, 0, b"{}", b""))

    assert [entry.state for entry in catalog.entries(disk)] == [layout.DONE]
    assert settles.tally.counts[record.SUCCEEDED] == 1


def test_a_claim_that_cannot_be_given_back_beside_another_entry_is_set_aside(
    disk: Disk, tmp_path: Path
) -> None:
    """As where it is settled."""
    claimed = claim(disk)
    shutil.copy(
        tmp_path / "spool" / claimed.path, tmp_path / "spool" / layout.released(claimed).path
    )
    releases = open_outcomes(disk)
    releases.release(claimed)

    assert [held.file for held in quarantine.held(Unread(disk))] == [claimed.file]
    assert (releases.tally.failed, releases.trouble) == (1, None)


def test_the_first_trouble_with_the_disk_is_that_of_the_run(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is neither given back nor set aside stays claimed, and counts as nothing."""
    claimed = claim(disk)

    def bad(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Disk, "move", bad)
    settles = open_outcomes(disk)
    settles.release(claimed)
    settles.settle(claimed, (frames.DAMAGED, 0, b"torn", b""))

    assert str(settles.trouble).startswith(f"cannot give back {claimed.path}; ")
    assert settles.tally.failed == 0


def test_where_the_clock_went_back_no_attempt_begins_after_it_ended(
    disk: Disk, tmp_path: Path
) -> None:
    """Of one whose worker died: its start is another's word."""
    told = {"timed_out": False, "itself": True, "why": "died", "start": NOW + 5}
    told |= {"handler": "", "succeeded": []}
    settles = open_outcomes(disk)
    settles.settle(claim(disk), (frames.DEATH, 0, json.dumps(told).encode(), b""))
    [entry] = catalog.entries(disk)
    last = (tmp_path / "spool" / entry.path).read_text(encoding="utf-8").splitlines()[-1]

    assert (json.loads(last)["start"], json.loads(last)["ms"]) == (NOW, 0)
