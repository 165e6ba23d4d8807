"""`ampt call`: run the handlers here, in the foreground; no event of the spool is changed."""

import sys
from bdb import BdbQuit
from functools import partial
from traceback import walk_tb
from typing import Annotated

import typer

from ampt_cli import (
    catalog,
    clock,
    execute,
    handlers,
    layout,
    place,
    printing,
    publication,
    settings,
)
from ampt_cli.commands import loading, publish
from ampt_cli.commands.choosing import Spool, find
from ampt_cli.errors import AmptError, UsageError, from_os
from ampt_cli.event import Event
from ampt_cli.options import Command
from ampt_cli.render import heard, say

COMMAND = Command(
    "call",
    "[NAME [BODY]]",
    "Run the handlers of an event here, to debug them.",
    """
They run in the foreground, in this process, without a timeout, and no event of the
spool is changed: breakpoint() works. What the handlers publish is published.
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
    body: Annotated[
        str | None, typer.Argument(metavar="BODY", help="Its body, as in ampt publish.")
    ] = None,
    field: Annotated[
        list[str],
        typer.Option("--field", "-f", metavar="KEY=TEXT", help="A field of its body; KEY:=JSON."),
    ] = [],  # noqa: B006  typer's way
    text: Annotated[bool, typer.Option("--text", "-t", help="BODY is text, not JSON.")] = False,
    id: Annotated[str, typer.Option(metavar="ID", help="An event of the spool instead.")] = "",
    target: Annotated[
        str, typer.Option("--handlers", "-m", metavar="FILE|MODULE", help="As in ampt run.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Call them in order; exit 1 if one fails."""
    config, _ = settings.read()
    if not (name or id):
        raise UsageError("call takes a NAME, or --id", "see: ampt call --help")
    if id and (name or field or text):
        raise UsageError("give a NAME and its body, or --id, not both", "see: ampt call --help")
    registry = loading.load(target, config, spool_dir)
    event = _stored(id, spool_dir) if id else _made(name, body, field, as_text=text)
    listed = registry.of(event.name)
    if not listed:
        raise AmptError(f"no handler is registered for {event.name!r}", "see: ampt handlers")
    timeout = config.get("timeout", handlers.DEFAULT_TIMEOUT)
    try:
        result = execute.execute(
            event,
            listed,
            now=clock.now,
            default_timeout=timeout,
            passes=_passes,
        )
    except (BdbQuit, SystemExit):  # the debugger was left
        raise typer.Exit(1) from None
    _flush()  # what handlers printed comes first, in a pipe too
    for report in result.reports:
        why = f": {report['error']}" if "error" in report else ""
        heard(partial(say, f"{report['handler']}: {report['outcome']} in {report['ms']} ms{why}"))
        printing.write(2, printing.safe(report.get("traceback", ""), keep="\n\t"))
    if result.error is not None:
        raise typer.Exit(1)


def _passes(error: BaseException) -> bool:
    """Ctrl-C, or the debugger was left: from Python 3.14 on, by an exit of its own."""
    if isinstance(error, SystemExit):
        *_, (innermost, _) = walk_tb(error.__traceback__)
        return innermost.f_globals.get("__name__") == "pdb"
    return isinstance(error, KeyboardInterrupt | BdbQuit)


def _flush() -> None:
    """Send what handlers printed. Raises SpoolError or TryAgain where it cannot be written."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):  # nobody reads it, or a handler has closed it
        sys.stdout = None
    except OSError as error:
        sys.stdout = None  # or it would be tried again at exit
        raise from_os(error, "write to stdout") from None


def _made(name: str, body: str | None, fields: list[str], *, as_text: bool) -> Event:
    given = publish.body_of(body, fields, as_text=as_text)
    made = publication.draft(name, given, None, clock.now())
    made.attempt = 1
    return made


def _stored(id: str, spool: str) -> Event:
    disk = place.open_disk(settings.spool_path(spool))
    entry = find(disk, id, layout.STATES)
    seen = catalog.look(disk, entry)
    if seen is None or seen.event is None:
        raise AmptError(f"the event {id} cannot be read: {seen.damage if seen else 'it moved'}")
    if entry.state in layout.WAITING:
        seen.event.attempt += 1  # as the next runner will
    return seen.event
