"""What a person sees of one event: a sentence, its body, and what was tried. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from ampt_cli import due, record
from ampt_cli.catalog import Seen
from ampt_cli.layout import WAITING
from ampt_cli.render import Line, length, line

STYLES = {record.SUCCEEDED: "good", record.IGNORED: "dim", record.CANCELLED: "dim"}


def detail(seen: Seen, sentence: str, now: int) -> list[Line]:
    """The lines of an event, at `now` (ms)."""
    lines = [line((sentence, "head")), line()]
    lines += [line((f"  {key:<10} ", "dim"), (value, "")) for key, value in _facts(seen, now)]
    if seen.event is not None:
        lines.append(line())
        body = json.dumps(seen.event.body, indent=2, ensure_ascii=False)
        lines += [line((f"  {text}", "")) for text in body.split("\n")]
    for made in seen.records:
        lines += [line(), *_record(made)]
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


def _moment(instant: int, now: int) -> str:
    ago = f"in {length(instant - now)}" if instant > now else f"{length(now - instant)} ago"
    return f"{due.iso(instant)}  ({ago})"


def _record(made: dict[str, Any]) -> Iterator[Line]:
    if "action" in made:
        more = f", as {made['by']}" if "by" in made else ""
        yield line((f"  {made['action']}{more} ", "head"), (_time(made.get("time")), "dim"))
        return
    outcome, took = str(made.get("outcome")), made.get("ms")
    after = f" after {length(took)}" if isinstance(took, int | float) else ""
    yield line(
        (f"  attempt {made.get('attempt')} ", "head"),
        (outcome.replace("_", " ") + after, STYLES.get(outcome, "bad")),
        (f"  {_time(made.get('start'))}", "dim"),
    )
    reports = [report for report in made.get("handlers", []) if isinstance(report, dict)]
    if made.get("error") and not any(report.get("error") for report in reports):
        yield line((f"    {made['error']}", "bad"))
    for report in reports:
        yield from _handler(report)
    if made.get("output"):
        yield line(("    output", "dim"))
        yield from (line((f"    | {text}", "")) for text in str(made["output"]).splitlines())


def _handler(report: dict[str, Any]) -> Iterator[Line]:
    outcome, took = str(report.get("outcome")), report.get("ms")
    after = f" after {length(took)}" if isinstance(took, int | float) else ""
    yield line(
        (f"    {report.get('handler')} ", ""),
        (outcome.replace("_", " ") + after, STYLES.get(outcome, "bad")),
    )
    trace = str(report.get("traceback") or report.get("error") or "").splitlines()
    yield from (line((f"      {text}", "")) for text in trace)


def _time(instant: object) -> str:
    return due.iso(instant) if type(instant) is int else "?"
