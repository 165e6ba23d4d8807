"""`ampt handlers`: what the handler module registers."""

from typing import Annotated

import typer

from ampt_cli import handlers as registered
from ampt_cli import layout, place, settings
from ampt_cli.columns import Column, table
from ampt_cli.commands import loading
from ampt_cli.commands.choosing import AsJson, Spool
from ampt_cli.errors import NotFound
from ampt_cli.options import Command
from ampt_cli.render import say, show_json
from ampt_cli.unread import Unread

COMMAND = Command(
    "handlers",
    "",
    "Show the handlers, and which waiting events have none.",
    "",
    (),
    (("ampt handlers --handlers ./handlers.py", "of this file"),),
)

HANDLERS = Column("name", least=12), Column("handler", least=12), Column("timeout"), Column("where")


def handlers(
    target: Annotated[
        str, typer.Option("--handlers", "-m", metavar="FILE|MODULE", help="As in ampt run.")
    ] = "",
    as_json: AsJson = False,
    spool_dir: Spool = "",
) -> None:
    """Import the module and list what it registered."""
    config, _ = settings.read()
    registry = loading.load(target, config, spool_dir)
    default = config.get("timeout", registered.DEFAULT_TIMEOUT)
    every = registry.every()
    unread = _unread(settings.spool_path(spool_dir, config), bool(spool_dir))
    waiting = {entry.name for entry in unread.entries(layout.WAITING)} if unread else set[str]()
    missing = sorted(waiting - set(registry.handlers))
    if as_json:
        for handler in every:
            timeout = handler.timeout or default
            show_json(
                {
                    "name": handler.name,
                    "handler": handler.key,
                    "timeout": timeout,
                    "where": handler.where,
                }
            )
        for name in missing:
            show_json({"name": name, "handler": None, "timeout": None, "where": None})
    else:
        rows = [(h.name, h.key, f"{(h.timeout or default) / 1000:g} s", h.where) for h in every]
        table(HANDLERS, rows)
        for name in missing:
            say(f"no handler: {name}")
    if unread:
        unread.tell()


def _unread(path: str, named: bool) -> Unread | None:
    """The spool, if there is one. Raises NotFound where one that was `named` is none."""
    try:
        return Unread(place.open_disk(path))
    except NotFound:
        if named:
            raise
        return None
