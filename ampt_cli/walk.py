"""Walk the spool's folders, streaming names: nothing is opened, nothing heavy is loaded."""

import os
from itertools import islice

from ampt_cli import layout
from ampt_cli.fsio import FOLDER, Disk

CHUNK = 4096  # names

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def folders(
    disk: Disk, states: "Iterable[str]", names: "Callable[[str], list[str]] | None" = None
) -> "Iterator[str]":
    """The folders that hold entries of these states, oldest first within each.

    `names` lists a folder, where one that cannot be read is to be no error.
    """
    names = names or disk.list
    for state in states:
        for name in names(state):
            if name[0] == ".":
                continue
            path = f"{state}/{name}"
            if state in layout.WAITING:
                yield from (f"{path}/{hour}" for hour in names(path) if hour[0] != ".")
            else:
                yield path


def entries(disk: Disk, folder: str) -> "Iterator[layout.Entry]":
    """The entries in a folder, unsorted and streamed; names that are none are left out."""
    for file in files(disk, folder):
        entry = layout.parse(folder, file)
        if entry is not None:
            yield entry


def files(disk: Disk, folder: str, *, hidden: bool = False) -> "Iterator[str]":
    """The names in a folder, unsorted and streamed; none if it is gone. Dot files if `hidden`."""
    for names in chunks(disk, folder, hidden=hidden):
        yield from names


def chunks(disk: Disk, folder: str, *, hidden: bool = False) -> "Iterator[list[str]]":
    """The same, in lists of at most CHUNK."""
    try:
        fd = os.open(folder, FOLDER, dir_fd=disk.root)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        with os.scandir(fd) as found:
            while names := [item.name for item in islice(found, CHUNK)]:
                yield names if hidden else [name for name in names if name[0] != "."]
    finally:
        os.close(fd)
