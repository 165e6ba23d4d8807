"""`ampt init`: a configuration, an example of handlers, and the spool."""

import os
from typing import Annotated

import typer

from ampt_cli import jsontext, place, printing, settings, trust
from ampt_cli.commands.choosing import Spool
from ampt_cli.errors import AmptError, UsageError, from_os
from ampt_cli.fsio import Disk
from ampt_cli.options import Command, is_utf8
from ampt_cli.origins import SETTINGS
from ampt_cli.render import say

COMMAND = Command(
    "init",
    "",
    "Make ampt.toml, an example handlers.py, and the spool.",
    """
The two files are made in this folder; ampt.toml names the DIR of --spool. Nothing that
exists is overwritten.
""",
    (),
    (
        ("ampt init", "for yourself"),
        ("ampt init --spool /var/spool/shop --group staff", "a spool that a group shares"),
    ),
)
HEAD = """# Settings of ampt. What holds, and where it comes from: ampt inspect --config
# Those behind a # stand here with what holds without them.

"""
HANDLERS = """from ampt_cli import Context, Event, events


@events.on("user.joined", timeout=10_000)
def welcome(event: Event, context: Context) -> None:
    print("welcome", event.body)
"""


def config(spool: str = "") -> str:
    """An ampt.toml that says what can be said, and where the spool is if it was said."""
    width = max(len(f"# {key} = {example}") for key, example, _ in SETTINGS)
    lines = []
    for key, example, meaning in SETTINGS:
        setting = f"{'' if key == 'handlers' else '# '}{key} = {example}"
        if key == "spool" and spool:
            setting = f"spool = {printing.safe(jsontext.dumps(spool))}"  # TOML has no raw DEL
        lines.append(f"{setting:<{width}}  # {meaning}\n")
    return HEAD + "".join(lines)


def init(
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="Share the spool with this group.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Write what is missing, and say what to do next."""
    here = settings.absolute(".")
    base = settings.spool_path(spool_dir)
    if spool_dir and not is_utf8(base):
        raise UsageError(
            f"what is not UTF-8 can stand in no {settings.FILE}: {base!r}", "set AMPT_SPOOL instead"
        )
    own = place.gid(group) if group else None
    trust.check_folder(os.path.join(here, settings.FILE), "a configuration here")
    files = {settings.FILE: config(base if spool_dir else ""), "handlers.py": HANDLERS}
    if settings.mentions_ampt(settings.PROJECT):
        del files[settings.FILE]
    made: list[str] = []
    try:
        made.extend(name for name, text in files.items() if _make(name, text, here))
        disk = place.open_disk(base, create=True, group=group or None)
        if own is not None and not _is_shared_with(disk, own):
            raise AmptError(f"the spool {base} exists, and {group} does not share it", HINT)
    except BaseException:  # they would name a spool that there is not
        for name in made:
            os.unlink(name)
        raise
    if settings.FILE not in files:
        say("pyproject.toml has the settings, so no ampt.toml was made")
    for name in files:
        say(f"made {name}" if name in made else f"{name} exists, and was left as it is")
    say(f"the spool is {base}")
    used = settings.spool_path(None)
    if used != base:
        say(f"commands without --spool use another here: {used}")
    say("next: ampt publish user.joined '{\"user_id\": 7}' && ampt run && ampt inspect")


HINT = "use --spool"


def _make(name: str, text: str, here: str) -> bool:
    """Write a file; False where there is one."""
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    except OSError as error:
        raise from_os(error, f"make {name} in {here}") from None
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        os.unlink(name)
        raise from_os(error, f"write {name} in {here}") from None
    return True


def _is_shared_with(disk: Disk, own: int) -> bool:
    return disk.group and os.fstat(disk.root).st_gid == own
