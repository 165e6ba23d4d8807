"""Events that have two entries: which is the latest, and which are older."""

from collections.abc import Callable, Iterable, Iterator

from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry


def older(
    disk: Disk, entries: Callable[[], Iterable[Entry]], but: set[str]
) -> Iterator[tuple[Entry, Entry]]:
    """Each entry that is not the latest of its event, and the latest.

    `entries` walks them all, and is asked again where an id came twice: hashes of ids first, to
    spare room. Those whose path is in `but` count for nothing.
    """
    once: set[int] = set()
    again: set[int] = set()
    for entry in entries():
        (again if hash(entry.id) in once else once).add(hash(entry.id))
    found: dict[str, list[Entry]] = {}
    for entry in entries() if again else ():
        if hash(entry.id) in again and entry.path not in but:
            found.setdefault(entry.id, []).append(entry)
    for same in found.values():
        there = _there(disk, list(dict.fromkeys(same)))
        yield from ((entry, there[-1]) for entry in there[:-1])


def _there(disk: Disk, entries: list[Entry]) -> list[Entry]:
    """Those that are there at the same time, the latest last."""
    sizes = {entry: _size(disk, entry) for entry in entries}
    # Looked at once more: what moved between the two looks was one entry, seen twice.
    there = [entry for entry in entries if sizes[entry] >= 0 and _size(disk, entry) >= 0]
    # They came as entries move; of two that are the same the one further on stays the last.
    return sorted(there, key=lambda entry: (entry.attempt, sizes[entry]))


def _size(disk: Disk, entry: Entry) -> int:
    """The size of an entry's file; -1 if it is gone. Each deed and each attempt makes it larger."""
    try:
        return disk.status(entry.path).st_size
    except FileNotFoundError:
        return -1
