"""Which events an operator means, and what is said of each deed."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from ampt_cli import catalog, layout, printing, quarantine, reading
from ampt_cli.errors import AmptError, Damaged, TooNew, UsageError, from_os
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.options import SPOOL
from ampt_cli.render import Progress, heard, say, show_json
from ampt_cli.spool import RecordLost
from ampt_cli.unread import Unread

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, or beginnings of them.")]
States = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE", help="Events in this state.")
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", "-n", metavar="GLOB", help="Events whose name matches."),
]
Error = Annotated[
    list[str] | None,  # to refuse more than one
    typer.Option("--error", metavar="TEXT", help="Events whose last error contains this."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines.")]
Spool = Annotated[str, typer.Option("--spool", "-s", metavar="DIR", help=SPOOL.help)]

MOST_NAMES = 5  # of a summary


class Chosen:
    """The events of an operator's command: by id, or by a filter."""

    def __init__(
        self,
        ids: list[str] | None,
        state: list[str] | None,
        name: list[str] | None,
        error: list[str] | None,
    ) -> None:
        self.ids = ids or []
        wanted = bool(state or name or error)
        self.states = state or []
        self.names = tuple(name or [])
        self.error = catalog.one_error(error or [])
        self.unread: Unread | None = None  # what a filter was not tried on
        if self.ids and wanted:
            raise UsageError("give ids or a filter, not both")
        if not (self.ids or wanted):
            raise UsageError("which events? give ids, or --state, --name or --error")

    def entries(self, disk: Disk, allowed: Sequence[str]) -> list[Entry]:
        """Them, as found before any is changed, all of them in one of the states `allowed`.

        What cannot be read keeps no others from it. Raises NotFound; UsageError where an id
        is ambiguous; AmptError for one in another state.
        """
        if self.ids:
            found = [find(disk, prefix, allowed) for prefix in self.ids]
            return list(dict.fromkeys(found))
        states = catalog.known_states(self.states, allowed) or tuple(allowed)
        wanted = catalog.Filter(states, self.names, error=self.error)
        self.unread = Unread(disk)
        with Progress("looking") as told:
            return [seen.entry for seen in catalog.search(self.unread, wanted, told=told)]


def find(disk: Disk, prefix: str, allowed: Sequence[str]) -> Entry:
    """The entry whose id is, or begins uniquely with, `prefix`, in one of the states `allowed`.

    Raises NotFound; UsageError where it is ambiguous; AmptError in another state.
    """
    entry = quarantine.find_anywhere(disk, prefix)
    if entry.state not in allowed:
        where = "in quarantine" if entry.state == layout.QUARANTINE else entry.state
        raise AmptError(
            f"the event {entry.id} is {where}, not {', '.join(allowed[:-1])} or {allowed[-1]}",
            f"look at it: ampt inspect {layout.id_as_argument(entry.id)}",
        )
    return entry


Act = Callable[[Entry], Entry | None]


def leave_newer(disk: Disk, entry: Entry) -> None:
    """Raise TooNew where an entry is for a newer version alone (spool_format.md, section 4)."""
    try:
        reading.first_line(disk, entry)
    except TooNew as error:
        raise TooNew(f"the event {entry.id} is left where it is: {error}", "upgrade") from None
    except (Damaged, OSError):
        return  # told, where it matters, by whoever goes on


def telling(disk: Disk, verb: str, act: Act) -> Act:
    """`act` of what may be acted on; where the disk refuses, an AmptError names event and spool.

    Raises TooNew, too.
    """

    def told(entry: Entry) -> Entry | None:
        try:
            leave_newer(disk, entry)
            return act(entry)
        except OSError as error:
            wrong = from_os(error, f"{verb} the event {entry.id} in the spool {disk.path}")
            wrong.hint = wrong.hint or look_at(entry.id)
            raise wrong from error

    return told


def look_at(id: str) -> str:
    """Where to find an event that is not where it was."""
    return f"look where it is: ampt inspect {layout.id_as_argument(id)}"


class Deeds:
    """What one command does to each of its events, told as it goes."""

    def __init__(self, disk: Disk, verb: str, dry_run: bool, as_json: bool) -> None:
        self.disk = disk
        self.verb = verb  # "cancelled"
        self.dry_run = dry_run
        self.as_json = as_json
        self.done: Counter[str] = Counter()  # event names
        self.heard = True  # whether somebody reads what is told
        self.raced: list[Entry] = []  # gone, or elsewhere, when their turn came
        self.left: list[Damaged | TooNew] = []
        self.unnoted: list[RecordLost] = []

    def each(
        self,
        entries: Sequence[Entry],
        plan: Callable[[Entry], Entry],
        act: Act,
    ) -> None:
        """Move each to where `plan` says, by `act`, which gives None if it was not there any more.

        One that is too new, or damaged, as `plan` says in a dry run, stops no other. What was
        done until another error is said all the same, if it was anything.
        """
        try:
            with Progress(self.verb, len(entries)) as told:
                for number, entry in enumerate(entries):
                    if not (self.dry_run or self.as_json):  # which say a line for each
                        told(number)
                    if self.dry_run:
                        self._would(entry, plan)
                    else:
                        moved = self._act(entry, act)
                        self._one(entry, plan(entry), moved)
        except BaseException:
            if self.done.total():
                self._sum()
            raise
        finally:
            warn_of(self.unnoted)
        if self.done.total() or not self.left:
            self._sum()

    def _act(self, entry: Entry, act: Act) -> bool:
        try:
            moved = act(entry) is not None
        except RecordLost as lost:
            self.unnoted.append(lost)
            return True
        except (Damaged, TooNew) as error:
            self.left.append(error)
            return False
        if not moved:
            self.raced.append(entry)
        return moved

    def _would(self, entry: Entry, plan: Callable[[Entry], Entry]) -> None:
        try:
            leave_newer(self.disk, entry)
            target = plan(entry)
        except (Damaged, TooNew) as error:
            self.left.append(error)
        else:
            self._one(entry, target, False)

    def _one(self, entry: Entry, target: Entry, moved: bool) -> None:
        if moved or self.dry_run:
            self.done[entry.name] += 1
        self.heard = self.heard and heard(lambda: self._show(entry, target, moved))

    def _show(self, entry: Entry, target: Entry, moved: bool) -> None:
        if self.as_json:
            show_json(
                {"id": entry.id, "name": entry.name, "from": entry.state, "to": target.state}
                | {"due": target.due, "moved": moved}
            )
        elif self.dry_run:
            say(f"{entry.id}  {entry.state} to {target.state}  {entry.name}")

    def _sum(self) -> None:
        if self.as_json or not self.heard:
            return
        names = ", ".join(f"{count:,} {name}" for name, count in self.done.most_common(MOST_NAMES))
        more = ", …" if len(self.done) > MOST_NAMES else ""
        would = "would be " if self.dry_run else ""
        total = self.done.total()
        line = f"{total:,} {would}{self.verb}" + (f" ({names}{more})" if total else "")
        heard(lambda: say(line))

    def complain(self, *, by_id: bool, unread: Unread | None = None) -> None:
        """Say what was left.

        Raises AmptError if one, asked for by id, had moved meanwhile, or one may be in what
        cannot be read.
        """
        for error in self.left:
            printing.complain(error)
        if self.raced and by_id:
            raise AmptError(
                f"{len(self.raced)} of the events moved meanwhile, and were left alone",
                look_at(self.raced[0].id),
            )
        if unread is not None:
            unread.tell()
        if self.left:
            raise typer.Exit(max(error.exit_status for error in self.left))


def acted(act: Callable[[], Entry | None]) -> bool:
    """Do a single deed; whether the entry was there still. What is not noted is done too."""
    try:
        return act() is not None
    except RecordLost as lost:
        warn_of([lost])
        return True


def warn_of(unnoted: Sequence[RecordLost]) -> None:
    """Say that deeds are done, and not noted. No failure: to do them again would not help."""
    if unnoted:
        first, more = unnoted[0], len(unnoted) - 1
        files = first.target.path + (f" and {more:,} more" if more else "")
        why = first.error.strerror or first.error
        printing.say(f"that was done, but could not be noted in {files}: {why}", printing.WARNING)
