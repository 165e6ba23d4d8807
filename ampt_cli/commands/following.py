"""`ampt inspect --follow`: stay, and show what changes; Ctrl-C ends it."""

import signal
import threading
from collections.abc import Iterator

from ampt_cli import catalog, clock, layout, overview
from ampt_cli.census import Counting
from ampt_cli.commands.looking import explained
from ampt_cli.fsio import Disk
from ampt_cli.glance import changes, glance, moment
from ampt_cli.quarantine import find_anywhere
from ampt_cli.render import Live, say

EVERY = 1.0  # s between two looks at the spool
EVENT_EVERY = 0.2  # s between two looks at one event


def whole(disk: Disk, base: str) -> None:
    """The overview: on a terminal redrawn in place, else a line for each change."""
    counting = Counting(disk)
    before = ""
    with Live() as live:
        for _ in _until_interrupted(EVERY):
            now = clock.now()
            found = overview.overview(disk, counting.census(now))
            if live.shown:
                live.update(glance(found, base, now))
            else:
                line = changes(found, now)
                if line.split("  ")[1:] != before.split("  ")[1:]:
                    say(line)
                before = line


def event(disk: Disk, prefix: str) -> None:
    """One event: a line for each change of its path, until it is done or dead."""
    entry, path = find_anywhere(disk, prefix), ""
    for _ in _until_interrupted(EVENT_EVERY):
        seen = catalog.look(disk, entry)
        while seen is None:
            entry = find_anywhere(disk, entry.id)
            seen = catalog.look(disk, entry)
        if entry.path != path:
            path, now = entry.path, clock.now()
            say(f"{moment(now)}  {entry.state:<8} {explained(disk, seen, now)}")
        if entry.state in layout.FINISHED:
            return


def _until_interrupted(every: float) -> Iterator[None]:
    """Go on, with a pause of `every` s, until Ctrl-C; a second one ends it at once.

    No exception: Python drops one that is raised while an object is finalized.
    """
    stop = threading.Event()

    def interrupted(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    signal.signal(signal.SIGINT, interrupted)
    while not stop.is_set():
        yield
        stop.wait(every)
