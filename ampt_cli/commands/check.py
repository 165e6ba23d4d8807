"""`ampt check`: verify the spool."""

from functools import partial
from math import inf, nan
from typing import Annotated

import typer

from ampt_cli import check as checking
from ampt_cli import clock, due, place, printing, repairs, settings
from ampt_cli import monitor as monitoring
from ampt_cli.commands.choosing import AsJson, Spool
from ampt_cli.errors import AmptError, UsageError, from_os
from ampt_cli.figures import figures
from ampt_cli.metrics import Figures
from ampt_cli.options import Command
from ampt_cli.policy import retries_of
from ampt_cli.render import heard, say, show_json

COMMAND = Command(
    "check",
    "",
    "Verify the whole spool against its format.",
    """
The exit status is 1 if anything was found, with --repair if anything is left.

With --monitor: one line for a monitoring system, and its exit status: 0 OK, 1 WARNING,
2 CRITICAL, 3 UNKNOWN.
""",
    (),
    (
        ("ampt check", "report"),
        ("ampt check --repair", "quarantine what is damaged, rescue, sweep"),
        ("ampt check --monitor --late 10m,2h --dead 5,100 --free 15,5", "is all well?"),
    ),
)


# Of monitor.Limits, in the order of the options.
DEFAULTS = {"late": "5m,1h", "idle": "10m,1h", "dead": "1,1000", "free": "10,3"}


def _limit(what: str) -> typer.models.OptionInfo:
    limit: typer.models.OptionInfo = typer.Option(
        help=f"With --monitor: {what}", metavar="WARN,CRIT"
    )
    return limit


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be.")] = False,
    as_json: AsJson = False,
    monitor: Annotated[
        bool, typer.Option("--monitor", help="Is all well? OK, WARNING, CRITICAL, UNKNOWN.")
    ] = False,
    late: Annotated[str | None, _limit("how long an event is overdue.")] = None,
    idle: Annotated[str | None, _limit("how long no run has looked.")] = None,
    dead: Annotated[str | None, _limit("how many are dead.")] = None,
    free: Annotated[str | None, _limit("percent of the disk that is free.")] = None,
    spool_dir: Spool = "",
) -> None:
    """Report each finding; with --repair, what is left of them decides the status."""
    limits = dict(zip(DEFAULTS, (late, idle, dead, free), strict=True))
    if monitor:
        others = {"--repair": repair, "--json": as_json}
        wrong = next((flag for flag, given in others.items() if given), None)
        raise typer.Exit(_monitor(spool_dir, limits, wrong))
    for key, given in limits.items():
        if given is not None:
            raise UsageError(f"--{key} goes with --monitor", "see: ampt check --help")
    config, _ = settings.read()
    disk = place.open_disk(settings.spool_path(spool_dir, config))
    now, retries = clock.now(), retries_of(config)
    left, mendable, listens = 0, 0, True
    for finding in checking.check(disk, now):
        mended = False
        try:
            mended = repair and repairs.repair(disk, finding, now, retries, printing.say)
        except OSError as error:
            wrong = f"{finding.wrong}; this cannot be mended: {error.strerror}"
            finding = finding._replace(wrong=wrong)  # noqa: PLW2901  what is shown of it
        left += not mended
        mendable += finding.repair != ""
        listens = listens and heard(partial(_show, finding, mended, as_json))
    if mendable and not (repair or as_json):
        printing.say(f"{mendable:,} of {left:,} can be mended: ampt check --repair")
    if left:
        raise typer.Exit(1)


def _show(finding: checking.Finding, mended: bool, as_json: bool) -> None:
    if as_json:
        show_json({**finding._asdict(), "mended": mended})
    else:
        done = "put in quarantine" if finding.repair == "quarantine" else "mended"
        say(f"{finding.path}: {finding.wrong}{f' ({done})' if mended else ''}")


def _monitor(spool: str, given: dict[str, str | None], wrong: str | None) -> int:
    """One line on stdout, whatever happens; the status that monitoring systems know."""
    try:
        if wrong:
            raise UsageError(f"{wrong} does not go with --monitor")
        limits = _limits(given)
        path = settings.spool_path(spool)
        status, line = monitoring.judge(_figures(path), limits)
    except AmptError as error:
        status, line = monitoring.UNKNOWN, f"AMPT UNKNOWN - {printing.whole(error)}"
    heard(lambda: say(line))
    return status


def _figures(path: str) -> Figures:
    try:
        return figures(place.open_disk(path))
    except OSError as error:
        raise from_os(error, f"read the spool {path}") from None


def _limits(given: dict[str, str | None]) -> monitoring.Limits:
    texts = {key: DEFAULTS[key] if text is None else text for key, text in given.items()}
    return monitoring.Limits(**{key: _pair(key, text) for key, text in texts.items()})


def _pair(key: str, text: str) -> tuple[float, float]:
    """Two limits: lengths of time in ms, or numbers; the second is as bad or worse."""
    read = due.parse_duration if key in {"late", "idle"} else float
    try:
        warning, critical = (float(read(part)) for part in text.split(","))
    except (ValueError, UsageError):
        warning = critical = nan
    falling, rising = 0 <= critical <= warning <= 100, 0 < warning <= critical < inf
    if not (falling if key == "free" else rising):
        raise UsageError(f"--{key} takes two limits, like {DEFAULTS[key]}, not {text!r}")
    return warning, critical
