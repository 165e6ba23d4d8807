"""What a runner does besides handling events: rescue, sweep, prune, add up statistics."""

import os
from collections.abc import Callable
from time import monotonic

from ampt_cli import counters, instants, layout, record, upkeep
from ampt_cli.counters import Counters
from ampt_cli.errors import Trouble
from ampt_cli.fsio import Disk
from ampt_cli.intake import POLL, Intake
from ampt_cli.known import Snapshot
from ampt_cli.layout import Entry
from ampt_cli.policy import Verdict
from ampt_cli.ran import touch
from ampt_cli.told import Observer, Settings, Tally

UPKEEP = 60.0  # s between sweeps and prunings of a runner that stays
PRUNE_AT_ONCE = 1_000  # entries, so that a runner that stays looks after its workers
PRUNE_AT_END = 20_000  # for a run that ends, and so that the next can begin


class Chores:
    """Those of one runner. What cannot be done is told, and is no reason to fail."""

    def __init__(
        self,
        disk: Disk,
        settings: Settings,
        observer: Observer,
        clock: Callable[[], int],
        tally: Tally,
    ) -> None:
        self.disk = disk
        self.settings = settings
        self.observer = observer
        self.clock = clock
        self.tally = tally
        self.added = Counters()  # to the spool's counters, of what the tally has
        self.next_rescue = self.next_upkeep = 0.0
        self.unrescued = Trouble()  # of the last look
        self._told: set[str] = set()  # since the last upkeep
        self.alone = Snapshot()  # of running/, where nobody else was
        self.more = False  # whether more may be pruned at once

    def keep_up(self, own: str, intake: Intake) -> bool:
        """What a runner that stays does now and then; `own` is its folder.

        Whether it tidied: what is left alone meanwhile is then to be tried again.
        """
        now = monotonic()
        if now < self.next_rescue:
            return False
        self.next_rescue = now + POLL
        if self.rescue(own):
            intake.next_look = 0.0
        for folder, error in sorted(intake.unread.items()):
            self.problem(f"cannot read {folder}: {error.strerror}")
        if now >= self.next_upkeep:
            if self.next_upkeep:  # of the first there is nothing that was told a minute ago
                self._told.clear()
            self.next_upkeep = now + UPKEEP
            intake.forget()
            self.more = self.tidy(intake, PRUNE_AT_ONCE)
            return True
        if self.more:
            self.more = self._prune(PRUNE_AT_ONCE)
        return False

    def rescue(self, own: str | None) -> bool:
        """Take back what dead runners had claimed; whether there was any."""
        retries = self.settings.retries
        self.alone = Snapshot()
        self.alone.take(self.disk, layout.RUNNING)
        rescue = upkeep.Rescue(self.disk, self.clock, retries, self.problem, self._interrupted)
        found = rescue.all(own)
        self.unrescued = rescue.trouble
        if rescue.others:
            self.alone.note(layout.RUNNING, None)
        self.tally.counts[record.INTERRUPTED] += found.interrupted
        self.tally.counts[record.SUCCEEDED] += found.succeeded
        self.tally.quarantined += found.quarantined
        return found != upkeep.Rescued()

    def _interrupted(self, entry: Entry, verdict: Verdict) -> None:
        detail = {"error": upkeep.INTERRUPTED, "verdict": verdict.state, "next": verdict.next}
        self.observer.attempt(entry, record.INTERRUPTED, detail)

    def problem(self, text: str) -> None:
        """Tell a person, who need not read each second what is met each second."""
        if text not in self._told:
            self._told.add(text)
            self.observer.problem(text)

    def tidy(self, intake: Intake, most: int = PRUNE_AT_END) -> bool:
        """Remove what nobody needs any more; whether `most` entries were pruned: there may be more.

        One thing that cannot be done keeps no other from being done.
        """
        touch(self.disk)
        self.add_up()
        self._try(intake.scan.remove_empty)
        self._try(lambda: upkeep.sweep(self.disk, self.clock()))
        self._try(lambda: upkeep.mark(self.disk))
        return self._prune(most)

    def _prune(self, most: int) -> bool:
        trouble, kept = Trouble(), self.settings.retention
        count = upkeep.prune(self.disk, self.clock(), kept, trouble, most)
        self._untidy(trouble)
        return count == most

    def _try(self, chore: Callable[[], object]) -> None:
        trouble = Trouble()
        with trouble:
            chore()
        self._untidy(trouble)

    def _untidy(self, trouble: Trouble) -> None:
        if trouble.first is not None:
            self.problem(f"cannot tidy the spool: {trouble.first}")

    def add_up(self) -> None:
        """Pass on to the spool's counters what came since the last time."""
        now = self.tally.counters()
        more = now.minus(self.added)
        draft = f"{layout.TMP}/{instants.stamp(self.clock())}.{os.urandom(6).hex()}"
        if any(more.attempts.values()) and counters.add(self.disk, more, draft):
            self.added = now
