"""What a person sees of some events on a terminal: a line for each, or for each group. Pure."""

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from ampt_cli import layout, printing
from ampt_cli.catalog import Seen
from ampt_cli.columns import Column, rows_in
from ampt_cli.glance import moment
from ampt_cli.render import Line, ago, line, short

ENOUGH = 60  # characters of an error, to find it by
EVENTS = (
    Column("at (UTC)", drop=4),
    Column("due", drop=2),
    Column("state"),
    Column("id"),
    Column("tried", drop=3, right=True),
    Column("name", least=12, most=28),
    Column("error", least=16, drop=1),
)
GROUPS = (
    Column("events", right=True),
    Column("state"),
    Column("name", least=12, most=28),
    Column("error", least=16),
    Column("for example", drop=1),
)
STYLES = {
    layout.DEAD: "bad",
    layout.QUARANTINE: "bad",
    layout.RETRY: "warn",
    layout.RUNNING: "good",
    layout.DONE: "dim",
}


def events(found: Iterable[Seen], now: int, room: int) -> list[Line]:
    """A line for each, at `now` (ms), of at most `room` cells."""
    return rows_in(EVENTS, [_event(seen, now) for seen in found], room)


def _event(seen: Seen, now: int) -> Line:
    entry = seen.entry
    return line(
        (moment(entry.due).removesuffix(" UTC"), "dim"),
        (ago(entry.due, now), ""),
        (entry.state, STYLES.get(entry.state, "")),
        (short(entry.id), "head"),
        (str(entry.attempt or ""), ""),
        (entry.name, ""),
        (seen.error or seen.damage or "", ""),
    )


def groups(found: Sequence[dict[str, Any]], room: int) -> list[Line]:
    """A line for each group."""
    rows = [
        line(
            (f"{group['events']:,}", ""),
            (group["state"], STYLES.get(group["state"], "")),
            (group["name"], ""),
            (group["error"], ""),
            (short(group["id"]), "head"),
        )
        for group in found
    ]
    return rows_in(GROUPS, rows, room)


def redrive(group: dict[str, Any], asked: str | None = None) -> str:
    """The command that shows what a redrive of this group would move.

    A group by name has no error of its own, but perhaps there is one that was `asked` for.

    It can be given as it is shown, so no character that would be shown as an escape is in it.
    """
    name = _visible(re.sub(r"[*?\[]", r"[\g<0>]", group["name"]), "?")
    error = max(_visible(group["error"] or asked or "", "\n").split("\n"), key=len)[:ENOUGH]
    told = f" --error {shlex.quote(error)}" if error else ""
    return f"ampt retry --state dead --name {shlex.quote(name)}{told} --dry-run"


def _visible(text: str, instead: str) -> str:
    return "".join(char if printing.safe(char) == char else instead for char in text)
