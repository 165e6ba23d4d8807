"""`ampt init`: a configuration, an example of handlers, and the spool."""

import os
from typing import Annotated

import typer

from ampt_cli import jsontext, place, settings
from ampt_cli.commands.choosing import Spool
from ampt_cli.options import Command
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
            setting = f"spool = {jsontext.dumps(spool)}"
        lines.append(f"{setting:<{width}}  # {meaning}\n")
    return HEAD + "".join(lines)


def init(
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="Share the spool with this group.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Write what is missing, and say what to do next."""
    base = settings.spool_path(spool_dir or None)
    files = {"ampt.toml": config(base if spool_dir else ""), "handlers.py": HANDLERS}
    for path, text in files.items():
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            say(f"{path} exists, and was left as it is")
            continue
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
        say(f"made {path}")
    place.open_disk(base, create=True, group=group or None)
    say(f"the spool is {base}")
    say("next: ampt publish user.joined '{\"user_id\": 7}' && ampt run && ampt inspect")
