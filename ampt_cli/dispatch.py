"""What a runner has claimed: given out to its workers, given back, or settled."""

import sys
from collections import deque

from ampt_cli.errors import NotFound
from ampt_cli.frames import Report
from ampt_cli.intake import Intake
from ampt_cli.layout import Entry
from ampt_cli.outcomes import Outcomes
from ampt_cli.supervisor import Supervisor

GROWTH = 8  # times what a worker has, at most, is it given at once


class Dispatch:
    """The claims of a runner, by number, from the intake to the outcomes."""

    def __init__(self, intake: Intake, outcomes: Outcomes, most: int | None) -> None:
        self.intake = intake
        self.outcomes = outcomes
        self.most = sys.maxsize if most is None else most  # attempts that may be begun
        self.claims: dict[int, Entry] = {}
        self._held: deque[int] = deque()  # claimed, and not with a worker
        self._seq = 0
        self._taken = 0  # claims that count as attempts, or will

    @property
    def begun(self) -> int:
        """How many claims are settled, or given back."""
        return self._seq - len(self.claims)

    @property
    def holds(self) -> bool:
        """Whether there are claims that no worker has."""
        return bool(self._held)

    def room(self) -> int:
        """How many more attempts may be begun."""
        return self.most - self._taken

    def hold(self, spare: list[int]) -> None:
        """Take over, out of `spare`, what workers have not begun; forget what is to be left."""
        self._held.extend(spare)
        spare.clear()
        for entry in self.outcomes.left:
            self.intake.skip(entry)
            self._taken -= 1  # no attempt was made
        self.outcomes.left.clear()

    def give_out(self, workers: Supervisor) -> None:
        """Claim, and give to the workers that have the least to do. Raises OSError and NotFound."""
        slots = [slot for slot in workers.slots if slot.wants_more()]
        while slots:
            slot = min(slots, key=lambda slot: len(slot.waiting))
            # One at once for who has none; then ever more, for each write may wake it.
            given = self._take(min(slot.room(), max(len(slot.waiting) * GROWTH, 1)))
            if not given:
                return
            refused = slot.submit([(seq, self.claims[seq].file) for seq in given])
            self._held.extendleft(reversed(refused))
            full = slot if refused else None
            slots = [slot for slot in slots if slot.room() > 0 and slot is not full]
        if self._held and not workers.room:
            self.give_back()

    def _take(self, count: int) -> list[int]:
        """The numbers of at most `count` claims: those in hand, then new ones."""
        taken = [self._held.popleft() for _ in range(min(count, len(self._held)))]
        for _ in range(min(count - len(taken), self.room())):
            try:
                claim = self.intake.claim()
            except (OSError, NotFound):
                self._held.extend(taken)  # what was claimed before the error is given back
                raise
            if claim is None:
                break
            self._seq += 1
            self._taken += 1
            self.claims[self._seq] = claim
            taken.append(self._seq)
        return taken

    def give_back(self) -> None:
        """Release what no worker has begun: another runner may be free."""
        while self._held:
            self.outcomes.release(self.claims.pop(self._held.popleft()))
            self._taken -= 1

    def settle(self, reports: list[Report]) -> None:
        """Settle what workers have reported."""
        for report in reports:
            self.outcomes.settle(self.claims.pop(report[1]), report)
