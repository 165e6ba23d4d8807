"""`ampt move`: another due time for an event that waits."""

from typing import Annotated

import typer

from ampt_cli import catalog, clock, due, layout, place, publication, settings, spool
from ampt_cli.commands.choosing import AsJson, Spool
from ampt_cli.errors import AmptError
from ampt_cli.render import say, show_json

HELP = """Give a waiting event another due time.

\b
Example:
  ampt move 3f9c --after "2 hours"
"""


def move(
    id: Annotated[str, typer.Argument(help="An id, or a unique beginning of one.")],  # noqa: A002
    after: Annotated[str, typer.Option(help="When it is due; as in publish.")],
    as_json: AsJson = False,
    spool_dir: Spool = "",
) -> None:
    """Reschedule it, and wake the runners."""
    disk = place.open_disk(settings.spool_path(spool_dir or None))
    now = clock.now()
    instant = due.parse(after, now)
    entry = catalog.find(disk, id)
    if entry.state not in layout.WAITING:
        raise AmptError(f"the event {entry.id} is {entry.state}: only what waits can be moved")
    if spool.reschedule(disk, entry, instant, "moved", now) is None:
        raise AmptError(f"the event {entry.id} was claimed meanwhile, so it was not moved")
    publication.wake(disk)
    if as_json:
        show_json({"id": entry.id, "name": entry.name, "state": entry.state, "due": instant})
    else:
        say(f"{entry.id} is due at {due.iso(instant)}")
