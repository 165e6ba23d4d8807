"""Every command but `publish`, `run` and `inspect`, with typer."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ampt_cli import guard, printing
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
from ampt_cli.errors import UsageError
from ampt_cli.options import EMPTY_HINT, Command, Option, help_text, is_argument
from ampt_cli.render import write

SUMMARY = "A durable queue of named events that is just a folder."
MODULES: tuple[Any, ...] = (
    *(publish, run, inspect, retry, cancel, move, call, handlers),
    *(prune, check, unit, metrics, init),
)
COMMANDS: dict[str, Command] = {module.COMMAND.name: module.COMMAND for module in MODULES}
# Any wrong usage: the class is in click, or in the copy of it that newer typers have.
Misused: type[Exception] = typer.BadParameter.__mro__[2]
AS_GIVEN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class Plain(TyperCommand):
    """A command that refuses what `publish` does, and whose --help looks the same."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raise UsageError for an empty value, and for a flag together with its opposite."""
        words = set(args)
        rest = super().parse_args(ctx, _arguments_last(self.params, args))
        for option in self.params:
            given = ctx.get_parameter_source(option.name).name == "COMMANDLINE"
            if given and option.param_type_name == "option":
                _check_given(option, ctx.params.get(option.name or ""), words)
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  click's own
        """Write what `described` says."""
        _tell(help_text(described(self)))


def _arguments_last(options: Sequence[Any], args: list[str]) -> list[str]:
    """`args`, where one is like -5, with all arguments after a --: typer takes it for options."""
    if not any(word[:1] == "-" and word[1:2].isdigit() for word in args):
        return args
    valued = {flag for one in options if not getattr(one, "is_flag", True) for flag in one.opts}
    kept, arguments, words = list[str](), list[str](), iter(args)
    for word in words:
        if word == "--":
            arguments += words
        elif is_argument(word):
            arguments.append(word)
        else:
            value = list(islice(words, word in valued))
            if word in valued and not value:
                return [word]  # of which typer says that it needs one
            kept += [word, *value]
    return [*kept, "--", *arguments]


def _check_given(option: Any, value: object, words: set[str]) -> None:
    both = [flag for flag in (*option.opts, *option.secondary_opts) if flag in words]
    if option.secondary_opts and len(both) > 1:  # the last would hold
        raise UsageError(f"{both[0]} does not go with {both[1]}")
    values = value if isinstance(value, list | tuple) else [value]
    limits = option.metavar == "WARN,CRIT"  # of which `check --monitor` says it in its own way
    if "" in values and not limits:  # it would mean another place, or all events
        flag = max(option.opts, key=len)
        raise UsageError(f"{flag} {option.metavar} is empty", EMPTY_HINT)


class Group(TyperGroup):
    """The whole, whose --help has a line for each command."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  click's own
        """Write the commands and their summaries."""
        _tell(overall())


def _tell(text: str) -> None:
    """Show a --help; typer would lose an error of stdout, or tell it as one of the command."""
    write(text)
    raise typer.Exit


app = typer.Typer(
    name="ampt",
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _light(main: Callable[[list[str]], int]) -> Callable[[typer.Context], None]:
    """Hand on to a command that has a parser of its own."""

    def call(context: typer.Context) -> None:
        raise typer.Exit(main(context.args))

    return call


for _module in MODULES:
    _name = _module.COMMAND.name
    if hasattr(_module, "main"):
        app.command(_name, context_settings=AS_GIVEN)(_light(_module.main))
    else:
        app.command(_name, cls=Plain)(getattr(_module, _name))


def described(command: Any) -> Command:
    """A typer command with its options, as `publish` describes its own."""
    said = COMMANDS[command.name]
    if said.options[:-1]:
        return said
    return Command(
        said.name,
        said.arguments,
        said.summary,
        said.text,
        [
            Option(
                " ".join([*option.opts, *option.secondary_opts]),
                "" if option.is_flag else option.metavar or "",
                option.help or "",
                many=option.multiple and option.name != "error",  # of which a second is refused
            )
            for option in command.params
            if option.param_type_name == "option" and option.name != "help"
        ],
        said.examples,
    )


def all_described() -> list[Command]:
    """Every command, in the order of the manual."""
    group: Any = typer.main.get_command(app)
    return [described(group.commands[name]) for name in COMMANDS]


def overall() -> str:
    """What `ampt --help` says."""
    width = max(map(len, COMMANDS)) + 2
    lines = ["Usage: ampt COMMAND [OPTIONS] [ARGUMENTS]", "", SUMMARY, "", "Commands:"]
    lines += [f"  {name:<{width}}{command.summary}" for name, command in COMMANDS.items()]
    lines += ["", "ampt COMMAND --help: its options, and examples. ampt --version: the version."]
    lines += ["ampt --complete SHELL: its completions; eval them, in fish: source them."]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    """Run the command line; the exit status."""
    if not argv:
        printing.write(2, overall())
        return 2
    if argv[0] == "help":
        argv = [*argv[1:2], "--help"]
    return guard.guarded(argv[0], lambda: _run(argv))


def _run(argv: list[str]) -> int:
    _check_command(argv[0])
    printing.check_stdout()
    try:
        result = app(argv, prog_name="ampt", standalone_mode=False)
    except typer.Abort:
        return 130
    except typer.Exit as leaving:
        return leaving.exit_code
    except Misused as error:
        raise _usage(error, argv[0]) from None
    return result if isinstance(result, int) else 0


def _check_command(word: str) -> None:
    """Raise UsageError for a command that does not exist, and name one that does."""
    if word[:1] != "-" and word not in COMMANDS:
        near = get_close_matches(word, [*COMMANDS, "help"], 1)
        hint = f"did you mean ampt {near[0]}?" if near else "see: ampt --help"
        raise UsageError(f"there is no command {word!r}", hint)


def _usage(error: Any, word: str) -> UsageError:
    """What typer says in three lines, in one."""
    said = " ".join(error.format_message().split()).rstrip(".")
    return UsageError(said, f"see: ampt {word} --help" if word in COMMANDS else "see: ampt --help")
