"""`ampt retry`: try now; a dead event is redriven."""

from ampt_cli import clock, layout, place, publication, settings, spool
from ampt_cli.commands.choosing import Chosen, DryRun, Error, Ids, Names, Spool, States, show
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


def retry(
    ids: Ids = None,
    state: States = None,
    name: Names = None,
    error: Error = "",
    dry_run: DryRun = False,
    spool_dir: Spool = "",
) -> None:
    """Move each to now, and wake the runners."""
    chosen = Chosen(ids, state, name, error)
    disk = place.open_disk(settings.spool_path(spool_dir or None))
    now = clock.now()
    moved = lost = 0
    for entry in chosen.entries(disk, (layout.RETRY, layout.DEAD)):
        done = dry_run or _retry(disk, entry, now)
        moved, lost = moved + bool(done), lost + (not done)
        if dry_run:
            show(entry)
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
