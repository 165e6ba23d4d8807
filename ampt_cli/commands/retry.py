"""`ampt retry`: try now; a dead event is redriven."""

from time import time_ns
from typing import Annotated

import typer

from ampt_cli import layout, place, publication, settings, spool
from ampt_cli.commands.choosing import chosen
from ampt_cli.errors import AmptError
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.render import say

HELP = """Try events now, dead ones too.

A dead event is redriven: it gets a new retry window, and its history is kept.

\b
Examples:
  ampt retry 3f9c
  ampt retry --state dead --name 'mail.*' --error ConnectionError --dry-run
"""


def retry(  # each option is a parameter
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, or beginnings of them.")] = None,
    state: Annotated[list[str], typer.Option(help="Events in this state.")] = [],  # noqa: B006
    name: Annotated[list[str], typer.Option(help="Events whose name matches.")] = [],  # noqa: B006
    error: Annotated[str, typer.Option(help="Events whose last error contains this.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    spool_dir: Annotated[str, typer.Option("--spool", help="The spool.")] = "",
) -> None:
    """Move each to now, and wake the runners."""
    disk = place.open_disk(settings.spool_path(spool_dir or None))
    now = time_ns() // 1_000_000
    moved = lost = 0
    for entry in chosen(disk, ids or [], state, name, error, "retry dead"):
        done = dry_run or _retry(disk, entry, now)
        moved, lost = moved + bool(done), lost + (not done)
        if dry_run:
            say(f"{entry.id}  {entry.state}  {entry.name}")
    publication.wake(disk)
    say(f"{moved} {'would be ' if dry_run else ''}tried now{_raced(lost)}")


def _raced(lost: int) -> str:
    return f"; {lost} moved meanwhile" if lost else ""


def _retry(disk: Disk, entry: Entry, now: int) -> Entry | None:
    if entry.state == layout.DEAD:
        return spool.redrive(disk, entry, now)
    if entry.state in layout.WAITING:
        return spool.reschedule(disk, entry, now, "retried", now)
    raise AmptError(f"the event {entry.id} is {entry.state}, so there is nothing to retry")
