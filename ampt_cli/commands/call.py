"""`ampt call`: run the handlers here, in the foreground; the spool is not changed."""

from typing import Annotated

import typer

from ampt_cli import (
    catalog,
    clock,
    execute,
    handlers,
    jsontext,
    place,
    printing,
    publication,
    settings,
)
from ampt_cli.commands.choosing import Spool
from ampt_cli.errors import AmptError, BadEvent, UsageError
from ampt_cli.event import Event
from ampt_cli.options import Command
from ampt_cli.render import say

COMMAND = Command(
    "call",
    "[NAME [BODY]]",
    "Run the handlers of an event here, to debug them.",
    """
They run in the foreground, in this process, without a timeout, and nothing in the
spool is changed: breakpoint() works.
""",
    (),
    (
        (
            "ampt call user.joined '{\"user_id\": 7}' --handlers ./handlers.py",
            "an event made up for this",
        ),
        ("ampt call --id 3f9c", "an event of the spool"),
    ),
)


def call(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An event's name.")] = "",
    body: Annotated[str, typer.Argument(metavar="BODY", help="Its body, in JSON.")] = "null",
    id: Annotated[  # noqa: A002
        str, typer.Option(metavar="ID", help="An event of the spool instead.")
    ] = "",
    target: Annotated[
        str, typer.Option("--handlers", "-m", metavar="FILE|MODULE", help="As in ampt run.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Call them in order; exit 1 if one fails."""
    config, _ = settings.read()
    registry = handlers.load(settings.handlers_target(target or None, config))
    event = _stored(id, spool_dir) if id else _made(name, body)
    listed = registry.of(event.name)
    if not listed:
        raise AmptError(f"no handler is registered for {event.name!r}")
    result = execute.execute(event, listed, now=clock.now)
    for report in result.reports:
        say(f"{report['handler']}: {report['outcome']} in {report['ms']} ms")
        printing.write(2, printing.safe(report.get("traceback", ""), keep="\n\t"))
    if result.error is not None:
        raise typer.Exit(1)


def _made(name: str, body: str) -> Event:
    if not name:
        raise UsageError("call takes a NAME, or --id", "see: ampt call --help")
    try:
        parsed = jsontext.loads(body)
    except ValueError as error:
        raise BadEvent(f"the body is no JSON: {error}") from None
    made = publication.draft(name, parsed, None, clock.now())
    made.attempt = 1
    return made


def _stored(id: str, spool: str) -> Event:  # noqa: A002
    disk = place.open_disk(settings.spool_path(spool or None))
    seen = catalog.look(disk, catalog.find(disk, id))
    if seen is None or seen.event is None:
        raise AmptError(f"the event {id} cannot be read: {seen.damage if seen else 'it moved'}")
    return seen.event
