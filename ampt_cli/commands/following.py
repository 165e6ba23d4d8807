"""`ampt inspect --follow`: stay, and show what changes; Ctrl-C ends it.

On a terminal the overview and lists are redrawn in place, and at once where the
window has another size; else, and with --json, there is a line for each change.
"""

import signal
from collections.abc import Iterator
from select import select
from time import monotonic
from typing import Any

from ampt_cli import catalog, clock, layout, overview, place, printing, signals
from ampt_cli.catalog import Seen
from ampt_cli.census import Counting
from ampt_cli.commands.looking import as_data, chosen, explained, found, more, plain
from ampt_cli.fsio import Disk
from ampt_cli.glance import changes, glance, moment
from ampt_cli.layout import Entry
from ampt_cli.listing import events
from ampt_cli.marks import Begun
from ampt_cli.render import Live, line, say, show_json, tabs
from ampt_cli.unread import Unread

EVERY = 1.0  # s between two looks at the spool
EVENT_EVERY = 0.2  # s between two looks at one event
SHARE = 20  # a look that takes long is followed by a pause of so many times its length


def whole(disk: Disk, *, as_json: bool) -> None:
    """The overview."""
    counting = Counting()
    before: object = None
    with Live(wanted=not as_json) as live:
        for _ in _until_interrupted(EVERY, drawn=live.shown):
            place.check_still(disk)
            now, unread = clock.now(), Unread(disk)
            told = overview.overview(unread, counting.census(unread, now))
            if live.shown:
                live.update(glance(told, disk.path, now, live.width, live.height))
                continue
            what = _lasting(told) if as_json else changes(told)
            if what != before:
                show_json(told) if as_json else say(f"{moment(now)}  {what}")
            before = what


def _lasting(told: dict[str, Any]) -> dict[str, Any]:
    """What of an overview is another only where something happened."""
    return {key: value for key, value in told.items() if key != "last_run"}


def some(disk: Disk, wanted: catalog.Filter, sort: str, limit: int, *, as_json: bool) -> None:
    """A list of events; without a terminal those that came into it, or are in another place.

    Raises AmptError where some cannot be read: what changes unseen cannot be followed.
    """
    known: set[str] | None = None
    with Live(wanted=not as_json) as live:
        for _ in _until_interrupted(EVERY, drawn=live.shown):
            place.check_still(disk)
            if not live.shown:
                fresh, known = _news(disk, wanted, sort, limit, known)
                for seen in fresh:
                    show_json(as_data(seen)) if as_json else tabs([plain(seen)])
                continue
            unread = Unread(disk)
            picked, total = chosen(unread, wanted, sort, min(limit, max(live.height - 3, 1)))
            unread.tell()
            now = clock.now()
            head = line((moment(now), "dim"), (f"   {len(picked):,} of {total:,}", "head"))
            live.update([head, line(), *events(picked, now, live.width)])


def _news(
    disk: Disk, wanted: catalog.Filter, sort: str, limit: int, before: set[str] | None
) -> tuple[list[Seen], set[str]]:
    """At first the list as it is, later what is new in it; and all paths, for the next time."""
    known, fresh, unread = set[str](), list[Entry](), Unread(disk)
    for entry in unread.entries(wanted.states):
        known.add(entry.path)
        if before is not None and entry.path not in before and wanted.takes(entry):
            fresh.append(entry)
    unread.tell()
    if before is None:
        picked, total = chosen(unread, wanted, sort, limit)
        if total > limit:
            printing.say(more(total, limit))
        return picked, known | {seen.entry.path for seen in picked}
    looked = (catalog.look(disk, entry) for entry in fresh)
    return [one for one in looked if one is not None and catalog.passes(one, wanted)], known


def event(disk: Disk, id: str, *, as_json: bool) -> None:
    """One event: a line for each change of where it is, until it is done or dead."""
    seen = found(disk, id)
    before: tuple[str, int | None] | None = None
    for _ in _until_interrupted(EVENT_EVERY):
        place.check_still(disk)
        if not disk.exists(seen.entry.path):
            seen = found(disk, seen.entry.id)
        now, entry = clock.now(), seen.entry
        begun = None
        if entry.state == layout.RUNNING:
            begun = Begun(disk, entry.folder).start(entry.file)
        if (entry.path, begun) != before:
            sentence = explained(disk, seen, now)
            if as_json:
                show_json(as_data(seen) | {"explanation": sentence})
            else:
                say(f"{moment(now)}  {entry.state:<8} {sentence}")
        before = (entry.path, begun)
        if entry.state in layout.FINISHED:
            return


def _until_interrupted(every: float, *, drawn: bool = False) -> Iterator[None]:
    """Go on, with a pause of `every` s, until Ctrl-C; a second one ends it at once.

    So does SIGTERM where a window is `drawn`, which has to be left as it was.
    Another size of the window ends a pause. Nothing here raises an exception: Python
    drops one that is raised while an object is finalized.
    """
    stopped = False

    def interrupted(number: int, _frame: object) -> None:
        nonlocal stopped
        signal.signal(number, signal.SIG_DFL)
        stopped = True

    for number in (signal.SIGINT, signal.SIGTERM) if drawn else (signal.SIGINT,):
        signal.signal(number, interrupted)
    signal.signal(signal.SIGWINCH, lambda *_: None)
    with signals.waking() as awake:
        while not stopped:
            began = monotonic()
            yield
            select([awake], [], [], max(every, SHARE * (monotonic() - began)))
            signals.emptied(awake)
