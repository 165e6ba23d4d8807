"""The reference in Markdown."""

from collections.abc import Sequence

from ampt_cli import errors
from ampt_cli.options import Command, help_text
from ampt_cli.origins import SETTINGS
from scripts.pages import facts, words

STREAMS = (
    "Data goes to stdout, messages to stderr. Colours and boxes appear only on a terminal. "
    "See also: [exit status](exit_status.md), [JSON output](json_output.md)."
)
SAME = (
    "The same for every command; those from 74 on are the ones of `sysexits.h`. Each failure "
    "says one line on stderr: what was tried, on what, what was wrong, what to do next."
)
OF_EACH = (
    "`ampt run` exits 0 when it did its work, although handlers failed; with `--check` a failed "
    "attempt makes it 1. `ampt publish` exits 0 only once the event is safe on disk; with 75 it "
    "says whether nothing was published, or the last sync failed and the event may run: "
    "publishing again with the same `--id` is safe."
)
IN_PYTHON = (
    "`events.publish` and the rest of `ampt_cli` raise the same as classes of `ampt_cli.errors`; "
    "`str(error)` is the line, `error.hint`, if not None, says what to do next."
)


def page(commands: Sequence[Command]) -> str:
    """docs/cli.md: every --help, as it is."""
    lines = [
        "# The command line",
        f"<!-- {words.NOTE} -->",
        STREAMS,
        " · ".join(f"[{command.name}](#ampt-{command.name})" for command in commands),
    ]
    for command in commands:
        lines += [f"## ampt {command.name}", f"```text\n{help_text(command)}```"]
    lines += ["## Settings in ampt.toml", facts.DURATIONS, _settings()]
    lines += ["## Environment", _table(("variable", "meaning"), facts.ENVIRONMENT)]
    lines += ["## Files", _table(("file", "meaning"), facts.FILES)]
    return "\n\n".join(lines) + "\n"


def exit_status() -> str:
    """docs/exit_status.md."""
    lines = [
        "# Exit status",
        f"<!-- {words.NOTE} -->",
        SAME,
        _table(("status", "meaning"), facts.EXIT),
        facts.MONITOR,
        OF_EACH,
        "## In Python",
        IN_PYTHON,
        _errors(),
    ]
    return "\n\n".join(lines) + "\n"


def _errors() -> str:
    """Each class, the more general before the more special."""
    lines = ["| class | status | meaning |", "|---|---|---|"]
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.AmptError):
            general = "".join(f" (`{base.__name__}`)" for base in error.__bases__[:1])
            name = f"`{error.__name__}`" + general
            said = (error.__doc__ or "").partition("\n")[0]
            lines.append(f"| {name} | {error.exit_status} | {said} |")
    return "\n".join(lines)


def _settings() -> str:
    lines = ["| setting | for example | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | `{example}` | {meaning} |" for key, example, meaning in SETTINGS]
    return "\n".join(lines)


def _table(heads: tuple[str, str], rows: Sequence[tuple[object, str]]) -> str:
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    lines += [
        f"| {word if isinstance(word, int) else f'`{word}`'} | {text} |" for word, text in rows
    ]
    return "\n".join(lines)
