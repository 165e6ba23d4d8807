"""Whether a run has anything to do, at a cost that does not grow with what is due."""

from pathlib import Path
from typing import Any

import pytest

from ampt_cli import instants, layout, place, publication
from ampt_cli.fsio import Disk
from ampt_cli.idle import is_idle
from ampt_cli.retention import Retention
from ampt_cli.scan import Scan

NOW = 1_795_515_300_000


def filled(path: Path, count: int, after: str | None) -> Disk:
    """A spool with `count` events, due so long after NOW."""
    disk = place.open_disk(str(path), create=True)
    for number in range(count):
        publication.publish(disk, publication.draft("user.joined", number, after, NOW))
    return disk


def test_one_that_is_due_is_found_among_many_later_ones(tmp_path: Path) -> None:
    """Wherever it is in the folder of its hour, of which only a part is read at a time."""
    disk = filled(tmp_path / "spool", 300, "1 minute")
    before = is_idle(disk, NOW, Retention())
    publication.publish(disk, publication.draft("user.joined", None, None, NOW))

    assert before
    assert not is_idle(disk, NOW + 1, Retention())


@pytest.mark.parametrize(
    "folder",
    [
        f"tmp/{instants.stamp(NOW - layout.TMP_IS_STALE - instants.DAY)}.left-by-a-publisher",
        "done/2020-01-01",
        f"pending/{instants.bucket(instants.stamp(NOW - instants.DAY))}",
        "retry/2020-01-01",
    ],
)
def test_what_is_to_be_tidied_is_something_to_do(folder: str, tmp_path: Path) -> None:
    """What a publisher left, what is past its retention, a bucket or a day that has emptied."""
    disk = filled(tmp_path / "spool", 1, "1 minute")
    before = is_idle(disk, NOW, Retention())
    (tmp_path / "spool" / folder).mkdir(parents=True)

    assert before
    assert not is_idle(disk, NOW, Retention())


@pytest.mark.parametrize("folder", ["done", "dead"])
def test_what_cannot_be_read_is_something_to_do(folder: str, tmp_path: Path) -> None:
    """A whole run tells of it."""
    disk = filled(tmp_path / "spool", 1, "1 minute")
    before = is_idle(disk, NOW, Retention())
    (tmp_path / "spool" / folder).rmdir()
    (tmp_path / "spool" / folder).touch()

    assert before
    assert not is_idle(disk, NOW, Retention())


def test_little_is_read_where_much_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run reads it all, and once."""
    disk = filled(tmp_path / "spool", 300, None)
    lengths: list[int] = []

    def counting(scan: Scan, *args: Any) -> list[str]:
        names = read(scan, *args)
        lengths.append(len(names))
        return names

    read = Scan._read
    monkeypatch.setattr(Scan, "_read", counting)

    assert not is_idle(disk, NOW + 1, Retention())
    assert sum(lengths) <= 64
