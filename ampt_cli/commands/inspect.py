"""`ampt inspect`: the spool at a glance, a list, or one event in depth."""

import os
from typing import Annotated, Any

import typer

from ampt_cli import catalog, clock, due, jsontext, layout, overview, place, settings
from ampt_cli.commands.choosing import known_states
from ampt_cli.explain import explain
from ampt_cli.fsio import Disk
from ampt_cli.render import length, say, show_json, table

HELP = """Look at the spool, at some events, or at one.

\b
Examples:
  ampt inspect                         the spool at a glance
  ampt inspect 3f9c                    one event: where, why, what next
  ampt inspect --state dead --error ConnectionError
  ampt inspect --state retry --json    JSON Lines
  ampt inspect --config                each setting, and where it came from
"""


def inspect(  # noqa: PLR0917  each option is a parameter
    id: Annotated[str, typer.Argument(help="An event's id, or a unique beginning of one.")] = "",  # noqa: A002
    state: Annotated[list[str], typer.Option(help="Only this state.")] = [],  # noqa: B006
    name: Annotated[list[str], typer.Option(help="Only names that match this glob.")] = [],  # noqa: B006
    error: Annotated[str, typer.Option(help="Only where the last error contains this.")] = "",
    since: Annotated[str, typer.Option(help="Not before this time (ISO 8601).")] = "",
    until: Annotated[str, typer.Option(help="Not after this time (ISO 8601).")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="JSON; JSON Lines for lists.")] = False,
    config: Annotated[bool, typer.Option("--config", help="Show the settings.")] = False,
    spool: Annotated[str, typer.Option(help="The spool.")] = "",
) -> None:
    """Dispatch: the settings, one event, a list, or the overview."""
    if config:
        _config(spool)
        return
    disk = place.open_disk(settings.spool_path(spool or None))
    now = clock.now()
    if id:
        _one(disk, id, now, as_json=as_json)
    elif state or name or error or since or until:
        wanted = catalog.Filter(
            known_states(state) or layout.STATES,
            tuple(name),
            _instant(since),
            _instant(until),
            error or None,
        )
        _some(disk, wanted, limit, as_json=as_json)
    else:
        _all(disk, now, as_json=as_json)


def _instant(text: str) -> int | None:
    return due.read_instant(text) if text else None


def _config(spool: str) -> None:
    found, path = settings.read()
    base = settings.spool_path(spool or None, found)
    told = [("spool", base, _source(spool, "AMPT_SPOOL", "spool", found, path))]
    for key, value in found.items():
        if key != "spool":
            told.append((key, str(value), str(path)))
    table(("setting", "value", "from"), told)


def _source(given: str, variable: str, key: str, found: dict[str, Any], path: str | None) -> str:
    if given:
        return "the command line"
    if os.environ.get(variable):
        return variable
    return str(path) if key in found else "the default"


# -- one event ----------------------------------------------------------------------


def _one(disk: Disk, id: str, now: int, *, as_json: bool) -> None:  # noqa: A002
    seen = None
    while seen is None:  # it moves between being found and being opened
        seen = catalog.look(disk, catalog.find(disk, id))
    if as_json:
        show_json(_as_data(seen) | {"explanation": explain(seen, now)})
        return
    say(explain(seen, now))
    say()
    entry, event = seen.entry, seen.event
    say(f"  id        {entry.id}")
    say(f"  name      {entry.name}")
    say(f"  state     {entry.state}")
    if event is not None:
        say(f"  published {due.iso(event.time)}")
        say(f"  due       {due.iso(event.due)}")
    say(f"  file      {entry.path}")
    if seen.damage:
        say(f"  damage    {seen.damage}")
    if event is not None:
        say(f"  body      {jsontext.dumps(event.body)}")
    for made in seen.records:
        _record(made)


def _record(made: dict[str, Any]) -> None:
    say()
    if "action" in made:
        say(f"  {made['action']} at {_time(made.get('time'))}")
        return
    took = made.get("ms")
    after = f" after {length(took)}" if isinstance(took, int | float) else ""
    outcome = str(made.get("outcome")).replace("_", " ")
    say(f"  attempt {made.get('attempt')}: {outcome}{after}, begun {_time(made.get('start'))}")
    if made.get("error"):
        say(f"    {made['error']}")
    for report in made.get("handlers", []):
        say(f"    {report.get('handler')}: {str(report.get('outcome')).replace('_', ' ')}")
        for line in str(report.get("traceback", "")).splitlines():
            say(f"      {line}")
    if made.get("output"):
        say("    output:")
        for line in str(made["output"]).splitlines():
            say(f"      {line}")


def _time(instant: object) -> str:
    return due.iso(instant) if type(instant) is int else "?"


def _as_data(seen: catalog.Seen) -> dict[str, Any]:
    entry, event = seen.entry, seen.event
    return {
        "id": entry.id,
        "name": entry.name,
        "state": entry.state,
        "attempt": entry.attempt,
        "due": entry.due,
        "path": entry.path,
        "time": event.time if event else None,
        "body": event.body if event else None,
        "records": seen.records,
        "damage": seen.damage,
    }


# -- some, and all ------------------------------------------------------------------


def _some(disk: Disk, wanted: catalog.Filter, limit: int, *, as_json: bool) -> None:
    rows = []
    for count, seen in enumerate(catalog.search(disk, wanted), 1):
        if count > limit:
            break
        entry = seen.entry
        if as_json:
            opened = seen if wanted.reads else catalog.look(disk, entry)
            if opened is not None:
                show_json(_as_data(opened))
        else:
            row = (due.iso(entry.due), entry.state, entry.id, entry.name, f"a{entry.attempt}")
            rows.append((*row, seen.error or ""))
    if not as_json:
        table(("due", "state", "id", "name", "attempt", "error"), sorted(rows))


def _all(disk: Disk, now: int, *, as_json: bool) -> None:
    found = overview.overview(disk, now)
    if as_json:
        show_json(found)
        return
    table(("state", "events"), [(state, f"{n:,}") for state, n in found["counts"].items()])
    if found["overdue"]:
        say(f"{found['overdue']:,} overdue, the oldest for {length(now - found['oldest_due'])}")
    if found["next_due"]:
        say(f"next due in {length(found['next_due'] - now)}, at {due.iso(found['next_due'])}")
    for group in found["errors"][:10]:
        say(f"{group['events']:,} {group['state']}  {group['name']}  {group['error']}")
    for runner in found["runners"]:
        alive = "alive" if runner["alive"] else "dead, to be rescued by the next run"
        say(f"runner {runner['runner']} (pid {runner['pid']}): {alive}, {runner['claims']} claimed")
        for doing in runner["now"]:
            say(f"  {doing['name']} {doing['id']} for {length(now - doing['start'])}")
    if found["coming"]:
        _picture(found["coming"])


def _picture(coming: dict[str, int]) -> None:
    most = max(coming.values())
    for date, count in list(coming.items())[:14]:
        say(f"{date}  {'▪' * max(1, round(40 * count / most))} {count:,}")
    if len(coming) > 14:
        say(f"… and {len(coming) - 14} more days")
