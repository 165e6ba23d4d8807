"""Events as they are looked at: in which order, and with what around them."""

import os
import shutil
from pathlib import Path

import pytest

from ampt_cli import catalog, layout, lock, publication, spool
from ampt_cli.catalog import Seen
from ampt_cli.commands import looking
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.marks import Marks

NOW = 1_800_000_000_000
MINE, OTHER = "running/20261128T093000000Z-00000001", "running/20261128T093000000Z-00000002"


@pytest.fixture
def disk(disk: Disk) -> Disk:
    """A spool with the folders of two runners of whom nobody lives."""
    for folder in (MINE, OTHER):
        disk.make_folder(folder)
        disk.write_new(f"{folder}/{layout.LOCK}", b"")
    return disk


SOME = [
    Seen(layout.new(state, NOW + after, id_, name, attempt), None, [])
    for id_, state, after, name, attempt in (
        ("a", "retry", 5, "mail", 10),
        ("b", "pending", 4, "sms", 2),
        ("c", "pending", 3, "mail", 10),
        ("d", "retry", 3, "news", 9),
        ("e", "retry", 2, "mail", 9),
        ("f", "pending", 1, "sms", 1),
    )
]


@pytest.mark.parametrize(
    ("sort", "ids"),
    [("due", "fecdba"), ("name", "ecadfb"), ("state", "fcbeda"), ("attempt", "fbedca")],
)
@pytest.mark.parametrize("found", [SOME, SOME[::-1]], ids=["so", "or so"])
def test_what_is_equal_is_in_the_order_in_which_it_is_due(
    sort: str, ids: str, found: list[Seen]
) -> None:
    """Attempts are numbers; and what is due at once is in the order of ids."""
    assert "".join(one.entry.id for one in sorted(found, key=looking.SORTS[sort])) == ids


def test_every_order_is_tried() -> None:
    """A new one has to be."""
    assert set(looking.SORTS) == {"due", "name", "state", "attempt"}


def published(disk: Disk, id: str) -> Entry:
    """An event that is due."""
    return layout.published(
        publication.publish(disk, publication.draft("n", None, None, NOW - 5000, id))
    )


def sentence(disk: Disk, id: str) -> str:
    """What is said of it."""
    return looking.explained(disk, looking.found(disk, id), NOW)


def test_what_waits_is_taken_by_any_runner_that_is_alive(disk: Disk) -> None:
    """What runs only by its own."""
    published(disk, "waits")
    claim = layout.claimed(published(disk, "runs"), MINE.partition("/")[2])
    disk.move(published(disk, "runs").path, claim.path)
    nobody = [sentence(disk, id_) for id_ in ("waits", "runs")]
    held = lock.hold(disk, OTHER)
    other = [sentence(disk, id_) for id_ in ("waits", "runs")]
    its_own = lock.hold(disk, MINE)

    assert ["no runner is alive" in told for told in nobody] == [True, False]
    assert ["the runner that is alive takes it" in told for told in other] == [True, False]
    assert ["is gone" in told for told in (nobody[1], other[1])] == [True, True]
    assert "has claimed it" in sentence(disk, "runs")
    for fd in (held, its_own):
        assert isinstance(fd, int)
        os.close(fd)


def test_a_reason_is_that_of_the_file_that_is_shown(disk: Disk) -> None:
    """One event may be twice in quarantine; the last file of it is meant."""
    _, last = (
        spool.quarantine(disk, published(disk, "twice").path, why, NOW + at)
        for at, why in enumerate(("the first", "the last"))
    )
    seen = looking.found(disk, "twice")

    assert "twice.a0.n.json: the last. It can be read now" in sentence(disk, "twice")
    shutil.rmtree(Path(disk.path, last))
    assert "in quarantine: the reason was lost. " in looking.explained(disk, seen, NOW)


def test_what_runs_for_too_long_is_told_with_the_process_of_its_runner(disk: Disk) -> None:
    """Both are in the marks of the runner."""
    claim = layout.claimed(published(disk, "runs"), MINE.partition("/")[2])
    disk.move(published(disk, "runs").path, claim.path)
    Marks(disk, MINE, 1).begin(0, 0, NOW - 660_000, claim.file)
    held = lock.hold(disk, MINE)

    assert "has been running for 11 min" in sentence(disk, "runs")
    assert f"its runner (pid {os.getpid()})" in sentence(disk, "runs")
    assert isinstance(held, int)
    os.close(held)


def test_what_moves_between_being_found_and_being_opened_is_found_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is then."""
    entry, look = published(disk, "quick"), catalog.look

    def late(disk: Disk, found: Entry) -> Seen | None:
        if found == entry:
            spool.cancel(disk, entry, NOW)
        return look(disk, found)

    monkeypatch.setattr(catalog, "look", late)
    assert looking.found(disk, "quick").entry.state == layout.DONE
