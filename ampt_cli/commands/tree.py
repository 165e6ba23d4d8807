"""Every command but `publish` and `run`, with typer. One place catches errors."""

import sys
from collections.abc import Callable
from typing import Any

import typer

from ampt_cli import printing
from ampt_cli.commands import (
    call,
    cancel,
    check,
    handlers,
    init,
    inspect,
    metrics,
    move,
    prune,
    publish,
    retry,
    run,
    unit,
)
from ampt_cli.errors import AmptError, from_os
from ampt_cli.options import Command

app = typer.Typer(
    name="ampt",
    help="A durable queue of named events that is just a folder.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
AS_GIVEN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _light(command: Command, main: Callable[[list[str]], int]) -> None:
    """List a command that has a parser of its own, so that `ampt --help` shows it."""

    def call(context: typer.Context) -> None:
        raise typer.Exit(main(context.args))

    app.command(command.name, help=command.summary, context_settings=AS_GIVEN)(call)


_light(publish.COMMAND, publish.main)
_light(run.COMMAND, run.main)
for _module in (inspect, retry, cancel, move, call, handlers, prune, check, unit, metrics, init):
    _name = _module.__name__.rpartition(".")[2]
    app.command(_name, help=_module.HELP)(getattr(_module, _name))


def main(argv: list[str]) -> int:
    """Run the command line; the exit status."""
    try:
        app(argv, prog_name="ampt", standalone_mode=True)
    except AmptError as error:
        return printing.complain(error)
    except BrokenPipeError:
        return _quiet()
    except OSError as error:
        return printing.complain(from_os(error, f"ampt {' '.join(argv[:1])}"))
    except KeyboardInterrupt:
        return 130
    except SystemExit as leaving:
        return _status(leaving.code)
    return 0


def _status(code: Any) -> int:
    return code if isinstance(code, int) else 1 if code else 0


def _quiet() -> int:
    """Nobody reads stdout any more (`| head`): no complaint, and none at exit."""
    sys.stdout = None
    return 0
