"""What a run tells a person, a log, or the journal: one line for what is worth one."""

from ampt_cli import instants, jsontext, layout, notify, printing, record
from ampt_cli.errors import AmptError
from ampt_cli.layout import Entry
from ampt_cli.outlet import Outlet
from ampt_cli.printing import ERROR, INFO, WARNING
from ampt_cli.told import Observer

STUCK = 0.05  # s after which lines that wait are tried again


def complain(error: AmptError, form: str | None) -> int:
    """Tell what ended the run, in that format; the exit status for it."""
    traceback = str(getattr(error, "traceback", ""))
    text = printing.whole(error)
    if form == "json":
        more = {"traceback": traceback} if traceback else {}
        printing.write(
            2, line(ERROR, "problem", text, as_json=True, status=error.exit_status, **more)
        )
        return error.exit_status
    status = printing.complain(error)
    begin = printing.told_journal(ERROR)
    for part in traceback.splitlines():
        printing.write(2, begin + printing.safe(part, keep="\t") + "\n")
    return status


def line(priority: int, event: str, text: str, *, as_json: bool, **more: object) -> str:
    """One record, on one line, for stderr."""
    if as_json:
        told = jsontext.dumps({"event": event, "priority": priority, "text": text, **more})
        return f"{printing.told_journal(priority)}{printing.safe(told)}\n"
    return printing.said(text, priority)


class Log(Observer):
    """Lines on stderr."""

    def __init__(self, *, as_json: bool, verbose: bool) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self.manager = notify.manager()
        self.settled = self.failed = 0
        self.outlet = Outlet(2, self._gap)

    @property
    def often(self) -> float:
        """As the service manager wants it, and soon where lines wait to be written."""
        often = STUCK if self.outlet.is_stuck() else float("inf")
        if self.manager is not None and self.manager.every:
            often = min(often, self.manager.every / 2)
        return often

    def line(self, priority: int, event: str, text: str, **more: object) -> None:
        """One record, on one line."""
        self.outlet.put(line(priority, event, text, as_json=self.as_json, **more))

    def _gap(self, lost: int) -> str:
        text = f"{lost:,} lines are missing here: nobody read stderr when they were due"
        return line(WARNING, "gap", text, as_json=self.as_json, lines=lost)

    def attempt(self, entry: Entry, outcome: str, detail: dict[str, object]) -> None:
        """A line for what did not succeed; for every attempt where --verbose asks for it."""
        self.settled += 1
        self.failed += bool(detail)
        if not detail and not self.verbose:
            return
        known = {"id": entry.id, "name": entry.name, "attempt": entry.attempt, "outcome": outcome}
        what = f"{entry.name} {entry.id}: attempt {entry.attempt} {outcome.replace('_', ' ')}"
        if not detail:
            self.line(INFO, "attempt", what, **known)
            return
        instant = detail["next"]
        if detail["verdict"] == layout.DEAD:
            shown = layout.id_as_argument(entry.id)
            following, priority = f"it is dead; see: ampt inspect {shown}", ERROR
        else:
            following = (
                f"tried again at {instants.iso(instant)}" if isinstance(instant, int) else ""
            )
            priority = INFO if outcome == record.INTERRUPTED else WARNING
        self.line(priority, "attempt", f"{what}: {detail['error']}; {following}", **known, **detail)

    def output(self, entry: Entry, output: bytes) -> None:
        """Pass on what a handler printed, line by line."""
        text = output.decode("utf-8", "replace")
        for line in text.splitlines():
            self.line(INFO, "output", f"{entry.name} {entry.id}| {line}", id=entry.id, line=line)

    def state(self, text: str) -> None:
        """Pass it on to the service manager."""
        if self.manager is not None:
            self.manager.state(text)

    def alive(self) -> None:
        """Write what waited; tell the service manager, with what was done so far."""
        self.outlet.flush()
        if self.manager is not None and self.settled:
            self.manager.alive(f"{self.settled:,} attempts, {self.failed:,} failed")
        elif self.manager is not None:
            self.manager.alive("waiting for events")

    def problem(self, text: str) -> None:
        """A line for what a person should know of."""
        self.line(ERROR, "problem", text)

    def end(self) -> None:
        """Wait until somebody has read all of it: nothing has a deadline any more."""
        self.outlet.flush(patiently=True)
