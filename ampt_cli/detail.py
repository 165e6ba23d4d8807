"""What a person sees of one event: a sentence, its body, and what was tried. Pure."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ampt_cli import instants, record
from ampt_cli.catalog import Seen
from ampt_cli.columns import folded
from ampt_cli.layout import WAITING
from ampt_cli.render import Line, ago, length, line

STYLES = {record.SUCCEEDED: "good", record.IGNORED: "dim", record.CANCELLED: "dim"}


def detail(seen: Seen, sentence: str, now: int, room: int | None = None) -> list[Line]:
    """The lines of an event, at `now` (ms); only the sentence is folded to `room` cells."""
    lines = [*folded(line((sentence, "head")), room, ""), line()]
    lines += [line((f"  {key:<10} ", "dim"), (value, "")) for key, value in _facts(seen, now)]
    if seen.event is not None:
        body = json.dumps(seen.event.body, indent=2, ensure_ascii=False)
        lines += [line(), line(("Body", "head"))]
        lines += [line((f"  {text}", "")) for text in body.split("\n")]
    if seen.records:
        lines += [line(), line(("History", "head"))]
    for number, alike in enumerate(_runs(seen.records)):
        lines += [line()] if number else []
        lines += _deed(alike[0], now) if "action" in alike[0] else _attempts(alike, now)
    return lines


def _facts(seen: Seen, now: int) -> Iterator[tuple[str, str]]:
    entry, event = seen.entry, seen.event
    yield "id", entry.id
    yield "name", entry.name
    yield "state", entry.state
    if event is not None:
        yield "published", _moment(event.time, now)
        yield "due", _moment(event.due, now)
    if entry.state in WAITING and (event is None or entry.due != event.due):
        yield "next", _moment(entry.due, now)
    yield "attempts", str(entry.attempt)
    yield "file", entry.path
    if seen.damage:
        yield "damage", seen.damage


def _moment(instant: object, now: int) -> str:
    """A question mark for what is no instant: records may be damaged."""
    if type(instant) is int and 0 <= instant <= instants.LAST:
        return f"{instants.iso(instant)}  ({ago(instant, now)})"
    return "?"


def _runs(records: list[record.Record]) -> Iterator[list[record.Record]]:
    """The records in order, attempts in a row that went alike together."""
    return (list(alike) for _, alike in groupby(records, _likeness))


def _likeness(made: record.Record) -> object:
    if "action" in made:
        return id(made)
    reports = [
        [report.get(key) for key in ("handler", "outcome", "error", "traceback")]
        for report in _reports(made)
    ]
    return made.get("outcome"), made.get("error"), reports, made.get("output")


def _reports(made: record.Record) -> list[dict[str, Any]]:
    listed = made.get("handlers")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _deed(made: record.Record, now: int) -> Iterator[Line]:
    more = f" as {made['by']}" if "by" in made else ""
    yield line(
        (f"  {made['action']}{more}", "head"), (f"  {_moment(made.get('time'), now)}", "dim")
    )


def _attempts(alike: list[record.Record], now: int) -> Iterator[Line]:
    """Attempts that went alike: the last of them in full."""
    first, made = alike[0], alike[-1]
    which = f"attempt {made.get('attempt')}"
    if len(alike) > 1:
        which = f"attempts {first.get('attempt')} to {made.get('attempt')}"
    yield line(
        (f"  {which} ", "head"),
        _outcome(made),
        (f"  {_moment(made.get('start'), now)}", "dim"),
    )
    if len(alike) > 1:
        yield line((f"    alike since {_moment(first.get('start'), now)}; the last:", "dim"))
    reports = _reports(made)
    if made.get("error") and not any(report.get("error") for report in reports):
        yield line((f"    {made['error']}", "bad"))
    for report in reports:
        yield line((f"    {report.get('handler')} ", ""), _outcome(report))
        trace = str(report.get("traceback") or report.get("error") or "").splitlines()
        yield from (line((f"      {text}", "")) for text in trace)
    if made.get("output"):
        yield line(("    output", "dim"))
        yield from (
            line(("    | ", "dim"), (text, "")) for text in str(made["output"]).splitlines()
        )


def _outcome(made: dict[str, Any]) -> tuple[str, str]:
    outcome, took = str(made.get("outcome")), made.get("ms")
    after = f" after {length(took)}" if isinstance(took, int | float) else ""
    return outcome.replace("_", " ") + after, STYLES.get(outcome, "bad")
