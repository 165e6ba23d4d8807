"""Find and list entries, for people: what `inspect` and the operators' commands read."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from time import time_ns
from typing import NamedTuple

from ampt_cli import instants, layout, reading, record, walk
from ampt_cli.errors import Damaged, NotFound, TooNew, UsageError
from ampt_cli.event import ID_CHARACTERS, Event, id_is_legal, is_made
from ampt_cli.fsio import Disk
from ampt_cli.known import RACY, SECOND
from ampt_cli.layout import DEAD, DONE, PENDING, RETRY, RUNNING, STATES, Entry
from ampt_cli.unread import Unread

BEHIND = SECOND + RACY  # ns: a folder's mtime is, at most, behind the clock


def matches(entry: Entry, globs: Sequence[str]) -> bool:
    """Whether an event's name matches one of the globs; without any, it does."""
    return not globs or any(fnmatchcase(entry.name, glob) for glob in globs)


def known_states(given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The states that were given. Raises UsageError for one that is not known."""
    for state in given:
        if state not in known:
            raise UsageError(f"there is no state {state!r} here", f"one of {', '.join(known)}")
    return tuple(given)


def one_error(given: Sequence[str]) -> str | None:
    """The text of --error, if it was given. Raises UsageError for more than one.

    Of several names any may match, so nobody expects that the last text alone holds.
    """
    if len(given) > 1:
        raise UsageError("--error can be given once", "give a text that all the errors contain")
    return given[0] if given else None


class Filter(NamedTuple):
    """What to list. Times are instants.

    Of waiting entries the due time counts, of others that of their last record.
    """

    states: tuple[str, ...] = STATES
    names: tuple[str, ...] = ()  # globs
    since: int | None = None
    until: int | None = None
    error: str | None = None  # a part of the last error
    ids: Collection[str] | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether an entry passes, as far as its path tells."""
        return matches(entry, self.names) and (self.ids is None or entry.id in self.ids)

    @property
    def reads(self) -> bool:
        """Whether the files must be opened to decide."""
        return self.error is not None or self.since is not None or self.until is not None


def entries(disk: Disk, states: Iterable[str] = STATES) -> Iterator[Entry]:
    """Every entry of these states, in no particular order within a folder.

    Several folders are no snapshot: an entry that moves meanwhile may be seen
    twice. Names that are no entries are left out; `ampt check` reports them.
    """
    for folder in walk.folders(disk, states):
        yield from walk.entries(disk, folder)


def find(disk: Disk, prefix: str) -> Entry:
    """The entry whose id is, or begins uniquely with, `prefix`.

    A whole id made by ampt is looked for first where it was published, so the
    backlog does not matter. Raises NotFound, UsageError where it is ambiguous, and AmptError
    where there may be another, or it, in what cannot be read.
    """
    if not prefix:  # every id begins so: the variable of a script was empty
        raise UsageError("the id is empty", "give an id, or a unique beginning of one")
    if not id_is_legal(prefix):
        raise NotFound(f"there is no event with the id {prefix!r}", f"ids have {ID_CHARACTERS}")
    hinted = _hinted(disk, prefix)
    if hinted is not None:
        return hinted
    for _ in range(2):  # an entry may move behind us; one that moved on is there the second time
        found: dict[str, Entry] = {}
        unread = Unread(disk)
        for entry in unread.entries(STATES):
            if entry.id == prefix:
                return entry
            if entry.id.startswith(prefix):
                found[entry.id] = entry
        if len(found) > 1:
            raise ambiguous(prefix, found)
        unread.tell()
        if found:
            return next(iter(found.values()))
    raise NotFound(f"there is no event with the id {prefix!r}")


def ambiguous(prefix: str, ids: Iterable[str], where: str = "") -> UsageError:
    """What to raise where several ids begin with `prefix`."""
    first, more = sorted(ids)[:4], sorted(ids)[4:]
    return UsageError(
        f"the id {prefix!r} is ambiguous{where}: {', '.join(first)}{', …' if more else ''}"
    )


def _hinted(disk: Disk, id: str) -> Entry | None:
    """Look where an event with this whole id most likely is."""
    instant = _hint(disk, id)
    if instant is None:
        return None
    stamp = instants.stamp(instant)
    unread = Unread(disk)  # what cannot be read is told by whoever looks everywhere
    likely = [f"{PENDING}/{instants.bucket(stamp)}", *unread.folders((RUNNING, RETRY))]
    finished = [
        folder
        for folder in unread.folders((DONE, DEAD))
        if folder.partition("/")[2] >= instants.date(stamp)
    ]
    for folder in [*likely, *finished]:
        for file in unread.skipping(walk.files(disk, folder)):
            if id in file:
                entry = layout.parse(folder, file)
                if entry is not None and entry.id == id:
                    return entry
    return None


def _hint(disk: Disk, id: str) -> int | None:
    """When the event was due first: from the id, or from its second link."""
    if is_made(id):
        return int(id[20:], 16) * instants.HOUR
    try:
        fd = reading.open_entry(disk, layout.id_path(id))
    except (OSError, Damaged):
        return None
    try:
        return reading.event_in(fd).due
    except (OSError, Damaged, TooNew):
        return None
    finally:
        os.close(fd)


class Seen(NamedTuple):
    """An entry that was opened: its event and records, or why it cannot be read."""

    entry: Entry
    event: Event | None
    records: list[record.Record]
    damage: str | None = None
    why: Exception | None = None

    @property
    def last(self) -> record.Record | None:
        """The last record of an attempt."""
        return next((made for made in reversed(self.records) if "outcome" in made), None)

    @property
    def error(self) -> str | None:
        """Why the last attempt did not succeed."""
        error = (self.last or {}).get("error")
        return error if isinstance(error, str) else None

    @property
    def ended(self) -> int | None:
        """When the last attempt or deed was over (ms)."""
        made = self.last
        if made is None:
            return None
        start, ms, time = made.get("start"), made.get("ms", 0), made.get("time")
        if type(start) is int and isinstance(ms, int | float):
            time = start + round(ms)
        return time if type(time) is int and 0 <= time <= instants.LAST else None


def look(disk: Disk, entry: Entry) -> Seen | None:
    """Open an entry; None if it has moved meanwhile."""
    try:
        event, records, damaged = reading.whole(disk, entry)
    except FileNotFoundError:
        return None
    except (Damaged, TooNew) as error:
        return Seen(entry, None, [], str(error), error)
    except OSError as error:
        return Seen(entry, None, [], f"it cannot be read: {error.strerror}", error)
    note = f"{damaged} of its records cannot be read" if damaged else None
    return Seen(entry, event, records, note)


def search(
    unread: Unread, wanted: Filter, *, read: bool = False, told: Callable[[int], object] = int
) -> Iterator[Seen]:
    """Every event that passes, once; opened only where the filter needs it, or with `read`.

    An entry that was not opened has no event and no records. `told` hears at each
    entry how many there were before, whether they passed or not. An event that moves
    meanwhile is not missed unless it goes round twice (spool_format.md, section 8). What
    cannot be read `unread` tells afterwards.
    """
    disk = unread.disk
    before = time_ns() - BEHIND
    again = [state for state in wanted.states if state in layout.WAITING]
    once = bool(again) or len(wanted.states) > 1
    shown: set[int] = set()  # hashes of ids; what is in quarantine may be there twice
    everything = chain(unread.entries(wanted.states), _arrived(unread, again, before))
    for number, entry in enumerate(everything):
        told(number)
        moves = once and entry.state in STATES
        if not wanted.takes(entry) or (moves and hash(entry.id) in shown):
            continue
        found = look(disk, entry) if read or wanted.reads else Seen(entry, None, [])
        if found is not None and wanted.error is not None and isinstance(found.why, OSError):
            unread.note(entry.path, found.why)  # whether it passes cannot be said
        elif found is not None and (not wanted.reads or passes(found, wanted)):
            if moves:
                shown.add(hash(entry.id))
            yield found


def _arrived(unread: Unread, states: Iterable[str], since: int) -> Iterator[Entry]:
    """What waits in buckets that changed after `since` (ns)."""
    for folder in unread.folders(states):
        yield from unread.skipping(_changed(unread.disk, folder, since), folder)


def _changed(disk: Disk, folder: str, since: int) -> Iterator[Entry]:
    try:
        changed = disk.status(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return
    if changed > since:
        yield from walk.entries(disk, folder)


def passes(found: Seen, wanted: Filter) -> bool:
    """Whether an event that was opened passes."""
    if wanted.error is not None and wanted.error.lower() not in (found.error or "").lower():
        return False
    instant = found.entry.due if found.entry.state in layout.WAITING else found.ended
    if instant is None:
        instant = found.entry.due
    return (wanted.since is None or instant >= wanted.since) and (
        wanted.until is None or instant <= wanted.until
    )
