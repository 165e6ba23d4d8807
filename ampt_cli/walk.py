"""Walk the spool's folders, streaming names: nothing is opened, nothing heavy is loaded."""

import os

from ampt_cli import layout
from ampt_cli.fsio import FOLDER, Disk

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def folders(disk: Disk, states: "Iterable[str]") -> "Iterator[str]":
    """The folders that hold entries of these states, oldest first within each."""
    for state in states:
        for name in disk.list(state):
            if name[0] == ".":
                continue
            path = f"{state}/{name}"
            if state in layout.WAITING:
                yield from (f"{path}/{hour}" for hour in disk.list(path) if hour[0] != ".")
            else:
                yield path


def files(disk: Disk, folder: str, *, hidden: bool = False) -> "Iterator[str]":
    """The names in a folder, unsorted and streamed; none if it is gone. Dot files if `hidden`."""
    try:
        fd = os.open(folder, FOLDER, dir_fd=disk.root)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        with os.scandir(fd) as found:
            for item in found:
                if hidden or item.name[0] != ".":
                    yield item.name
    finally:
        os.close(fd)
