"""Which events an operator means: the options that say it, and the entries they choose."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from ampt_cli import catalog, layout
from ampt_cli.errors import UsageError
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.render import say

Ids = Annotated[list[str] | None, typer.Argument(help="Ids, or beginnings of them.")]
States = Annotated[list[str] | None, typer.Option("--state", help="Events in this state.")]
Names = Annotated[list[str] | None, typer.Option("--name", help="Events whose name matches.")]
Error = Annotated[str, typer.Option(help="Events whose last error contains this.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which.")]
Spool = Annotated[str, typer.Option("--spool", help="The spool.")]


class Chosen:
    """The events of an operator's command: by id, or by a filter."""

    def __init__(
        self, ids: list[str] | None, state: list[str] | None, name: list[str] | None, error: str
    ) -> None:
        self.ids = ids or []
        self.wanted = bool(state or name or error)
        self.states = known_states(state or [])
        self.names = tuple(name or [])
        self.error = error or None
        if self.ids and self.wanted:
            raise UsageError("give ids or a filter, not both")
        if not (self.ids or self.wanted):
            raise UsageError("which events? give ids, or --state, --name or --error")

    def entries(self, disk: Disk, default: Sequence[str]) -> Iterator[Entry]:
        """Them, as found before any is changed; `default` are the states if none was given.

        Raises NotFound, UsageError where an id is ambiguous.
        """
        if self.ids:
            yield from [catalog.find(disk, prefix) for prefix in self.ids]
            return
        wanted = catalog.Filter(self.states or tuple(default), self.names, error=self.error)
        yield from [seen.entry for seen in catalog.search(disk, wanted)]


def known_states(given: Sequence[str]) -> tuple[str, ...]:
    """The states that were given. Raises UsageError for one that does not exist."""
    for state in given:
        if state not in layout.STATES:
            raise UsageError(f"there is no state {state!r}", f"one of {', '.join(layout.STATES)}")
    return tuple(given)


def show(entry: Entry) -> None:
    """The line of a dry run."""
    say(f"{entry.id}  {entry.state}  {entry.name}")
