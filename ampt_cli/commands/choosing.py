"""Which events an operator means: ids, or a filter."""

from collections.abc import Iterator

from ampt_cli import catalog, layout
from ampt_cli.errors import UsageError
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry


def chosen(  # the options that every operator's command has
    disk: Disk, ids: list[str], states: list[str], names: list[str], error: str, allowed: str
) -> Iterator[Entry]:
    """The entries of `ids`, or those that pass the filter. Raises UsageError, NotFound."""
    if ids:
        if states or names or error:
            raise UsageError("give ids or a filter, not both")
        yield from [catalog.find(disk, prefix) for prefix in ids]
        return
    if not (states or names or error):
        raise UsageError("which events? give ids, or --state, --name or --error")
    for state in states:
        if state not in layout.STATES:
            raise UsageError(f"there is no state {state!r}", f"one of {', '.join(layout.STATES)}")
    wanted = catalog.Filter(
        tuple(states) or tuple(allowed.split()), tuple(names), error=error or None
    )
    yield from [seen.entry for seen in catalog.search(disk, wanted)]
