"""Wait while nothing happens and nothing on disk changes: what an idle runner does all day.

Each second the loop of a runner would look, and find the same. To ask whether anything that
it looked at has changed is a fraction of that, all the more after a second in which others
had the caches. What it depended on was noted before it was read (known.py): whatever is
published, moved, or made unreadable since, or left by a runner that begins or dies, changes
one of these folders, so that this wait ends and the loop looks. It ends for a due time and
for upkeep, too, by the clocks; and for a publisher's word, a worker's or a signal.
"""

from time import monotonic

from ampt_cli.chores import Chores
from ampt_cli.intake import POLL, Intake
from ampt_cli.supervisor import Supervisor
from ampt_cli.told import Observer


def rest(
    workers: Supervisor,
    intake: Intake,
    chores: Chores,
    observer: Observer,
    *,
    signals: list[int],
    pause: float,
) -> None:
    """Return once there may be something to do; at once unless all that is known is up to date.

    What is asked is asked every `pause` (s), with a sign of life; first a second after the last
    look at the latest, however late it is when this wait begins.
    """
    known = intake.known
    if known is None or chores.more or not (intake.exhausted and workers.idle):
        return
    disk, seen, alone, held = intake.disk, known.seen, chores.alone, 0.0
    wait = min(pause, max(intake.next_look - monotonic(), 0.0))
    while not signals:
        due = min(intake.until_due(), chores.next_upkeep - monotonic())
        if due <= 0:
            return
        if not workers.rests(min(wait, due)):
            break
        if due < wait or not (seen.holds(disk) and alone.holds(disk)):
            return
        held, wait = monotonic(), pause
        observer.alive()
    intake.next_look = max(intake.next_look, held + POLL)  # news of a worker are no reason
    chores.next_rescue = max(chores.next_rescue, held + POLL)
