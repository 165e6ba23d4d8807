"""`ampt --complete`: a shell's script, and the words of a spool that it may offer.

The latter runs at every TAB: nothing heavy is loaded, and it stops looking after a
fifth of a second, however much waits. Errors are silence.
"""

import os
import sys
from time import monotonic

from ampt_cli import layout, place, printing, settings, walk
from ampt_cli.errors import AmptError, UsageError
from ampt_cli.layout import DEAD, DONE, PENDING, RETRY, RUNNING

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ampt_cli.fsio import Disk
    from ampt_cli.layout import Entry

PATIENCE = 0.2  # s
MOST = 200  # words; nobody reads more
LIKELY = (DEAD, RETRY, RUNNING, PENDING, DONE)  # what one asks about, first
IDS = {"retry": (DEAD, RETRY, PENDING), "cancel": (RETRY, PENDING), "move": (RETRY, PENDING)}
SCRIPTS = {  # in the folder share/ beside the bin/ that this program is in
    "bash": "bash-completion/completions/ampt",
    "zsh": "zsh/site-functions/_ampt",
    "fish": "fish/vendor_completions.d/ampt.fish",
}


def main(argv: list[str]) -> int:
    """A shell, for its script; or what to offer: see _offer."""
    if argv[:1] in (["ids"], ["names"]):
        return _offer(argv)
    if len(argv) != 1 or argv[0] not in SCRIPTS:  # what is printed is evaluated as code
        shown = repr(" ".join(argv)) if argv else "no shell"
        return printing.complain(
            UsageError(f"there is no completion for {shown}", f"one of {', '.join(SCRIPTS)}")
        )
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(sys.argv[0])))
    path = os.path.join(prefix, "share", SCRIPTS[argv[0]])
    try:
        with open(path, encoding="utf-8") as file:
            script = file.read()
        return 0 if printing.tell(script) else 1
    except AmptError as error:
        return printing.complain(error)
    except OSError as error:
        reason = (error.strerror or "").lower()
        return printing.complain(AmptError(f"there is no {path}: {reason}", "install ampt anew"))


def _offer(argv: list[str]) -> int:
    """`ids` or `names`, the command they are for, how they begin, the spool if it was given."""
    what, command, prefix, spool = (*argv, "", "", "", "")[:4]
    try:
        disk = place.open_disk(settings.spool_path(_meant(spool)))
        found = _words(_entries(disk, IDS.get(command, LIKELY)), what, prefix)
        printing.write(1, "".join(f"{word}\t{told}\n" for word, told in found))
    except (AmptError, OSError):
        return 1
    return 0


def _meant(typed: str) -> str:
    """What a shell will make of a word on its line: quotes, a ~ or a $NAME at its beginning."""
    word = "".join(char for char in typed if char not in "\"'\\")
    if word.startswith("$"):
        name, slash, rest = word[1:].partition("/")
        word = os.environ.get(name.strip("{}"), "") + slash + rest
    return os.path.expanduser(word)


def _entries(disk: "Disk", states: tuple[str, ...]) -> "Iterator[Entry]":
    end = monotonic() + PATIENCE
    for state in states:
        folders = list(walk.folders(disk, (state,)))
        for folder in reversed(folders) if state in layout.FINISHED else folders:
            for entry in walk.entries(disk, folder):
                if monotonic() > end:
                    return
                yield entry


def _words(entries: "Iterator[Entry]", what: str, prefix: str) -> list[tuple[str, str]]:
    """Ids, as they were found, with what they are of; or names, sorted, with nothing."""
    found: dict[str, str] = {}
    for entry in entries:
        name = printing.safe(entry.name)
        if what == "ids" and entry.id.startswith(prefix):
            found[entry.id] = f"{entry.state} {name}"
        elif what == "names" and name == entry.name and name.startswith(prefix):
            found[name] = ""
        if len(found) == MOST:
            break
    return list(found.items()) if what == "ids" else sorted(found.items())
