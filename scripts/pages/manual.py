"""The manual page ampt(1), in mdoc."""

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

from ampt_cli.options import Command, Option
from ampt_cli.origins import SETTINGS
from scripts.pages import facts, words

WIDTH = 74
DATE = "November 25, 2026"
COMMON = ("--spool", "--help")  # told of once
LITERAL = ".Bd -literal -offset indent"
CODE = re.compile(r"`([^`]+)`([.,;:)]*)")
SEE_ALSO = (
    *(".Xr at 1 ,", ".Xr crontab 5 ,", ".Xr systemd.service 5 ,", ".Xr systemd.timer 5"),
    *(".Pp", "The spool is specified in spool_format.md:", "other programs may write and read it."),
)


def page(commands: Sequence[Command]) -> str:
    """The source of ampt.1."""
    lines = [f'.\\" {words.NOTE}', f".Dd {DATE}", ".Dt AMPT 1", ".Os"]
    lines += [".Sh NAME", ".Nm ampt", ".Nd durable queue of named events that is just a folder"]
    lines += [".Sh SYNOPSIS"]
    for command in commands:
        lines += [".Nm", f".Cm {command.name}", ".Op Ar options", *_arguments(command)]
    lines += [".Nm", ".Fl -version", ".Nm", ".Fl -complete", ".Cm bash | zsh | fish"]
    lines += [".Sh DESCRIPTION", *_prose(facts.ABOUT)]
    lines += [".Pp", *_prose(facts.COMPLETION), ".Pp", *_prose(facts.COMMON)]
    lines += _listed((_flags(option), option.help) for option in _common(commands[0]))
    for command in commands:
        lines += _command(command)
    lines += [".Sh HANDLERS", *_prose(facts.HANDLERS), *_literal(facts.HANDLER.splitlines())]
    lines += [".Pp", *_prose(facts.RULES)]
    lines += [".Sh SETTINGS", *_prose(facts.DURATIONS)]
    lines += _listed((f".It Cm {key} No = {_word(e)}", text) for key, e, text in SETTINGS)
    lines += [".Sh ENVIRONMENT", *_listed((f".It Ev {_names(k)}", v) for k, v in facts.ENVIRONMENT)]
    lines += [".Sh FILES", *_listed((f".It Pa {_escaped(k)}", v) for k, v in facts.FILES)]
    lines += [".Sh EXIT STATUS", *_listed((f".It {k}", v) for k, v in facts.EXIT)]
    lines += [".Pp", *_prose(facts.MONITOR), ".Sh EXAMPLES", *_examples()]
    lines += [".Sh SEE ALSO", *SEE_ALSO, ".Sh CAVEATS", *_prose(facts.CAVEATS[0])]
    for caveat in facts.CAVEATS[1:]:
        lines += [".Pp", *_prose(caveat)]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> list[str]:
    """Its subsection of DESCRIPTION."""
    lines = [f".Ss ampt {command.name}", *_prose(command.summary)]
    for paragraph in command.text.strip().split("\n\n"):
        if paragraph:
            lines += [".Pp", *_prose(paragraph)]
    own = [option for option in command.options if option not in _common(command)]
    if own:
        lines += _listed((_flags(option), option.help) for option in own)
    lines += [".Pp", "Examples:"]
    told = [(f"# {meaning}", example) for example, meaning in command.examples]
    return lines + _literal([line for pair in told for line in pair])


def _common(command: Command) -> list[Option]:
    return [option for option in command.options if set(COMMON) & set(option.flags)]


def _examples() -> list[str]:
    lines: list[str] = []
    shown: list[str] = []
    for said, example in facts.EXAMPLES:
        if said:
            lines += [*_literal(shown), *([".Pp"] if shown else []), *_prose(said)]
            shown = []
        shown += [example] if example else []
    return [*lines, *_literal(shown)]


def _literal(shown: Sequence[str]) -> list[str]:
    return [LITERAL, *map(_escaped, shown), ".Ed"] if shown else []


def _arguments(command: Command) -> list[str]:
    """Each `.Ar`, optional ones in `.Op`: `[NAME [BODY]]` is one in another."""
    if command.arguments == "[NAME [BODY]]":
        return [".Op Ar NAME Op Ar BODY"]
    made = []
    for word in command.arguments.split():
        name = word.strip("[].")
        name = f"{name} ..." if "..." in word else name
        made.append(f".Op Ar {name}" if "]" in word or "[" in word else f".Ar {name}")
    return made


def _flags(option: Option) -> str:
    flags = " , ".join(f"Fl {flag[1:].replace('-', chr(92) + '-')}" for flag in words.flags(option))
    value = f" Ar {option.value.replace('|', ' | ')}" if option.value else ""
    return f".It {flags}{value}"


def _listed(rows: Iterable[tuple[str, str]]) -> list[str]:
    lines = [".Bl -tag -width Ds"]
    for head, text in rows:
        lines += [head, *_prose(text)]
    return [*lines, ".El"]


def _names(text: str) -> str:
    return text.replace(", ", " , ")


def _prose(text: str) -> list[str]:
    """A new line for each sentence, as mdoc wants it; what is in backticks is literal."""
    lines = []
    for sentence in " ".join(text.split()).replace(". ", ".\n").split("\n"):
        place = 0
        for code in CODE.finditer(sentence):
            lines += _plain(sentence[place : code.start()])
            lines.append(" ".join([f".Ql {_word(code[1])}", *code[2]]))
            place = code.end()
        lines += _plain(sentence[place:])
    return lines


def _plain(text: str) -> list[str]:
    return [_escaped(line) for line in wrap(text.strip(), WIDTH)]


def _word(text: str) -> str:
    """One argument of a macro: quotes of its own are kept."""
    return '"' + _escaped(text).replace('"', "\\(dq") + '"'


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("--", "\\-\\-").replace("()", "\\&()")
    return f"\\&{text}" if text.startswith((".", "'")) else text
