"""What a person sees of the whole spool: what wants attention, how much, what, when. Pure."""

from collections.abc import Iterator
from sys import maxsize
from typing import Any

from ampt_cli import instants, layout
from ampt_cli.columns import Column, folded, rows_in
from ampt_cli.explain import LONG, hanging
from ampt_cli.render import Line, cut, length, line, plural, short

BARS = "▁▂▃▄▅▆▇█"
HOURS, DAYS = 24, 30
QUIET = 90_000  # ms that an event may be overdue without anybody being told
FAILING = Column("", right=True), Column(""), Column("", least=8, most=28), Column("", least=12)
NAME = 12  # cells of the name of what runs, at least


# What is left out where the lines do not fit the terminal: as pictures, groups, one line of counts
SHAPES = (True, 8, False), (True, 8, True), (True, 3, True), (False, 3, True), (False, 0, True)


def glance(
    found: dict[str, Any], spool: str, now: int, room: int | None = None, height: int = maxsize
) -> list[Line]:
    """The lines of an overview, at `now` (ms), each of at most `room` cells.

    Where there are more than `height` it says less, and what is still too much is cut off.
    """
    lines: list[Line] = []
    for shape in SHAPES:
        lines = _lines(found, spool, now, room, *shape)
        if len(lines) <= height:
            return lines
    return [*lines[: height - 1], line((f"… {len(lines) - height + 1} more lines", "dim"))]


def _lines(
    found: dict[str, Any],
    spool: str,
    now: int,
    room: int | None,
    pictures: bool,
    groups: int,
    brief: bool,
) -> list[Line]:
    told = [line((spool, "head"), (f"   {moment(now)}", "dim"))]
    told += [line(), *attention(found, now), line()]
    told += _briefly(found, now) if brief else _counts(found, now)
    lines = [part for one in told for part in folded(one, room)]
    lines += _section("", _pictures(found, now, room)) if pictures else []
    lines += _section("Failing", _failing(found, room, groups)) if groups else []
    lines += _section("Runners", _runners(found, now, room))
    return lines


def attention(found: dict[str, Any], now: int) -> Iterator[Line]:
    """What somebody should do, or that all is well."""
    counts = found["counts"]
    gone = sum(not runner["alive"] for runner in found["runners"])
    overdue = _overdue(found, now)
    yield from overdue
    wrong = []
    if gone:
        wrong.append(
            line((f"{plural(gone, 'runner')} died; the next run takes back its claims", "warn"))
        )
    wrong += _hanging(found, now)
    if found["unread"]:
        told = f"{_unread(found)}, so not all is counted:"
        wrong.append(line((told, "bad"), (" ampt check", "")))
    if counts[layout.DEAD]:
        told, hint = plural(counts[layout.DEAD], "dead event"), "--state dead --group-by error"
        wrong.append(line((f"{told}:", "bad"), (f" ampt inspect {hint}", "")))
    if counts[layout.QUARANTINE]:
        told = plural(counts[layout.QUARANTINE], "damaged file")
        wrong.append(
            line((f"{told} in quarantine:", "bad"), (" ampt inspect --state quarantine", ""))
        )
    if counts[layout.RETRY]:
        told, hint = plural(counts[layout.RETRY], "event"), "--state retry --group-by error"
        wrong.append(
            line((f"{told} failed, to be tried again:", "warn"), (f" ampt inspect {hint}", ""))
        )
    yield from wrong
    if not wrong and all(style == "dim" for one in overdue for _, style in one):
        yield line(("Nothing wants attention.", "good"))


def _hanging(found: dict[str, Any], now: int) -> Iterator[Line]:
    """Of each runner that was stopped, or hangs: it keeps its claims from all others."""
    for runner in found["runners"]:
        took = max((now - doing["start"] for doing in runner["now"]), default=0)
        if runner["alive"] and took > LONG:
            told = f"an attempt has been running for {length(took)}:"
            yield line((told, "bad"), (f" {hanging(runner['pid'])}", ""))


def _overdue(found: dict[str, Any], now: int) -> list[Line]:
    if not found["overdue"]:
        return []
    late = now - found["oldest_due"]
    count, ago = plural(found["overdue"], "event"), length(late)
    alive = any(runner["alive"] for runner in found["runners"])
    if late < QUIET:  # nobody's fault yet: a watching runner is at it, cron comes soon
        whose = "a runner is at work" if alive else "the next ampt run takes what is due"
        if not alive and _may_hide_one(found):
            whose = "whether a runner is at work cannot be read"
        return [line((f"{count} due, the oldest for {ago}; {whose}", "dim"))]
    hint = "" if alive or _may_hide_one(found) else "; no runner is alive"
    return [line((f"{count} overdue, the oldest for {ago}{hint}", "bad"))]


def _may_hide_one(found: dict[str, Any]) -> bool:
    """Whether there may be a runner in what cannot be read."""
    return any(path.partition("/")[0] == layout.RUNNING for path in found["unread"])


def _counts(found: dict[str, Any], now: int) -> Iterator[Line]:
    for state, count in found["counts"].items():
        wrong = state in {layout.DEAD, layout.QUARANTINE} and count
        yield line((f"  {state:<10} ", ""), (f"{count:>13,}", "bad" if wrong else ""))
    if found["next_due"]:
        yield from (line(), _next(found, now))


def _next(found: dict[str, Any], now: int) -> Line:
    instant = found["next_due"]
    return line((f"  next due in {length(instant - now)}, at {moment(instant)}", "dim"))


def _briefly(found: dict[str, Any], now: int) -> Iterator[Line]:
    pieces = [(f"  {state} {count:,}", "") for state, count in found["counts"].items()]
    yield line(*pieces)
    if found["next_due"]:
        yield _next(found, now)


def _pictures(found: dict[str, Any], now: int, room: int | None) -> Iterator[Line]:
    """A small picture of each: what falls due when, and what was done when."""
    coming = found["coming"]
    hours = [instants.bucket(stamp) for stamp in _stamps(now, range(HOURS), instants.HOUR)]
    yield _picture("due in 24 h", [coming.get(hour, 0) for hour in hours], hours, room)
    by_day: dict[str, int] = {}
    for hour, count in coming.items():
        by_day[hour[:10]] = by_day.get(hour[:10], 0) + count
    days = [instants.date(stamp) for stamp in _stamps(now, range(DAYS), instants.DAY)]
    yield _picture("due in 30 days", [by_day.get(day, 0) for day in days], days, room)
    later = sum(count for day, count in by_day.items() if day > days[-1])
    yield line((f"  {'due later':<14} {later:>8,}", "")) if later else []
    past = [instants.date(stamp) for stamp in _stamps(now, range(1 - DAYS, 1), instants.DAY)]
    for state, dates in found["ended"].items():
        yield _picture(f"{state}, 30 days", [dates.get(day, 0) for day in past], past, room)


def _stamps(now: int, steps: range, step: int) -> list[str]:
    """The stamps so many steps (ms) from now, as far as there are any: a clock may be wrong."""
    return [instants.stamp(min(max(now + i * step, 0), instants.LAST)) for i in steps]


def _picture(label: str, counts: list[int], when: list[str], room: int | None) -> Line:
    """A bar for each count, or for some together where there is no room; empty without counts."""
    if not any(counts):
        return []
    day, _, hour = when[counts.index(max(counts))].partition("/")
    peak = f" most {max(counts):,} " + (f"at {hour}:00" if hour else f"on {day[5:]}")
    head = f"  {label:<14} {sum(counts):>8,}  "
    left = len(counts) if room is None else room - len(head) - 2
    each = next((n for n in (1, 2, 3, 5, 6) if len(counts) <= n * left), len(counts))
    sums = [sum(counts[i : i + each]) for i in range(0, len(counts), each)]
    bars = "".join(BARS[(count * 8 - 1) // max(sums)] if count else " " for count in sums)
    fits = room is None or len(head) + len(bars) + 2 + len(peak) <= room
    style = "good" if label.startswith("done") else "bad" if label.startswith("dead") else "head"
    return line((head, ""), ("│", "dim"), (bars, style), ("│" + (peak if fits else ""), "dim"))


def _failing(found: dict[str, Any], room: int | None, most: int) -> Iterator[Line]:
    groups = found["errors"]
    rows = [
        line(
            (f"{group['events']:,}", ""),
            (group["state"], "bad" if group["state"] == layout.DEAD else "warn"),
            (group["name"], ""),
            (group["error"] or "no error was recorded", "dim"),
        )
        for group in groups[:most]
    ]
    fitted = rows_in(FAILING, rows, None if room is None else room - 2, heads=False)
    yield from ([("  ", ""), *row] for row in fitted)
    if len(groups) > most:
        more = f"  … and {len(groups) - most} more: ampt inspect --group-by error"
        yield from folded(line((more, "dim")), room)
    if found["errors_sampled"]:
        told = "  (of a sample; for all: ampt inspect --group-by error)"
        yield from folded(line((told, "dim")), room)


def _runners(found: dict[str, Any], now: int, room: int | None) -> Iterator[Line]:
    runners = found["runners"]
    if not any(runner["alive"] for runner in runners):
        told = _last_run(found["last_run"], now)
        none = "none that can be read" if _may_hide_one(found) else "none"
        yield from folded(line((f"  {none} is alive; ", ""), (told, "dim")), room)
    for runner in runners:
        yield from folded(_runner(runner, now), room, "    ")
        for doing in runner["now"]:
            took = f"for {length(now - doing['start'])}"
            shown = doing["id"] if room is None else short(doing["id"])
            told = f"    {shown}  {took}  attempt {doing['attempt']}  "
            name = (
                doing["name"] if room is None else cut(doing["name"], max(room - len(told), NAME))
            )
            yield from folded(line((told, "dim"), (name, "")), room, "      ")


def _last_run(last: int | None, now: int) -> str:
    if last is None:
        return "none ever ran"
    if last > now + QUIET:  # by less, where a run looked while this was counted
        told = f"the last run was at {moment(last)}, which is still to come"
        return f"{told}: was the clock set back?"
    return f"the last run was {length(now - last)} ago"


def _runner(runner: dict[str, Any], now: int) -> Line:
    since = f" for {length(now - runner['since'])}" if runner["since"] else ""
    word, style = ("alive", "good") if runner["alive"] else ("gone", "bad")
    claims = plural(runner["claims"], "claim") if runner["claims"] else "idle"
    told = f"{since if runner['alive'] else ''}, pid {runner['pid']}, {claims}"
    return line((f"  {word}", style), (told, ""), (f"  {runner['runner']}", "dim"))


def _section(head: str, lines: Iterator[Line]) -> list[Line]:
    """Lines under a head, if there are any."""
    kept = [one for one in lines if one]
    return [line(), *([line((head, "head"))] if head else []), *kept] if kept else []


def moment(instant: int) -> str:
    """An instant for people: 2026-11-24 09:30:12 UTC."""
    return instants.iso(instant)[:19].replace("T", " ") + " UTC"


def changes(found: dict[str, Any]) -> str:
    """One plain line of an overview, for --follow without a terminal."""
    counts = "  ".join(f"{state} {count:,}" for state, count in found["counts"].items())
    unread = f"  {_unread(found)}" if found["unread"] else ""
    return f"{counts}  overdue {found['overdue']:,}{unread}"


def _unread(found: dict[str, Any]) -> str:
    return f"{plural(len(found['unread']), 'path')} cannot be read"
