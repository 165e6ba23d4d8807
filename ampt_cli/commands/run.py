"""`ampt run`: for cron, and with --watch for a service manager."""

import os
from itertools import islice

from ampt_cli import clock, place, printing, settings, size
from ampt_cli.errors import CHECK, AmptError, UsageError, from_os
from ampt_cli.idle import is_idle
from ampt_cli.options import SPOOL, Command, Given, Option, help_text, parse
from ampt_cli.ran import touch
from ampt_cli.retention import retention_of
from ampt_cli.scan import Scan

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from typing import Any

COMMAND = Command(
    "run",
    "",
    "Handle the events that are due.",
    """
Every event that is due is handled, then it exits; with --watch it stays, and handles
events as they become due. Any number of runners may share a spool.

Silent when nothing went wrong: one line on stderr for each failure; on a terminal, one
for each attempt. The exit status is 0 when the runner did its work, although handlers
failed; see --check.

SIGTERM and SIGINT: claim nothing more, let running handlers finish, exit; a second
signal stops at once. SIGHUP: import the handlers anew; if that fails those it has stay.
Nothing is lost.
""",
    (
        Option(
            "--handlers -m", "FILE|MODULE", "The handlers: a Python file, or an installed module."
        ),
        Option("--watch -w", "", "Stay, and wake within milliseconds of a publish."),
        Option("--jobs -j", "N", "How many workers, up to 1024; 1 without this."),
        Option(
            "--name -n", "GLOB", "Only events whose name matches. Repeat it for more.", many=True
        ),
        Option("--max", "N", "Begin at most N attempts, then exit."),
        Option(
            "--memory",
            "SIZE",
            "What each worker may allocate: 512M, 2G; beyond it handlers fail.",
        ),
        Option("--check", "", "Exit 1 if an attempt failed."),
        Option("--dry-run", "", "Say what would run, and do nothing."),
        Option("--now", "WHEN", "With --dry-run: what would run then."),
        Option("--log-format", "text|json", "How stderr is written."),
        Option("--verbose -v", "", "One line for every attempt, as on a terminal."),
        SPOOL,
    ),
    (
        ("ampt run --handlers ./handlers.py", "handle what is due; for a crontab"),
        ("ampt run --watch --jobs 4", "stay; handlers from ampt.toml"),
        ("ampt run --dry-run --now 2027-01-01T00:00Z", "what would run by then"),
        ("ampt run --name 'mail.*' --max 100", "some of it"),
    ),
)


def main(argv: "list[str]") -> int:
    """Run; the exit status."""
    form = None
    try:
        given = parse(COMMAND, argv)
        form = given.get("log_format")
        if given.has("help"):
            printing.tell(help_text(COMMAND))
            return 0
        if given.arguments:
            raise UsageError(
                f"run takes no argument {given.arguments[0]!r}", "see: ampt run --help"
            )
        if given.has("now") and not given.has("dry_run"):
            raise UsageError("--now goes with --dry-run", "the clock of a real run cannot be moved")
        return _dry_run(given) if given.has("dry_run") else _run(given)
    except AmptError as error:
        from ampt_cli import logs  # noqa: PLC0415  gate: only when there is something to tell

        return logs.complain(error, form)


def _run(given: Given) -> int:
    config, _ = settings.read()
    base = settings.spool_path(given.get("spool"), config)
    jobs, most, memory = _asked(given, config)
    target = settings.handlers_target(given.get("handlers"), config)
    watched = os.isatty(2)
    disk = place.open_disk(base)
    touch(disk)
    try:
        if not given.has("watch") and is_idle(disk, clock.now(), retention_of(config)):
            if watched and not given.has("log_format"):
                printing.say("nothing is due", printing.INFO)
            return 0
    except OSError as error:
        raise from_os(error, f"read the spool {base}", CHECK) from error
    import gc  # noqa: PLC0415  gate: only when there is work

    gc.disable()  # until all is imported, here and in the workers: there is nothing to collect
    from ampt_cli import logs, runner, told  # noqa: PLC0415  as above

    chosen = told.Settings.of(
        config,
        handlers=target,
        jobs=jobs,
        watch=given.has("watch"),
        names=tuple(given.all("name")),
        most=most,
        memory=memory,
    )
    as_json = given.get("log_format") == "json"
    observer = logs.Log(as_json=as_json, verbose=watched or given.has("verbose"))
    try:
        tally = runner.Runner(disk, chosen, observer, clock.now).run()
    finally:
        observer.end()
    return 1 if given.has("check") and tally.failed else 0


def _asked(given: Given, config: "dict[str, Any]") -> "tuple[int | None, int | None, int | None]":
    """The workers, the attempts and the bytes of each worker. Raises UsageError."""
    form, text = given.get("log_format"), given.get("memory")
    if form not in (None, "text", "json"):
        raise UsageError(f"--log-format is text or json, not {form!r}")
    memory = config.get("memory") if text is None else size.parse(text)
    jobs = given.number("jobs", config.get("jobs", 1), size.MOST_JOBS)
    return jobs, given.number("max", None), memory


def _dry_run(given: Given) -> int:
    from ampt_cli import due, instants  # noqa: PLC0415  only here
    from ampt_cli.catalog import matches  # noqa: PLC0415  only here

    printing.check_stdout()
    for key in ("watch", "check"):
        if given.has(key):
            raise UsageError(f"--{key} does not go with --dry-run: nothing is run")
    config, _ = settings.read()
    _, most, _ = _asked(given, config)
    disk = place.open_disk(settings.spool_path(given.get("spool"), config))
    now = clock.now()
    when = given.get("now")
    if said := due.doubt(when, due.AS_DELAY):
        printing.say(f"--now {said}")
    globs = given.all("name")
    found = Scan(disk, due.parse(when, now) if when else now).entries()
    wanted = (entry for entry in found if matches(entry, globs))
    for entry in islice(wanted, most):
        told = f"{instants.iso(entry.due)}  {entry.id}  {printing.safe(entry.name)}"
        if not printing.tell(f"{told}  attempt {entry.attempt + 1}\n"):
            break
    return 0
