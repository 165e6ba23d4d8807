"""`ampt inspect`: the spool at a glance, a list, or one event in depth."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ampt_cli import (
    catalog,
    clock,
    due,
    guard,
    layout,
    listing,
    overview,
    place,
    printing,
    quarantine,
    settings,
)
from ampt_cli.catalog import Seen
from ampt_cli.census import census
from ampt_cli.columns import Column, table
from ampt_cli.commands import following
from ampt_cli.commands.looking import as_data, chosen, explained, found, more, plain
from ampt_cli.configuration import DURATIONS
from ampt_cli.detail import detail
from ampt_cli.errors import UsageError
from ampt_cli.fsio import Disk
from ampt_cli.glance import glance
from ampt_cli.options import SPOOL, Command, Given, Option, help_text, parse
from ampt_cli.origins import origins
from ampt_cli.render import Progress, length, room, say, show, show_json, tabs, write
from ampt_cli.unread import Unread

COMMAND = Command(
    "inspect",
    "[ID]",
    "Look at the spool, at some events, or at one.",
    """
Without an ID or a filter: the spool at a glance; with --sort or --limit a list of all events.
A unique beginning of an id is enough.
Of waiting events --since and --until mean the due time, of others the time of their last
attempt. WHEN is an ISO 8601 time (no zone means UTC), @SECONDS since 1970, ms since 1970,
or a length as in `ampt publish`: so long ago.
""",
    (
        Option("--state", "STATE", "Events in this state.", many=True),
        Option("--name -n", "GLOB", "Events whose name matches.", many=True),
        Option("--error", "TEXT", "Events whose last error contains this."),
        Option("--since", "WHEN", "Not before this time."),
        Option("--until", "WHEN", "Not after this time."),
        Option("--sort", "due|name|state|attempt", "Order; -due: reversed."),
        Option("--limit", "N", "At most so many; 100 without this."),
        Option("--group-by", "error|name", "Count instead."),
        Option("--follow -f", "", "Stay, and show changes."),
        Option("--json", "", "JSON; JSON Lines for lists."),
        Option("--config", "", "Show the settings."),
        SPOOL,
    ),
    (
        ("ampt inspect", "the spool at a glance"),
        ("ampt inspect 3f9c", "one event: where, why, what next"),
        ("ampt inspect --state dead --group-by error", "what goes wrong, and how often"),
        (
            "ampt inspect --error ConnectionError --sort -due --limit 20",
            "some events, the latest first",
        ),
        ("ampt inspect --state dead --since 2h", "what died in the last two hours"),
        ("ampt inspect --since 2026-11-24T08:00Z --json", "for programs"),
        ("ampt inspect --state dead --follow", "live; Ctrl-C ends it"),
        ("ampt inspect --config", "each setting, and where it came from"),
    ),
)
SETTINGS = Column("setting"), Column("value", least=12), Column("from", least=12)
STATES = (*layout.STATES, layout.QUARANTINE)


def main(argv: list[str]) -> int:
    """Look, and show; the exit status."""
    return guard.guarded(COMMAND.name, lambda: _inspect(parse(COMMAND, argv)))


def _inspect(given: Given) -> int:
    """Dispatch: the settings, one event, a list, or the overview."""
    printing.check_stdout()
    if given.has("help"):
        write(help_text(COMMAND))
    elif given.has("config"):
        _refuse(given, "--config", given.values.keys() - {"config", "json", "spool"})
        if given.arguments:
            raise UsageError("--config takes no ID", "ampt inspect --config")
        _config(given)
    else:
        _look(given)
    return 0


def _look(given: Given) -> None:
    as_json, follow = given.has("json"), given.has("follow")
    id_, wanted = _id(given), _wanted(given)
    limit = given.number("limit", None) or 100
    by = given.get("group_by")
    disk = place.open_disk(settings.spool_path(given.get("spool")))
    listed = given.values.keys() & {"sort", "limit"}
    if id_ is not None and (wanted or by):
        raise UsageError("give an id or a filter, not both")
    if id_ is not None:
        _refuse(given, "an ID", listed)
    if follow and by:
        raise UsageError("--follow does not go with --group-by", "ampt inspect --state dead -f")
    if by:
        _refuse(given, "--group-by", listed)
    if id_ is not None:
        one = following.event if follow else _one
        one(disk, id_, as_json=as_json)
    elif by:
        _groups(disk, wanted or catalog.Filter(layout.STATES), by, as_json=as_json)
    elif wanted or listed:
        some = following.some if follow else _some
        wanted = wanted or catalog.Filter(layout.STATES)
        some(disk, wanted, given.get("sort") or "due", limit, as_json=as_json)
    else:
        whole = following.whole if follow else _all
        whole(disk, as_json=as_json)


def _refuse(given: Given, what: str, others: Collection[str]) -> None:
    """Raise UsageError for the first of the options `others` that was given."""
    for key in given.values:
        if key in others:
            raise UsageError(f"--{key.replace('_', '-')} does not go with {what}", HELP)


HELP = "see: ampt inspect --help"


def _id(given: Given) -> str | None:
    if len(given.arguments) > 1:
        raise UsageError(f"inspect takes one ID, and {given.arguments[1]!r} is one more", HELP)
    return given.arguments[0] if given.arguments else None


def _wanted(given: Given) -> catalog.Filter | None:
    """The filter; None without one."""
    states, names = catalog.known_states(given.all("state"), STATES), tuple(given.all("name"))
    times = _instant(given, "since"), _instant(given, "until")
    error = catalog.one_error(given.all("error"))
    if not (states or names or error or any(time is not None for time in times)):
        return None
    return catalog.Filter(states or layout.STATES, names, *times, error)


def _instant(given: Given, key: str) -> int | None:
    text = given.get(key)
    if said := due.doubt(text, due.AS_INSTANT):
        printing.say(f"--{key} {said}")
    return due.read_instant(text, clock.now()) if text else None


def _config(given: Given) -> None:
    found, path = settings.read()
    told = origins(found, path, {"spool": given.get("spool") or ""})
    if given.has("json"):
        for key, value, source in told:
            show_json({"setting": key, "value": value, "from": source})
        return
    rows = [(key, _worded(key, value), source) for key, value, source in told]
    table(SETTINGS, rows)


def _worded(key: str, value: object) -> str:
    if key in DURATIONS and isinstance(value, int):
        return length(value)
    if isinstance(value, bool):
        return str(value).lower()  # as TOML has it
    return "none" if value is None else str(value)


def _one(disk: Disk, id: str, *, as_json: bool) -> None:
    seen, now = found(disk, id), clock.now()
    sentence = explained(disk, seen, now)
    if as_json:
        show_json(as_data(seen) | {"explanation": sentence})
    else:
        show(detail(seen, sentence, now, room()))


def _some(disk: Disk, wanted: catalog.Filter, sort: str, limit: int, *, as_json: bool) -> None:
    unread = Unread(disk)
    with Progress("looking") as told:
        picked, total = chosen(unread, wanted, sort, limit, told)
    wide = None if as_json else room()
    if as_json:
        for seen in picked:
            show_json(as_data(seen))
    elif wide is None:
        tabs(plain(seen) for seen in picked)
    elif picked:
        show(listing.events(picked, clock.now(), wide))
    else:
        say("no such events")
    remark = printing.say if wide is None else say  # stdout is for data
    if total > limit:
        remark(more(total, limit))
    if layout.QUARANTINE in wanted.states:
        plainly = wide is None and not as_json
        rows = {seen.entry.folder for seen in picked if plainly or not seen.damage}
        for line in _held(unread, rows, wanted):
            remark(line)
    unread.tell()


def _held(unread: Unread, rows: Collection[str], wanted: catalog.Filter) -> Iterator[str]:
    """Why what is in the folders `rows` is in quarantine; files that are no entries too.

    But not those where names, times or errors are asked for, of which they have none.
    """
    every = not (wanted.names or wanted.reads)
    for one in quarantine.held(unread):
        if one.folder in rows or (one.entry is None and every):
            yield f"{one.folder}/{one.file}: {one.reason}"


def _groups(disk: Disk, wanted: catalog.Filter, by: str, *, as_json: bool) -> None:
    if by not in {"error", "name"}:
        raise UsageError(f"cannot group by {by!r}", "by error, or by name")
    unread = Unread(disk)
    with Progress("looking") as told:
        found = catalog.search(unread, wanted, read=by == "error", told=told)
        errors = {""}
        groups = overview.grouped(_noting(found, errors), by)
    if as_json:
        for group in groups:
            show_json(group)
    else:
        _show_groups(groups, wanted, errors)
    unread.tell()


def _show_groups(
    groups: list[dict[str, Any]], wanted: catalog.Filter, errors: Collection[str]
) -> None:
    wide = room()
    remark = printing.say if wide is None else say  # stdout is for data
    if wide is None:
        rows = [
            (f"{group['events']:,}", group["state"], group["name"], group["error"], group["id"])
            for group in groups
        ]
        tabs(rows)
    elif groups:
        show(listing.groups(groups, wide))
    else:
        say("no such events")
    dead = [group for group in groups if group["state"] == layout.DEAD and group["error"] in errors]
    if dead:
        timed = wanted.since is not None or wanted.until is not None
        which = ", of any time" if timed else ""  # for which retry has no option
        remark(f"to redrive{which}: {listing.redrive(dead[0], wanted.error)}")


def _noting(found: Iterable[Seen], errors: set[str]) -> Iterator[Seen]:
    """What was found; into `errors` goes what --error finds: not damage, shown in its place."""
    for seen in found:
        errors.add(seen.error or "")
        yield seen


def _all(disk: Disk, *, as_json: bool) -> None:
    now, unread = clock.now(), Unread(disk)
    with Progress("counting") as progress:
        counted = census(unread, now, progress)
    told = overview.overview(unread, counted)
    if as_json:
        show_json(told)
    else:
        show(glance(told, disk.path, now, room()))
    unread.tell()
