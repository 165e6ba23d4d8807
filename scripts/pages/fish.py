"""Completion for fish."""

from collections.abc import Sequence

from ampt_cli.options import Command, Option
from scripts.pages import words

HEAD = f"""\
# fish completion for ampt. {words.NOTE}

# Whether the command is one of these; without any, whether none is there yet.
function __ampt_command
    set -l typed (commandline -opc)
    for word in $typed[2..]
        if not string match -q -- '-*' $word
            contains -- $word $argv
            return
        end
    end
    test (count $argv) = 0
end

# __ampt_spool WHAT COMMAND: words of the spool, each with a note.
function __ampt_spool
    set -l typed (commandline -opc)
    set -l spool ''
    for i in (seq 2 (count $typed))
        switch $typed[$i]
            case --spool -s
                test $i -lt (count $typed); and set spool $typed[(math $i + 1)]
            case '--spool=*'
                set spool (string replace -- --spool= '' $typed[$i])
        end
    end
    set -l beginning (string replace -r -- '^--[a-z-]+=' '' (commandline -ct))
    $typed[1] --complete $argv[1] $argv[2] "$beginning" "$spool" 2>/dev/null
end

complete -c ampt -f
complete -c ampt-cli -w ampt
complete -c ampt -n __ampt_command -s h -l help -d 'Show the commands'
complete -c ampt -n __ampt_command -l version -d 'Show the version'
complete -c ampt -n '__ampt_command' -a help -d 'Show the help of a command'
"""
# fish looks for a file of the command's name.
SECOND = f"""\
# fish completion for ampt-cli. {words.NOTE}
complete -c ampt-cli -w ampt
"""


def page(commands: Sequence[Command]) -> str:
    """The script."""
    lines = [HEAD]
    names = " ".join(command.name for command in commands)
    lines.append(f"complete -c ampt -n '__ampt_command help' -a '{names}'")
    for command in commands:
        told = _quoted(command.summary.rstrip("."))
        lines.append(f"\ncomplete -c ampt -n __ampt_command -a {command.name} -d {told}")
        here = f"complete -c ampt -n '__ampt_command {command.name}'"
        lines += [f"{here} {_option(command, option)}" for option in command.options]
        kind = words.argument(command)
        if kind:
            lines.append(f"{here} -a '(__ampt_spool {kind} {command.name})'")
    return "\n".join(lines) + "\n"


def _option(command: Command, option: Option) -> str:
    parts = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
        for flag in words.flags(option)
    ]
    if option.value:
        parts.append(_value(command, option))
    return " ".join([*parts, "-d", _quoted(words.told(option))])


def _value(command: Command, option: Option) -> str:
    choices = words.choices(command, option)
    kind = words.kind(option.value)
    if choices:
        return f"-x -a '{' '.join(choices)}'"
    if kind == words.FILES:
        return "-r -F"
    if kind == words.FOLDERS:
        return "-x -a '(__fish_complete_directories (commandline -ct))'"
    if kind:
        return f"-x -a '(__ampt_spool {kind} {command.name})'"
    return "-x"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
