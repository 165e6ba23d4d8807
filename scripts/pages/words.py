"""What may follow an option, or stand as an argument: told by how --help calls it."""

from ampt_cli import layout
from ampt_cli.commands import inspect
from ampt_cli.commands.complete import IDS
from ampt_cli.options import Command, Option

# Of what is in a spool.
IDS_OF, NAMES_OF = "ids", "names"
# Of the file system.
FILES, FOLDERS = "files", "folders"
NOTHING = ""

KINDS = {
    "ID": IDS_OF,
    "NAME": NAMES_OF,
    "GLOB": NAMES_OF,
    "FILE": FILES,
    "FILE|MODULE": FILES,
    "DIR": FOLDERS,
}
STATES_OF = {"inspect": inspect.STATES, **IDS, "retry": (*IDS["retry"], layout.QUARANTINE)}
NOTE = "Generated from the command line by `make docs`. Do not edit."


def kind(value: str) -> str:
    """One of the kinds above, for a value that --help calls `value`."""
    return KINDS.get(value, NOTHING)


def choices(command: Command, option: Option) -> tuple[str, ...]:
    """The words that an option takes, where they are few: `text|json`, or a state."""
    if option.value == "STATE":
        return STATES_OF.get(command.name, layout.STATES)
    if option.value.islower() and "|" in option.value:
        return tuple(option.value.split("|"))
    return ()


def argument(command: Command) -> str:
    """The kind of a command's first argument."""
    return kind(command.arguments.split(" ")[0].strip("[].…"))


def flags(option: Option) -> list[str]:
    """Short ones first."""
    return sorted(option.flags, key=len)


def told(option: Option) -> str:
    """Its help in one line, without the full stop."""
    return " ".join(option.help.split()).rstrip(".")
