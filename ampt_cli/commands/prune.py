"""`ampt prune`: delete finished events past their retention."""

from typing import Annotated

import typer

from ampt_cli import clock, place, settings, upkeep, walk
from ampt_cli.commands.choosing import AsJson, Spool
from ampt_cli.errors import Trouble
from ampt_cli.options import Command
from ampt_cli.render import plural, say, show_json
from ampt_cli.retention import expired, retention_of

COMMAND = Command(
    "prune",
    "",
    "Delete done and dead events past their retention.",
    """
A day goes as a whole, once it has been over (in UTC) for as long as the retention; of today
nothing goes. `ampt run` does it too, a bounded number in each run.
""",
    (),
    (("ampt prune --dry-run", "which days would go"),),
)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which days.")] = False,
    as_json: AsJson = False,
    spool_dir: Spool = "",
) -> None:
    """Delete whole days, oldest first."""
    config, _ = settings.read()
    disk = place.open_disk(settings.spool_path(spool_dir, config))
    now, kept = clock.now(), retention_of(config)
    trouble = Trouble()
    if not dry_run:
        deleted = upkeep.prune(disk, now, kept, trouble)
        _show(as_json, f"{plural(deleted, 'event')} deleted", deleted=deleted)
        trouble.tell()
        return
    for folder in expired(disk, now, kept, trouble):
        state, date = folder.split("/")
        with trouble:
            count = sum(1 for _ in walk.entries(disk, folder))
            line = f"{folder}: {plural(count, 'event')}"
            _show(as_json, line, state=state, date=date, events=count)
    trouble.tell()


def _show(as_json: bool, line: str, **data: object) -> None:
    if as_json:
        show_json(data)
    else:
        say(line)
