"""A spool's figures in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ampt_cli import layout, printing
from ampt_cli.census import Census
from ampt_cli.counters import BOUNDS, Counters
from ampt_cli.record import OUTCOMES

MOST_NAMES = 200  # of event names that have a series of their own; the rest are one
OTHER = ""  # the label of the rest: no event has an empty name


class Figures(NamedTuple):
    """What is shown: counted, added up, and looked at."""

    census: Census
    counters: Counters
    now: int  # ms
    runners: int  # alive
    last_run: int | None  # ms
    free: float  # 0 to 1


def text(shown: Figures) -> str:
    """The whole page, newline at the end."""
    return "".join(f"{line}\n" for line in _lines(shown))


def _lines(shown: Figures) -> Iterator[str]:
    census, counters = shown.census, shown.counters
    late, held = (_age(shown.now, due) for due in (census.oldest, census.claimed))
    yield from _family("ampt_events", "gauge", "Events in the spool, by state and event name.")
    for (state, name), count in sorted(_bounded(census).items()):
        yield f'ampt_events{{state="{state}",name="{_escaped(name)}"}} {count}'
    quarantined = census.counts[layout.QUARANTINE]
    yield from _one("ampt_quarantined_files", "Damaged files that were set aside.", quarantined)
    yield from _one("ampt_overdue_events", "Waiting events whose due time is over.", census.overdue)
    yield from _one("ampt_oldest_overdue_seconds", "How long the oldest of them is overdue.", late)
    yield from _one("ampt_oldest_claimed_seconds", "How long the oldest claim is overdue.", held)
    yield from _one("ampt_runners", "Runners that are alive now.", shown.runners)
    if shown.last_run is not None:
        when = shown.last_run / 1000
        yield from _one(
            "ampt_last_run_timestamp_seconds", "When a run looked at the spool last.", when
        )
    yield from _one("ampt_free_ratio", "Free part of the spool's file system.", shown.free)
    yield from _family("ampt_attempts_total", "counter", "Attempts that were settled, by outcome.")
    for outcome in OUTCOMES:
        yield f'ampt_attempts_total{{outcome="{outcome}"}} {counters.attempts.get(outcome, 0)}'
    yield from _durations(counters)


def _age(now: int, due: int | None) -> float:
    return 0 if due is None else max(now - due, 0) / 1000


def _durations(counters: Counters) -> Iterator[str]:
    name, total = "ampt_attempt_duration_seconds", 0
    yield from _family(name, "histogram", "How long the handlers of each attempt took.")
    for bound, count in zip((*BOUNDS, None), counters.below, strict=True):
        total += count
        limit = "+Inf" if bound is None else f"{bound / 1000:g}"
        yield f'{name}_bucket{{le="{limit}"}} {total}'
    yield f"{name}_sum {counters.ms / 1000:.6f}"
    yield f"{name}_count {total}"


def _bounded(census: Census) -> dict[tuple[str, str], int]:
    """At most MOST_NAMES names, those of most events; what is left has the name OTHER.

    Every state has a series, so that none vanishes from a graph when it is empty.
    """
    totals: dict[str, int] = {}
    names: dict[tuple[str, str], int] = {}
    for (state, name), count in census.names.items():
        shown = printing.safe(name)  # two names may look alike then, and are one series
        names[state, shown] = names.get((state, shown), 0) + count
        totals[shown] = totals.get(shown, 0) + count
    kept = set(sorted(totals, key=lambda name: (-totals[name], name))[:MOST_NAMES])
    found = {(state, OTHER): 0 for state in layout.STATES}
    for (state, name), count in names.items():
        key = (state, name if name in kept else OTHER)
        found[key] = found.get(key, 0) + count
    return found


def _family(name: str, kind: str, meaning: str) -> Iterable[str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _one(name: str, meaning: str, value: float) -> Iterable[str]:
    return *_family(name, "gauge", meaning), f"{name} {value:.10g}"


def _escaped(label: str) -> str:
    """In quotes; a name that is shown has no line break."""
    return label.replace("\\", "\\\\").replace('"', '\\"')
