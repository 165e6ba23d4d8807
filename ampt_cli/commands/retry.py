"""`ampt retry`: try now; a dead event is redriven."""

from typing import Annotated

import typer

from ampt_cli import clock, layout, place, publication, quarantine, settings, spool
from ampt_cli.commands import editing
from ampt_cli.commands.choosing import (
    AsJson,
    Chosen,
    Deeds,
    DryRun,
    Error,
    Ids,
    Names,
    Spool,
    States,
    telling,
)
from ampt_cli.errors import UsageError
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.options import Command

COMMAND = Command(
    "retry",
    "[ID...]",
    "Try events now, dead ones too.",
    """
A dead event is redriven: it gets a new retry window, and its history is kept. So is
a mended one from quarantine. With --edit the body is changed first: the event is
published anew, with another id, and the old one ends in done.
""",
    (),
    (
        ("ampt retry 3f9c", "one event; a unique beginning of its id is enough"),
        ("ampt retry 3f9c --edit", "with another body"),
        (
            "ampt retry --state dead --name 'mail.*' --error ConnectionError --dry-run",
            "what would be redriven",
        ),
    ),
)
BY_DEFAULT = (layout.RETRY, layout.DEAD)
ALLOWED = (layout.PENDING, *BY_DEFAULT, layout.QUARANTINE)


def retry(
    ids: Ids = None,
    state: States = None,
    name: Names = None,
    error: Error = None,
    edit: Annotated[bool, typer.Option("--edit", help="Change the body in $EDITOR.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    spool_dir: Spool = "",
) -> None:
    """Move each to now, and wake the runners."""
    if edit and dry_run:
        raise UsageError("--edit does not go with --dry-run")
    chosen = Chosen(ids, list(state or BY_DEFAULT) if name or error else state, name, error)
    disk = place.open_disk(settings.spool_path(spool_dir))
    entries = chosen.entries(disk, ALLOWED)
    now = clock.now()
    if edit:
        if len(entries) != 1 or not chosen.ids:
            raise UsageError("--edit is for one event, by its id", "ampt retry ID --edit")
        editing.replace(disk, entries[0], as_json=as_json)
        return
    deeds = Deeds(disk, "tried now", dry_run, as_json)
    deeds.each(
        entries,
        lambda entry: _would(disk, entry, now) if dry_run else _target(entry, now),
        telling(disk, "retry", lambda entry: _retry(disk, entry, now)),
    )
    publication.wake(disk)
    deeds.complain(by_id=bool(chosen.ids), unread=chosen.unread)


def _would(disk: Disk, entry: Entry, now: int) -> Entry:
    """Where it would go. Raises Damaged where it would not."""
    if entry.state == layout.QUARANTINE:
        quarantine.check_mended(disk, entry)
    return _target(entry, now)


def _target(entry: Entry, now: int) -> Entry:
    state = entry.state if entry.state in layout.WAITING else layout.PENDING
    return layout.waiting(entry, state, now)


def _retry(disk: Disk, entry: Entry, now: int) -> Entry | None:
    if entry.state == layout.DEAD:
        return spool.redrive(disk, entry, now)
    if entry.state == layout.QUARANTINE:
        return quarantine.give_back(disk, entry, now)
    return spool.reschedule(disk, entry, now, "retried", now)
