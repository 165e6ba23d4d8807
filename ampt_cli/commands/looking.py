"""Events, found, picked, and put into words or JSON."""

from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest, nsmallest
from typing import Any

from ampt_cli import catalog, layout, lock, quarantine
from ampt_cli.catalog import Seen
from ampt_cli.errors import UsageError
from ampt_cli.explain import Around, explain
from ampt_cli.fsio import Disk
from ampt_cli.glance import moment
from ampt_cli.layout import Entry
from ampt_cli.marks import Begun
from ampt_cli.unread import Unread

SORTS: dict[str, Callable[[Seen], Any]] = {
    "due": lambda seen: (seen.entry.stamp, seen.entry.id),
    "name": lambda seen: (seen.entry.name, seen.entry.stamp),
    "state": lambda seen: (seen.entry.state, seen.entry.stamp),
    "attempt": lambda seen: (seen.entry.attempt, seen.entry.stamp),
}


class Counted:
    """Events as they are found, and how many there were."""

    def __init__(self, found: Iterable[Seen]) -> None:
        self.found = found
        self.total = 0

    def __iter__(self) -> Iterator[Seen]:
        for seen in self.found:
            self.total += 1
            yield seen


def chosen(
    unread: Unread,
    wanted: catalog.Filter,
    sort: str,
    limit: int,
    told: Callable[[int], object] = int,
) -> tuple[list[Seen], int]:
    """The first `limit` in this order, opened, and how many there are, of what can be read.

    Raises UsageError.
    """
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        raise UsageError(
            f"cannot sort by {sort!r}", f"one of {', '.join(SORTS)}, or with a - first"
        )
    pick = nlargest if sort.startswith("-") else nsmallest
    counted = Counted(catalog.search(unread, wanted, told=told))
    picked = pick(limit, counted, key)
    if wanted.reads:
        return picked, counted.total
    looked = [catalog.look(unread.disk, one.entry) for one in picked]
    opened = [seen for seen in looked if seen is not None]
    moved = {one.entry.id for one in picked} - {seen.entry.id for seen in opened}
    if moved:  # since they were found; to another of the states that are listed, perhaps
        opened += catalog.search(unread, wanted._replace(ids=moved), read=True)
    return pick(limit, opened, key), counted.total


def more(total: int, limit: int) -> str:
    """What is said of a list that is cut."""
    return f"… and {total - limit:,} more: --limit {total}"


def found(disk: Disk, id: str) -> Seen:
    """The event with this id, or this beginning of one, opened. Raises NotFound, UsageError."""
    while True:  # it may move between being found and being opened
        seen = catalog.look(disk, quarantine.find_anywhere(disk, id))
        if seen is not None:
            return seen


def plain(seen: Seen) -> tuple[str, ...]:
    """The cells of a plain line."""
    entry = seen.entry
    row = (moment(entry.due), entry.state, entry.id, entry.name, str(entry.attempt))
    return (*row, seen.error or seen.damage or "")


def explained(disk: Disk, seen: Seen, now: int) -> str:
    """The sentence on an event that was opened."""
    return explain(seen, now, _around(disk, seen.entry))


def _around(disk: Disk, entry: Entry) -> Around:
    if entry.state == layout.RUNNING:
        begun = Begun(disk, entry.folder)
        alive = _alive(Unread(disk), [entry.folder])
        return Around(alive, begun.start(entry.file), begun.pid)
    if entry.state == layout.QUARANTINE:
        there = disk.exists(entry.folder)  # or it was mended, and moved
        return Around(reason=quarantine.reason(disk, entry.folder) if there else "")
    if entry.state in layout.WAITING:
        unread = Unread(disk)
        return Around(_alive(unread, unread.folders((layout.RUNNING,))))
    return Around()


def _alive(unread: Unread, folders: Iterable[str]) -> bool | None:
    """Whether one of these runners is; None where it may be one that cannot be looked at."""
    for folder in folders:
        try:
            if lock.is_alive(unread.disk, folder):
                return True
        except OSError as error:
            unread.note(folder, error)
    return None if unread.why else False


def as_data(seen: Seen) -> dict[str, Any]:
    """The fields of an event in --json."""
    entry, event = seen.entry, seen.event
    return {
        "id": entry.id,
        "name": entry.name,
        "state": entry.state,
        "attempt": entry.attempt,
        "due": entry.due,
        "path": entry.path,
        "time": event.time if event else None,
        "body": event.body if event else None,
        "records": seen.records,
        "damage": seen.damage,
    }
