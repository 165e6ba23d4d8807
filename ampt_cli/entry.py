"""Choose the command before importing it."""

import os
import sys
from _signal import (  # type: ignore[import-not-found]  # signal.py imports enum
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Run the command line; its exit status. The light commands end the process themselves."""
    _fill_streams()
    if getsignal(SIGINT) is default_int_handler:  # not where it is ignored
        signal(SIGINT, SIG_DFL)  # until a command hears it: an import is ended without a traceback
    command = sys.argv[1:2]
    light = _light(command)
    if light is not None:
        # They write past Python's streams, and leave nothing to be tidied: taking the
        # interpreter apart would only take time, half as much as starting it.
        os._exit(light(sys.argv[2:]))
    if command == ["inspect"]:
        from ampt_cli.commands import inspect  # noqa: PLC0415  gate: nor does this load typer

        return inspect.main(sys.argv[2:])
    if command in (["--version"], ["-V"]):
        from ampt_cli._version import __version__  # noqa: PLC0415  gate: nor does this

        return _tell(f"ampt {__version__}\n")
    from ampt_cli.commands import tree  # noqa: PLC0415  gate: all the rest

    return tree.main(sys.argv[1:])


def _light(command: "list[str]") -> "Callable[[list[str]], int] | None":
    """What runs a command that must start at once."""
    if command == ["publish"]:
        from ampt_cli.commands import publish  # noqa: PLC0415  gate: publish never loads typer

        return publish.main
    if command == ["run"]:
        from ampt_cli.commands import run  # noqa: PLC0415  gate: an idle run never does

        return run.main
    if command == ["--complete"]:
        from ampt_cli.commands import complete  # noqa: PLC0415  gate: nor a TAB

        return complete.main
    return None


def _tell(text: str) -> int:
    """Write to stdout; the exit status."""
    try:
        os.write(1, text.encode())
    except OSError:
        from ampt_cli import printing  # noqa: PLC0415  gate: only to say what is wrong
        from ampt_cli.errors import AmptError  # noqa: PLC0415

        try:
            printing.tell(text)
        except AmptError as error:
            return printing.complain(error)
    return 0


def _fill_streams() -> None:
    """A closed stdin, stdout or stderr stays unusable: no other file gets its number."""
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)
