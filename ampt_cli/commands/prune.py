"""`ampt prune`: delete finished events past their retention."""

from typing import Annotated

import typer

from ampt_cli import clock, place, settings, upkeep
from ampt_cli.render import say
from ampt_cli.retention import expired, retention_of

HELP = """Delete done and dead events past their retention. `ampt run` does it too, bounded.

\b
Example:
  ampt prune --dry-run
"""


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which days.")] = False,
    spool: Annotated[str, typer.Option(help="The spool.")] = "",
) -> None:
    """Delete whole days, oldest first."""
    config, _ = settings.read()
    disk = place.open_disk(settings.spool_path(spool or None, config))
    now, kept = clock.now(), retention_of(config)
    if dry_run:
        for folder in expired(disk, now, kept):
            say(f"{folder}: {len(disk.list(folder)):,} files")
        return
    say(f"{upkeep.prune(disk, now, kept, None):,} events deleted")
