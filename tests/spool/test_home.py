"""A runner's own folder: nobody sees it before it is whole, and nothing is left of it."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from ampt_cli import layout, lock
from ampt_cli.errors import ConfigError
from ampt_cli.fsio import Disk
from ampt_cli.home import Home, check_place

NOW = 1_800_000_000_000


def test_a_runner_appears_locked_and_durable_and_goes_whole(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its names are synced before each of its two renames, and running/ before the first claim."""
    done: list[tuple[str, ...]] = []
    for verb in ("sync", "move"):
        noted(monkeypatch, verb, done)
    home = Home(disk, NOW)
    before = disk.list("running")
    home.move_in()
    alive, files = lock.is_alive(disk, home.folder), disk.list(home.folder)
    home.move_out()

    assert home.name.startswith("20270115T080000000Z-")
    assert before == []
    assert (alive, files) == (True, [layout.LOCK, layout.WORKERS])
    assert done == [
        ("sync", home.draft),
        ("move", home.draft, home.folder),
        ("sync", "running"),
        ("sync", home.folder),
        ("move", home.folder, home.draft),
    ]
    assert disk.list("running") == disk.list("tmp") == []


def noted(monkeypatch: pytest.MonkeyPatch, verb: str, done: list[tuple[str, ...]]) -> None:
    """Have the disk note what it was told."""
    real = getattr(Disk, verb)

    def called(self: Disk, *paths: str) -> object:
        done.append((verb, *paths))
        return real(self, *paths)

    monkeypatch.setattr(Disk, verb, called)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_of_a_folder_that_cannot_be_made_nothing_is_left(
    error: BaseException, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run without room would leave one, and have less."""
    real = Disk.write_new

    def fail(self: Disk, path: str, data: bytes, **named: Any) -> None:
        if path.endswith(layout.WORKERS):
            raise error
        real(self, path, data, **named)

    monkeypatch.setattr(Disk, "write_new", fail)

    with pytest.raises(type(error)):
        Home(disk, NOW)
    assert disk.list("tmp") == []


def test_a_runner_that_never_moved_in_leaves_nothing(disk: Disk) -> None:
    """Where its workers could not be begun."""
    Home(disk, NOW).move_out()

    assert disk.list("running") == disk.list("tmp") == []


def test_a_spool_in_parts_is_refused_and_one_that_lacks_some_is_not(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renames reach no other file system; what is missing is made, or told, where it is needed."""
    disk.remove_folder("dead")
    check_place(disk, network=False)
    stat = os.stat

    def elsewhere(path: str, **named: Any) -> object:
        found = stat(path, **named)
        return SimpleNamespace(st_dev=found.st_dev + 1) if path == "running" else found

    monkeypatch.setattr(os, "stat", elsewhere)

    with pytest.raises(ConfigError, match="/running is on another file system than "):
        check_place(disk, network=True)
