"""What may be thrown away, and when. Light: an idle `ampt run` asks too."""

from ampt_cli import instants
from ampt_cli.layout import DEAD, DONE, TMP, TMP_IS_STALE

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ampt_cli.errors import Trouble
    from ampt_cli.fsio import Disk


class Retention:
    """How long finished entries are kept (ms)."""

    __slots__ = ("dead", "done")

    def __init__(self, done: int = 7 * instants.DAY, dead: int = 90 * instants.DAY) -> None:
        self.done = done
        self.dead = dead


def retention_of(config: "dict[str, int]") -> Retention:
    """The retention that a configuration asks for."""
    default = Retention()
    return Retention(
        config.get("retention_done", default.done), config.get("retention_dead", default.dead)
    )


def expired(disk: "Disk", now: int, retention: Retention, trouble: "Trouble") -> "Iterator[str]":
    """The folders of done and dead that are past their retention, oldest first.

    If one of the two cannot be read, that is left in `trouble`.
    """
    for state, keep in ((DONE, retention.done), (DEAD, retention.dead)):
        with trouble:
            for date in disk.list(state):
                begin = instants.begin_of(date)
                if begin is None:
                    continue  # no folder of a date
                if begin + instants.DAY + keep > now:
                    break
                yield f"{state}/{date}"


def stale(disk: "Disk", now: int) -> "list[str]":
    """What is in tmp/ for so long that nobody can still be writing it."""
    before = instants.stamp(max(now - TMP_IS_STALE, 0))
    return [
        name
        for name in disk.list(TMP)
        if name < before and instants.is_stamp(name[: instants.STAMP_LENGTH])
    ]
