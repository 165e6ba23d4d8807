"""`ampt inspect --follow`: stay, and show what changes; Ctrl-C ends it."""

import time

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
    try:
        with Live() as live:
            while True:
                now = clock.now()
                found = overview.overview(disk, counting.census(now))
                if live.shown:
                    live.update(glance(found, base, now))
                else:
                    line = changes(found, now)
                    if line.split("  ")[1:] != before.split("  ")[1:]:
                        say(line)
                    before = line
                time.sleep(EVERY)
    except KeyboardInterrupt:
        return


def event(disk: Disk, prefix: str) -> None:
    """One event: a line for each change of its path, until it is done or dead."""
    entry, path = find_anywhere(disk, prefix), ""
    try:
        while True:
            seen = catalog.look(disk, entry)
            if seen is None:
                entry = find_anywhere(disk, entry.id)
                continue
            if entry.path != path:
                path, now = entry.path, clock.now()
                say(f"{moment(now)}  {entry.state:<8} {explained(disk, seen, now)}")
            if entry.state in layout.FINISHED:
                return
            time.sleep(EVENT_EVERY)
    except KeyboardInterrupt:
        return
