"""`ampt cancel`: a waiting event is moved to done, and will not run."""

from time import time_ns
from typing import Annotated

import typer

from ampt_cli import layout, place, settings, spool
from ampt_cli.commands.choosing import chosen
from ampt_cli.errors import AmptError
from ampt_cli.render import say

HELP = """Cancel events that wait: they end in done, with the outcome cancelled.

\b
Examples:
  ampt cancel 3f9c
  ampt cancel --state retry --name 'mail.*' --dry-run
"""


def cancel(  # each option is a parameter
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, or beginnings of them.")] = None,
    state: Annotated[list[str], typer.Option(help="Events in this state.")] = [],  # noqa: B006
    name: Annotated[list[str], typer.Option(help="Events whose name matches.")] = [],  # noqa: B006
    error: Annotated[str, typer.Option(help="Events whose last error contains this.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    spool_dir: Annotated[str, typer.Option("--spool", help="The spool.")] = "",
) -> None:
    """Move each to done."""
    disk = place.open_disk(settings.spool_path(spool_dir or None))
    count = 0
    for entry in chosen(disk, ids or [], state, name, error, "pending retry"):
        if entry.state not in layout.WAITING:
            raise AmptError(f"the event {entry.id} is {entry.state}: it no longer waits")
        if dry_run:
            say(f"{entry.id}  {entry.state}  {entry.name}")
        count += bool(dry_run or spool.cancel(disk, entry, time_ns() // 1_000_000))
    say(f"{count} {'would be ' if dry_run else ''}cancelled")
