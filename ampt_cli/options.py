"""Read the options of `ampt publish`, `ampt run` and `ampt inspect` from a table.

argparse would cost the first two a third of the time they may take. The same table
makes their --help, their completions and their pages of the manual.
"""

from ampt_cli.errors import UsageError

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence


EMPTY_HINT = "is a variable not set?"
MOST = 999_999_999  # of what has no bound of its own


class Option:
    """One option: `--name VALUE`, or `--name` alone where there is no `value`."""

    __slots__ = ("flags", "help", "key", "many", "value")

    def __init__(self, flags: str, value: str = "", help: str = "", many: bool = False) -> None:  # noqa: A002
        self.flags = flags.split()
        self.key = self.flags[0].lstrip("-").replace("-", "_")
        self.value = value
        self.help = help
        self.many = many


SPOOL = Option("--spool -s", "DIR", "The spool (AMPT_SPOOL, ampt.toml, ~/.local/state/ampt).")


class Command:
    """What a command is called, takes, and means."""

    __slots__ = ("arguments", "examples", "name", "options", "summary", "text")

    def __init__(
        self,
        name: str,
        arguments: str,
        summary: str,
        text: str,
        options: "Sequence[Option]",
        examples: "Sequence[tuple[str, str]]",
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.summary = summary
        self.text = text
        self.options = (*options, Option("--help -h", "", "Show this help and exit."))
        self.examples = examples


class Given:
    """What was given: `get` an option's last value, all of them, or the arguments."""

    __slots__ = ("arguments", "values")

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.arguments: list[str] = []

    def get(self, key: str) -> str | None:
        """The value of an option, or None."""
        return self.values[key][-1] if key in self.values else None

    def all(self, key: str) -> list[str]:
        """The values of an option that may be repeated."""
        return self.values.get(key, [])

    def has(self, key: str) -> bool:
        """Whether an option was given."""
        return key in self.values

    def number(self, key: str, default: int | None, most: int = MOST) -> int | None:
        """The value of an option as a whole number, from 1 to `most`. Raises UsageError."""
        text = self.get(key)
        if text is None:
            return default
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(MOST))
        if not (digits and 1 <= int(text) <= most):
            raise UsageError(f"--{key} takes a whole number from 1 to {most}, not {text!r}")
        return int(text)


def is_argument(word: str) -> bool:
    """Whether a word that is no option's value is no option either: -5 is a body."""
    return word[:1] != "-" or word == "-" or word[1:2].isdigit()


def is_utf8(text: str) -> bool:
    """Whether a word is UTF-8; a surrogate is Python's way to say that it has other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse(command: Command, argv: "list[str]") -> Given:
    """Sort `argv` into options and arguments. Raises UsageError."""
    known = {flag: option for option in command.options for flag in option.flags}
    given = Given()
    words = iter(argv)
    for word in words:
        if word == "--":
            given.arguments.extend(words)
        elif is_argument(word):
            given.arguments.append(word)
        else:
            flag, equals, value = _split(word, known)
            option = known.get(flag)
            if option is None:
                raise UsageError(f"ampt {command.name} has no option {flag}", _near(flag, known))
            if not option.value:
                if equals:
                    raise UsageError(f"{flag} takes no value")
            elif not equals:
                following = next(words, None)
                if following is None:
                    raise UsageError(f"{flag} needs a value: {flag} {option.value}")
                value = following
            if option.value and not value:  # it would mean another place, or all events
                raise UsageError(f"{flag} {option.value} is empty", EMPTY_HINT)
            given.values.setdefault(option.key, []).append(value)
    return given


def _split(word: str, known: "dict[str, Option]") -> "tuple[str, str, str]":
    if word[:2] == "--":
        return word.partition("=")
    if len(word) > 2 and word[:2] in known:
        return word[:2], "=", word[2:]
    return word, "", ""


def _near(flag: str, known: "dict[str, Option]") -> str:
    from difflib import get_close_matches  # noqa: PLC0415  only after a mistake

    near = get_close_matches(flag, known, 1, 0.6)
    return f"did you mean {near[0]}?" if near else "see its --help"


def help_text(command: Command) -> str:
    """The --help of a command."""
    lines = [f"Usage: ampt {command.name} [OPTIONS] {command.arguments}".rstrip(), ""]
    lines += [command.summary, ""]
    lines += [command.text.strip(), ""] if command.text else []
    lines.append("Options:")
    names = [_names(option) for option in command.options]
    width = max(map(len, names)) + 4
    for name, option in zip(names, command.options, strict=True):
        first, *more = option.help.split("\n")
        lines.append(f"  {name:<{width - 2}}{first}")
        lines += [" " * width + line for line in more]
    lines += ["", "Examples:"]
    for example, what in command.examples:
        lines += [f"  {example}", f"      {what}"]
    return "\n".join(lines) + "\n"


def _names(option: Option) -> str:
    flags = ", ".join(sorted(option.flags, key=len))
    return f"{flags} {option.value}".rstrip()
