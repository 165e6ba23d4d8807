"""What a person sees of the whole spool: what wants attention, how much, what, when. Pure."""

from collections.abc import Iterator
from typing import Any

from ampt_cli import due, layout
from ampt_cli.render import Line, length, line, plural

BARS = "▁▂▃▄▅▆▇█"
HOURS, DAYS = 24, 30
MOST_GROUPS = 8


def glance(found: dict[str, Any], spool: str, now: int) -> list[Line]:
    """The lines of an overview, at `now` (ms)."""
    lines = [line((spool, "head"), (f"   {moment(now)}", "dim")), line()]
    lines += attention(found, now)
    lines += [line(), *_counts(found, now)]
    lines += _section("", _pictures(found, now))
    lines += _section("Failing", _failing(found))
    lines += _section("Runners", _runners(found["runners"], now))
    return lines


def attention(found: dict[str, Any], now: int) -> Iterator[Line]:
    """What somebody should do, or that all is well."""
    counts = found["counts"]
    alive = any(runner["alive"] for runner in found["runners"])
    gone = sum(not runner["alive"] for runner in found["runners"])
    quiet = True
    if found["overdue"]:
        late = length(now - found["oldest_due"])
        told = f"{plural(found['overdue'], 'event')} overdue, the oldest for {late}"
        hint = "" if alive else f"; no runner is alive{_last_run(found, now)}"
        # What has just come due is nobody's fault: a watching runner is at it, cron comes soon.
        quiet = now - found["oldest_due"] < 90_000
        yield line((told + hint, "dim" if quiet else "bad"))
    if gone:
        quiet = False
        yield line((f"{plural(gone, 'runner')} died; the next run takes back its claims", "warn"))
    if counts[layout.DEAD]:
        quiet = False
        hint = "ampt inspect --state dead --group-by error"
        yield line((plural(counts[layout.DEAD], "dead event"), "bad"), (f": {hint}", ""))
    if counts[layout.QUARANTINE]:
        quiet = False
        told = plural(counts[layout.QUARANTINE], "damaged file") + " in quarantine"
        yield line((told, "bad"), (": ampt inspect --state quarantine", ""))
    if quiet:
        yield line(("Nothing wants attention.", "good"))


def _last_run(found: dict[str, Any], now: int) -> str:
    last = found["last_run"]
    return f", and the last run was {length(now - last)} ago" if last else ", and none ever ran"


def _counts(found: dict[str, Any], now: int) -> Iterator[Line]:
    for state, count in found["counts"].items():
        wrong = state in {layout.DEAD, layout.QUARANTINE} and count
        more = ""
        if state == layout.PENDING and found["next_due"]:
            more = f"   next due in {length(found['next_due'] - now)}, {moment(found['next_due'])}"
        yield line(
            (f"  {state:<10} ", ""), (f"{count:>13,}", "bad" if wrong else ""), (more, "dim")
        )


def _pictures(found: dict[str, Any], now: int) -> Iterator[Line]:
    """A small picture of each: what falls due when, and what was done when."""
    coming = found["coming"]
    if coming:
        hours = [due.bucket(due.stamp(now + i * due.HOUR)) for i in range(HOURS)]
        yield from _picture("due in 24 hours", [coming.get(hour, 0) for hour in hours], hours)
        by_day: dict[str, int] = {}
        for hour, count in coming.items():
            by_day[hour[:10]] = by_day.get(hour[:10], 0) + count
        days = [due.date(due.stamp(now + i * due.DAY)) for i in range(DAYS)]
        yield from _picture("due in 30 days", [by_day.get(day, 0) for day in days], days)
        later = sum(count for day, count in by_day.items() if day > days[-1])
        if later:
            yield line((f"  {'due later':<15} {later:>8,}", ""))
    for state, dates in found["ended"].items():
        days = [due.date(due.stamp(max(now - i * due.DAY, 0))) for i in reversed(range(DAYS))]
        yield from _picture(f"{state}, 30 days", [dates.get(day, 0) for day in days], days)


def _picture(label: str, counts: list[int], when: list[str]) -> Iterator[Line]:
    total = sum(counts)
    if total:
        most = max(counts)
        bars = "".join(BARS[(count * 8 - 1) // most] if count else " " for count in counts)
        day, _, hour = when[counts.index(most)].partition("/")
        peak = f"at {hour} h" if hour else f"on {day[5:]}"
        yield line(
            (f"  {label:<15} {total:>8,}  ", ""),
            (bars, "good" if label.startswith("done") else "head"),
            (f"  most {peak}: {most:,}", "dim"),
        )


def _failing(found: dict[str, Any]) -> Iterator[Line]:
    groups = found["errors"]
    for group in groups[:MOST_GROUPS]:
        yield line(
            (f"  {group['events']:>6,} ", ""),
            (f"{group['state']:<6}", "bad" if group["state"] == layout.DEAD else "warn"),
            (f" {group['name']}  ", ""),
            (group["error"] or "no error was recorded", "dim"),
        )
    if len(groups) > MOST_GROUPS:
        yield line((f"  … and {len(groups) - MOST_GROUPS} more: --group-by error", "dim"))
    if found["errors_sampled"]:
        yield line(("  (of a sample; for all: ampt inspect --group-by error)", "dim"))


def _runners(runners: list[dict[str, Any]], now: int) -> Iterator[Line]:
    for runner in runners:
        since = f", for {length(now - runner['since'])}" if runner["since"] else ""
        word, style = ("alive", "good") if runner["alive"] else ("gone", "bad")
        yield line(
            (f"  {runner['runner']}  ", ""),
            (word, style),
            (f", pid {runner['pid']}{since}, {plural(runner['claims'], 'claim')}", "dim"),
        )
        for doing in runner["now"]:
            took = length(now - doing["start"])
            yield line((f"    {doing['name']}  {doing['id']}  ", ""), (f"since {took}", "dim"))


def _section(head: str, lines: Iterator[Line]) -> list[Line]:
    """Lines under a head, if there are any."""
    kept = list(lines)
    return [line(), *([line((head, "head"))] if head else []), *kept] if kept else []


def moment(instant: int) -> str:
    """An instant for people: 2026-11-24 09:30:12 UTC."""
    return due.iso(instant)[:19].replace("T", " ") + " UTC"


def changes(found: dict[str, Any], now: int) -> str:
    """One plain line of an overview, for --follow without a terminal."""
    counts = "  ".join(f"{state} {count:,}" for state, count in found["counts"].items())
    return f"{moment(now)}  {counts}  overdue {found['overdue']:,}"
