"""`ampt cancel`: a waiting event is moved to done, and will not run."""

from ampt_cli import clock, layout, place, settings, spool
from ampt_cli.commands.choosing import Chosen, DryRun, Error, Ids, Names, Spool, States, show
from ampt_cli.errors import AmptError
from ampt_cli.render import say

HELP = """Cancel events that wait: they end in done, with the outcome cancelled.

\b
Examples:
  ampt cancel 3f9c
  ampt cancel --state retry --name 'mail.*' --dry-run
"""


def cancel(
    ids: Ids = None,
    state: States = None,
    name: Names = None,
    error: Error = "",
    dry_run: DryRun = False,
    spool_dir: Spool = "",
) -> None:
    """Move each to done."""
    chosen = Chosen(ids, state, name, error)
    disk = place.open_disk(settings.spool_path(spool_dir or None))
    count = 0
    for entry in chosen.entries(disk, layout.WAITING):
        if entry.state not in layout.WAITING:
            raise AmptError(f"the event {entry.id} is {entry.state}: it no longer waits")
        if dry_run:
            show(entry)
        count += bool(dry_run or spool.cancel(disk, entry, clock.now()))
    say(f"{count} {'would be ' if dry_run else ''}cancelled")
