"""Look at all of a spool as far as it can be read, and remember what cannot."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ampt_cli import walk
from ampt_cli.errors import CHECK, from_several
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry

T = TypeVar("T")


class Unread:
    """What of a spool could not be read so far, and why: it keeps nobody from the rest."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.why: dict[str, OSError] = {}  # by path

    def note(self, path: str, error: OSError) -> None:
        """Remember it."""
        self.why[path] = OSError(error.errno, error.strerror)  # without its traceback

    def names(self, folder: str) -> list[str]:
        """The names in a folder; none of one that cannot be read."""
        try:
            return self.disk.list(folder)
        except OSError as error:
            self.note(folder, error)
            return []

    def folders(self, states: Iterable[str]) -> Iterator[str]:
        """The folders that hold entries of these states, as far as they are known."""
        return walk.folders(self.disk, states, self.names)

    def entries(self, states: Iterable[str]) -> Iterator[Entry]:
        """The entries of these states, as far as they are known."""
        for folder in self.folders(states):
            yield from self.skipping(walk.entries(self.disk, folder), folder)

    def skipping(self, found: Iterable[T], path: str = "") -> Iterator[T]:
        """What is found, up to what cannot be read: `path`, or what the error names."""
        try:
            yield from found
        except OSError as error:
            named = error.filename if isinstance(error.filename, str) else "."
            self.note(path or named, error)

    def tell(self) -> None:
        """Raise AmptError if there was anything, at the end of what could be done without it."""
        if self.why:
            paths = {f"{self.disk.path}/{path}": error for path, error in self.why.items()}
            raise from_several(paths, "read", CHECK)
