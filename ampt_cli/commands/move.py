"""`ampt move`: another due time for an event that waits."""

from typing import Annotated

import typer

from ampt_cli import clock, due, instants, layout, place, printing, publication, settings, spool
from ampt_cli.commands.choosing import AsJson, Spool, acted, find, look_at, telling
from ampt_cli.errors import AmptError
from ampt_cli.options import Command
from ampt_cli.render import say, show_json

COMMAND = Command(
    "move",
    "ID",
    "Give a waiting event another due time.",
    """
WHEN is as in `ampt publish`.
""",
    (),
    (
        ('ampt move 3f9c --after "2 hours"', "two hours from now"),
        ("ampt move 3f9c --after 2027-01-01T08:00Z", "at that time"),
    ),
)


def move(
    id: Annotated[str, typer.Argument(metavar="ID", help="An id, or a unique beginning of one.")],
    after: Annotated[str, typer.Option("--after", "-a", metavar="WHEN", help="When it is due.")],
    as_json: AsJson = False,
    spool_dir: Spool = "",
) -> None:
    """Reschedule it, and wake the runners."""
    disk = place.open_disk(settings.spool_path(spool_dir))
    now = clock.now()
    instant = due.parse(after, now)
    if said := due.doubt(after, due.AS_DELAY):
        printing.say(f"--after {said}")
    entry = find(disk, id, layout.WAITING)
    move_it = telling(
        disk, "move", lambda entry: spool.reschedule(disk, entry, instant, "moved", now)
    )
    if not acted(lambda: move_it(entry)):
        raise AmptError(
            f"the event {entry.id} went elsewhere meanwhile, so it was not moved", look_at(entry.id)
        )
    publication.wake(disk)
    if as_json:
        show_json({"id": entry.id, "name": entry.name, "state": entry.state, "due": instant})
    else:
        say(f"{entry.id} is due at {instants.iso(instant)}")
