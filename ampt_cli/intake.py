"""Find due events and claim them for one runner."""

from collections.abc import Callable
from itertools import chain
from time import monotonic

from ampt_cli import place, spool
from ampt_cli.fsio import Disk
from ampt_cli.known import Known
from ampt_cli.layout import Entry
from ampt_cli.scan import Scan

AHEAD = 128  # entries at most between runners that meet; a hash is another one in each process
POLL = 1.0  # s between looks at the spool when nobody wakes the runner


class Intake:
    """Scan after scan, until one finds nothing to claim; then it is `exhausted`."""

    def __init__(
        self,
        disk: Disk,
        clock: Callable[[], int],
        names: tuple[str, ...],
        *,
        network: bool = False,
    ) -> None:
        """On a `network` a folder may have changed a minute before its status says so."""
        self.disk = disk
        self.clock = clock
        self.names = names  # globs
        self.runner = ""
        self.skipped: set[int] = set()  # hashes of files that nothing can be done with now
        self.lost = 0  # claims that others were faster to make
        self.known = None if network else Known()  # nfs(5): acdirmax
        self.unread: dict[str, OSError] = {}  # folders that could not be read, and why
        self.rescan()

    def rescan(self) -> None:
        """Begin to look from the oldest bucket on."""
        self.scan = Scan(self.disk, self.clock(), self.known, self.unread)
        self._entries = self.scan.entries()
        self._found = self._missed = self.exhausted = False
        self.next_look = monotonic() + POLL

    def peek(self) -> bool:
        """Whether anything is due that is wanted; it stays first in line."""
        for entry in self._entries:
            if self._wanted(entry):
                self._entries = chain((entry,), self._entries)
                return True
        return False

    def claim(self) -> Entry | None:
        """Claim what is due next; None when a whole scan found nothing to claim."""
        while not self.exhausted:
            for entry in self._entries:
                if self._wanted(entry):
                    claim = self._take(entry)
                    if claim is not None:
                        self._found = True
                        return claim
                    self._leave_some(entry)
            if self._found or self._missed:
                place.check_still(self.disk)
                self.rescan()
            else:
                self.exhausted = True
        return None

    def _leave_some(self, entry: Entry) -> None:
        """Leave what follows `entry` to who was faster, for now: another scan will follow."""
        self._missed |= self.scan.skip(hash(entry.file) % AHEAD) > 0
        self.lost += 1

    def look_again(self, *, woken: bool) -> None:
        """Scan once more if there is a reason: a wake-up, a due time, or a second has passed."""
        if self.exhausted and (woken or self.patience() <= 0):
            place.check_still(self.disk)
            self.rescan()

    def patience(self) -> float:
        """How long (s) until there is reason to look again."""
        return min(self.next_look - monotonic(), self.until_due())

    def until_due(self) -> float:
        """How long (s) until what was found to wait is due; without end if nothing does."""
        due = self.scan.next_due
        return float("inf") if due is None else (due - self.clock()) / 1000

    def skip(self, entry: Entry) -> None:
        """Do not claim this entry again, until `forget`."""
        self.skipped.add(hash(entry.file))

    def forget(self) -> None:
        """What could not be claimed or read may be tried again: a fault may be over.

        Of buckets that are gone, nothing need be known.
        """
        self.skipped.clear()
        self.unread.clear()
        if self.known is not None:
            self.known.forget(self.scan.buckets)

    def _wanted(self, entry: Entry) -> bool:
        if self.skipped and hash(entry.file) in self.skipped:
            return False
        if not self.names:
            return True
        from ampt_cli.catalog import matches  # noqa: PLC0415  gate: it loads re

        return matches(entry, self.names)

    def _take(self, entry: Entry) -> Entry | None:
        try:
            return spool.claim(self.disk, entry, self.runner)
        except FileExistsError:  # two entries of one event, as a restored backup may leave
            self.skip(entry)
            return None
