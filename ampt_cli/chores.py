"""What a runner does besides handling events: rescue, sweep, prune, add up statistics."""

import os
from collections.abc import Callable
from time import monotonic

from ampt_cli import counters, due, layout, record, upkeep
from ampt_cli.counters import Counters
from ampt_cli.fsio import Disk
from ampt_cli.intake import POLL, Intake
from ampt_cli.layout import Entry
from ampt_cli.policy import Verdict
from ampt_cli.ran import touch
from ampt_cli.told import Observer, Settings, Tally

UPKEEP = 60.0  # s between sweeps and prunings of a runner that stays


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

    def keep_up(self, own: str, intake: Intake) -> None:
        """What a runner that stays does now and then; `own` is its folder."""
        now = monotonic()
        if now >= self.next_rescue:
            self.next_rescue = now + POLL
            self.rescue(own)
        if now >= self.next_upkeep:
            self.next_upkeep = now + UPKEEP
            self.tidy(intake)

    def rescue(self, own: str | None) -> bool:
        """Take back what dead runners had claimed; whether there was any."""
        retries, problem = self.settings.retries, self.observer.problem
        found = upkeep.rescue(self.disk, own, self.clock, retries, problem, self._interrupted)
        self.tally.counts[record.INTERRUPTED] += found.interrupted
        self.tally.counts[record.SUCCEEDED] += found.succeeded
        return found != upkeep.Rescued()

    def _interrupted(self, entry: Entry, verdict: Verdict) -> None:
        detail = {"error": upkeep.INTERRUPTED, "verdict": verdict.state, "next": verdict.next}
        self.observer.attempt(entry, record.INTERRUPTED, detail)

    def tidy(self, intake: Intake) -> None:
        """Remove what nobody needs any more."""
        touch(self.disk)
        self.add_up()
        try:
            intake.scan.remove_empty()
            upkeep.sweep(self.disk, self.clock())
            upkeep.prune(self.disk, self.clock(), self.settings.retention)
            upkeep.mark(self.disk)
        except OSError as error:
            self.observer.problem(f"cannot tidy the spool: {error}")

    def add_up(self) -> None:
        """Pass on to the spool's counters what came since the last time."""
        now = self.tally.counters()
        more = now.minus(self.added)
        draft = f"{layout.TMP}/{due.stamp(self.clock())}.{os.urandom(6).hex()}"
        if any(more.attempts.values()) and counters.add(self.disk, more, draft):
            self.added = now
