"""`ampt unit`: units for systemd, or a line for crontab."""

import grp
import os
import pwd
import shutil
import sys
from stat import S_IWGRP
from typing import Annotated

import typer

from ampt_cli import printing, settings, size, units
from ampt_cli.commands.choosing import Spool
from ampt_cli.errors import AmptError, UsageError, from_os
from ampt_cli.options import Command, is_utf8
from ampt_cli.render import say, write

COMMAND = Command(
    "unit",
    "",
    "Print units for systemd, or a line for crontab.",
    """
Absolute paths are filled in, that of the ampt.toml which holds here, too. Without --watch:
a service that handles what is due, and a timer that starts it every minute. With --watch: a
service that stays, and wakes at each publish.
""",
    (),
    (
        (
            "ampt unit --output ~/.config/systemd/user",
            "then: systemctl --user enable --now ampt.timer",
        ),
        (
            "sudo ampt unit --system --watch --as www-data --spool /var/spool/ampt",
            "a service of the system",
        ),
        ("(crontab -l; ampt unit --cron) | crontab -", "every minute, by cron"),
    ),
)


OF_CRON = "it prints a line for the crontab of who is to run it"
NO_SPOOL = "publish an event there before it is run, as the user who is to run it"


def unit(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="A service that stays.")] = False,
    cron: Annotated[bool, typer.Option("--cron", help="A line for crontab.")] = False,
    system: Annotated[
        bool | None,
        typer.Option(
            "--system/--user", help="For your own manager, or, as root without this, the system's."
        ),
    ] = None,
    run_as: Annotated[
        str, typer.Option("--as", metavar="USER", help="Who a system unit runs as.")
    ] = "",
    handlers: Annotated[
        str, typer.Option("--handlers", "-m", metavar="FILE|MODULE", help="As in ampt run.")
    ] = "",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, max=size.MOST_JOBS, metavar="N", help="As in ampt run."
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="DIR", help="Write the units into this folder.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Fill in and print."""
    config, file = settings.read()
    spool = settings.spool_path(spool_dir, config)
    target = settings.handlers_target(handlers, config)
    system = os.geteuid() == 0 if system is None else system
    if run_as and not system:
        raise UsageError("--as is for system units: a user's manager runs all as that user")
    user = (run_as or _owner(spool)) if system else ""
    wanted = units.Wanted(_program(), spool, target, jobs or 0, user, file or "", _group(spool))
    if cron and (watch or output or run_as):
        raise UsageError("--cron goes with none of --watch, --output, --as", OF_CRON)
    if broken := [word for word in wanted if {*"\n\r"} & {*str(word)}]:  # to systemd both are
        raise UsageError(f"a line break can stand in no unit and no crontab: {broken[0]!r}")
    if broken := [word for word in wanted if not is_utf8(str(word))]:
        raise UsageError(f"what is not UTF-8 can stand in no unit and no crontab: {broken[0]!r}")
    if not os.path.isdir(spool):
        printing.say(f"there is no spool at {spool} yet; {NO_SPOOL}")
    if run_as and not _is_user(run_as):
        printing.say(f"there is no user {run_as} on this machine, and no service can run as one")
    if cron:
        write(units.crontab(wanted))
        return
    made = units.watching(wanted) if watch else units.oneshot(wanted)
    for name, content in made.items():
        if output:
            say(_save(os.path.join(settings.absolute(output), name), content))
        else:
            write(f"# {name}\n{content}\n")


def _program() -> str:
    """The `ampt` that is running; of `python -m ampt_cli` that of this Python, if there is one."""
    path = os.path.abspath(sys.argv[0])
    found: str | None = path
    if not os.access(path, os.X_OK):
        beside = os.path.dirname(sys.executable)
        found = shutil.which("ampt", path=beside) or shutil.which("ampt")
    if found is None:
        raise AmptError("cannot find the program ampt", "put it into PATH")
    return os.path.abspath(found)


def _is_user(name: str) -> bool:
    """Whether there is somebody of that name, or number: systemd.exec(5), User=."""
    if name.isdecimal():
        return True
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _owner(spool: str) -> str:
    """Who the spool belongs to; whoever asks, where there is none yet."""
    try:
        uid = os.stat(spool).st_uid
    except OSError:
        uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(spool: str) -> str:
    """The group that shares the spool, if one does; its number where the name has blanks.

    A unit has a list of them, and nothing to quote them with.
    """
    try:
        status = os.stat(spool)
    except OSError:
        return ""
    if not status.st_mode & S_IWGRP:
        return ""
    try:
        name = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        name = ""
    return name if len(name.split()) == 1 else str(status.st_gid)


def _save(path: str, content: str) -> str:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise from_os(error, f"write {path}") from error
    return path
