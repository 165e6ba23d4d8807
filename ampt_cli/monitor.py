"""Is all well? One line and one status, as monitoring systems of Nagios' kind want them. Pure.

https://www.monitoring-plugins.org/doc/guidelines.html
"""

from typing import NamedTuple

from ampt_cli import layout
from ampt_cli.census import Census
from ampt_cli.metrics import Figures
from ampt_cli.render import length, plural

OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class Limits(NamedTuple):
    """From where on it is a warning, and from where on critical."""

    late: tuple[float, float]  # ms the oldest event is overdue
    idle: tuple[float, float]  # ms since a run looked
    dead: tuple[float, float]  # events
    free: tuple[float, float]  # percent of the file system, from there down


def judge(shown: Figures, limits: Limits) -> tuple[int, str]:
    """The status, and the line with it: what is wrong first, then figures for graphs."""
    census = shown.census
    first = _first_due(census)
    late = 0 if first is None else max(shown.now - first, 0)
    idle = _idle(shown)
    dead, free = census.counts[layout.DEAD], shown.free * 100
    quarantined = census.counts[layout.QUARANTINE]
    found = [
        (_level(late, limits.late), f"the oldest event is overdue for {length(late)}"),
        (_level(idle, limits.idle), _nobody(shown, idle)),
        (_level(dead, limits.dead), plural(dead, "dead event")),
        (_level(-free, (-limits.free[0], -limits.free[1])), f"{free:.0f} % of the disk is free"),
        (WARNING if quarantined else OK, f"{plural(quarantined, 'damaged file')} in quarantine"),
    ]
    worst = max(level for level, _ in found)
    wrong = [text for level, text in sorted(found, key=lambda item: -item[0]) if level]
    said = "; ".join(wrong) or "events are handled"
    return worst, f"AMPT {WORDS[worst]} - {said} | {_figures(shown, late, free, limits)}"


def _first_due(census: Census) -> int | None:
    """When what is not done yet was due first: a runner that hangs keeps what it has claimed."""
    return min((at for at in (census.oldest, census.claimed) if at is not None), default=None)


def _idle(shown: Figures) -> float:
    """How long nobody has looked at the spool (ms); never, if no run ever did and none waits."""
    if shown.runners:
        return 0
    if shown.last_run is not None:
        return max(shown.now - shown.last_run, 0)
    return float("inf") if sum(shown.census.counts.values()) else 0


def _nobody(shown: Figures, idle: float) -> str:
    if shown.last_run is None:
        return "no run has ever looked at the spool"
    return f"no run has looked at the spool for {length(idle)}"


def _level(value: float, limits: tuple[float, float]) -> int:
    warning, critical = limits
    return CRITICAL if value >= critical else WARNING if value >= warning else OK


def _figures(shown: Figures, late: float, free: float, limits: Limits) -> str:
    census = shown.census
    ages = f"{limits.late[0] / 1000:g};{limits.late[1] / 1000:g}"
    dead = f"{limits.dead[0]:g};{limits.dead[1]:g}"
    return (
        f"late={late / 1000:g}s;{ages} dead={census.counts[layout.DEAD]};{dead} "
        f"pending={census.counts[layout.PENDING]} retry={census.counts[layout.RETRY]} "
        f"running={census.counts[layout.RUNNING]} overdue={census.overdue} "
        f"runners={shown.runners} free={free:.1f}%;{limits.free[0]:g}:;{limits.free[1]:g}:"
    )
