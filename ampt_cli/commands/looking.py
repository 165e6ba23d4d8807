"""One event, found and put into words or JSON."""

from typing import Any

from ampt_cli import layout, lock, quarantine
from ampt_cli.catalog import Seen
from ampt_cli.explain import Around, explain
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.marks import Begun


def explained(disk: Disk, seen: Seen, now: int) -> str:
    """The sentence on an event that was opened."""
    return explain(seen, now, _around(disk, seen.entry))


def _around(disk: Disk, entry: Entry) -> Around:
    if entry.state == layout.RUNNING:
        alive = lock.is_alive(disk, entry.folder)
        return Around(alive, Begun(disk, entry.folder).start(entry.file))
    if entry.state == layout.QUARANTINE:
        held = [one for one in quarantine.held(disk) if one.folder == entry.folder]
        return Around(reason=held[0].reason if held else "")
    return Around(entry.state in layout.WAITING and bool(lock.living(disk)))


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
