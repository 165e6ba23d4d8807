"""The manual page ampt(1), in mdoc."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from ampt_cli.options import Command, Option
from ampt_cli.origins import SETTINGS
from scripts.pages import facts, words

WIDTH = 74
DATE = "November 24, 2026"


def page(commands: Sequence[Command]) -> str:
    """The source of ampt.1."""
    lines = [
        f'.\\" {words.NOTE}',
        f".Dd {DATE}",
        ".Dt AMPT 1",
        ".Os",
        ".Sh NAME",
        ".Nm ampt",
        ".Nd durable queue of named events that is just a folder",
        ".Sh SYNOPSIS",
    ]
    for command in commands:
        lines += [".Nm", f".Cm {command.name}", ".Op Ar options", *_arguments(command)]
    lines += [".Sh DESCRIPTION", *_prose(facts.ABOUT), ".Pp"]
    lines += ["The commands are:"]
    for command in commands:
        lines += [f".Ss ampt {command.name}", *_prose(command.summary)]
        for paragraph in command.text.strip().split("\n\n"):
            if paragraph:
                lines += [".Pp", *_prose(paragraph)]
        lines += _listed((_flags(option), option.help) for option in command.options)
        lines += [".Pp", "Examples:", ".Bd -literal -offset indent"]
        for example, meaning in command.examples:
            lines += [f"# {_escaped(meaning)}", _escaped(example)]
        lines.append(".Ed")
    lines += [".Sh SETTINGS", *_prose(facts.DURATIONS)]
    lines += _listed((f".It Cm {key} Ar {_escaped(e)}", text) for key, e, text in SETTINGS)
    lines += [".Sh ENVIRONMENT", *_listed((f".It Ev {_names(k)}", v) for k, v in facts.ENVIRONMENT)]
    lines += [".Sh FILES", *_listed((f".It Pa {_escaped(k)}", v) for k, v in facts.FILES)]
    lines += [".Sh EXIT STATUS", *_listed((f".It {k}", v) for k, v in facts.EXIT)]
    lines += [".Pp", *_prose(facts.MONITOR)]
    lines += [
        ".Sh SEE ALSO",
        ".Xr at 1 ,",
        ".Xr crontab 5 ,",
        ".Xr systemd.timer 5",
        ".Pp",
        "The spool is specified in spool_format.md, which other programs may rely on.",
    ]
    return "\n".join(lines) + "\n"


def _arguments(command: Command) -> list[str]:
    """Each `.Ar`, optional ones in `.Op`."""
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
    """A new line for each sentence, as mdoc wants it."""
    sentences = " ".join(text.split()).replace(". ", ".\n").split("\n")
    return [_escaped(line) for sentence in sentences for line in wrap(sentence, WIDTH)]


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("--", "\\-\\-").replace("()", "\\&()")
    return f"\\&{text}" if text[:1] in ".'" else text
