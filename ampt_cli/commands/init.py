"""`ampt init`: a configuration, an example of handlers, and the spool."""

import os
from typing import Annotated

import typer

from ampt_cli import place, settings
from ampt_cli.commands.choosing import Spool
from ampt_cli.options import Command
from ampt_cli.origins import SETTINGS
from ampt_cli.render import say

COMMAND = Command(
    "init",
    "",
    "Make ampt.toml, an example handlers.py, and the spool.",
    """
The two files are made in this folder. Nothing that exists is overwritten.
""",
    (),
    (
        ("ampt init", "for yourself"),
        ("ampt init --group staff", "a spool that a group shares"),
    ),
)
HEAD = """# Settings of ampt. What holds, and where it comes from: ampt inspect --config
# All but the handlers stand here with what holds without them.

"""
HANDLERS = """from ampt_cli import Context, Event, events


@events.on("user.joined", timeout=10_000)
def welcome(event: Event, context: Context) -> None:
    print("welcome", event.body)
"""


def config() -> str:
    """An ampt.toml that says what can be said."""
    width = max(len(f"# {key} = {example}") for key, example, _ in SETTINGS)
    lines = []
    for key, example, meaning in SETTINGS:
        setting = f"{'' if key == 'handlers' else '# '}{key} = {example}"
        lines.append(f"{setting:<{width}}  # {meaning}\n")
    return HEAD + "".join(lines)


def init(
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="Share the spool with this group.")
    ] = "",
    spool_dir: Spool = "",
) -> None:
    """Write what is missing, and say what to do next."""
    for path, text in (("ampt.toml", config()), ("handlers.py", HANDLERS)):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            say(f"{path} exists, and was left as it is")
            continue
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
        say(f"made {path}")
    base = settings.spool_path(spool_dir or None)
    place.open_disk(base, create=True, group=group or None)
    say(f"the spool is {base}")
    say("next: ampt publish user.joined '{\"user_id\": 7}' && ampt run && ampt inspect")
