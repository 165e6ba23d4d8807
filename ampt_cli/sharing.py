"""Whether a runner takes part in the work, where several would.

Where handlers take next to nothing, what runners are busy with is renames, and the kernel
makes one at a time on a file system: then more runners cost more than they bring. Where
handlers take their time, each runner adds its workers. Which it is, a trial tells, on any
machine: who loses claims to others counts what all begin, stands aside, and counts again.
The oldest of them never does, so that somebody is at work.
"""

from ampt_cli import lock, marks
from ampt_cli.fsio import Disk

SPAN = 0.05  # s that is counted at once; what took twice as long was a pause, or idle
FEW = 64  # events in a span: where fewer are begun, nobody is in anybody's way
BUSY = 0.5  # of a span that workers spend in handlers: from there on, each runner adds its own
MADE_GOOD = 0.5  # of what it did itself must be done by the others; spans differ by a fifth
ASIDE = 5.0  # s at most: what waits may be for this runner alone
AGAIN, AT_LAST = 0.1, 60.0  # s from a trial in which it was missed to the next; it doubles


class Share:
    """A runner's part in it. The others are known by their marks."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self.disk = disk
        self.folder = folder  # whose name begins with when the runner did
        self.aside = False
        self.look_at = 0.0  # monotonic s; there is nothing new before
        self._since = 0.0
        self._begun = self._lost = 0
        self._busy = 0.0
        self._others: dict[str, int] = {}
        self._enough = 0.0  # events a second, begun by the others, for it to stay aside
        self._missed = False  # whether they were fewer in the last span
        self._until = 0.0  # when it has been aside for long enough
        self._pause = AGAIN

    def look(self, now: float, *, begun: int, lost: int, busy: float) -> None:
        """Decide anew: it has `begun` so many events by now, and `lost` so many claims.

        Each of its workers was `busy` with handlers for so long (s).
        """
        others = self._seen()
        gained = {at: count - self._others.get(at, count) for at, count in others.items()}
        theirs, span, wait = sum(gained.values()), now - self._since, SPAN
        if self.aside:
            before, self._missed = self._missed, theirs < self._enough * span
            if self._missed and (before or not theirs):
                self.aside, wait = False, self._pause
                self._pause = min(self._pause * 2, AT_LAST)
            elif now > self._until:
                self.aside, self._pause = False, AGAIN
        elif span < 2 * SPAN and lost > self._lost and busy - self._busy < span * BUSY:
            ours = begun - self._begun
            older = any(gained[at] for at in gained if at < self.folder)
            if older and ours + theirs >= FEW:
                self.aside, self._missed, self._until = True, False, now + ASIDE
                self._enough = (theirs + ours * MADE_GOOD) / span
        self._begun, self._lost, self._busy = begun, lost, busy
        self._since, self._others, self.look_at = now, others, now + wait

    def _seen(self) -> dict[str, int]:
        """How much each of the others has begun; what cannot be read has begun nothing."""
        try:
            folders = lock.runners(self.disk)
        except OSError:
            return {}
        others = (folder for folder in folders if folder != self.folder)
        return {folder: marks.begun_so_far(self.disk, folder) for folder in others}
