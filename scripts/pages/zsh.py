"""Completion for zsh."""

from collections.abc import Sequence

from ampt_cli.options import Command, Option
from scripts.pages import words

HEAD = f"""\
#compdef ampt ampt-cli
# zsh completion for ampt. {words.NOTE}

# _ampt_spool WHAT COMMAND: words of the spool, each with a note.
_ampt_spool() {{
    local -a found
    local spool=${{opt_args[--spool]:-${{opt_args[-s]}}}} line
    for line in ${{(f)"$(_call_program words ${{(q)service}} --complete $1 $2 ${{(q)PREFIX}} \\
            ${{(q)spool}} 2>/dev/null)"}}; do
        found+=(${{${{line%%$'\\t'*}}//:/\\\\:}}:${{line#*$'\\t'}})
    done
    _describe -t $1 $1 found
}}
"""
TAIL = """\
if [[ $funcstack[1] = _ampt ]]; then # found in fpath, and called
    _ampt "$@"
else # read by eval
    compdef _ampt ampt ampt-cli
fi
"""
ACTIONS = {
    words.FILES: "_files",
    words.FOLDERS: "_files -/",
}


def page(commands: Sequence[Command]) -> str:
    """The function `_ampt`."""
    lines = [HEAD, "_ampt() {", "    local curcontext=$curcontext state line"]
    lines += ["    local -a commands", "    typeset -A opt_args", "    commands=("]
    named = [f"{command.name}:{command.summary.rstrip('.')}" for command in commands]
    lines += [f"        {_quoted(line)}" for line in named]
    lines += [
        "        'help:Show the help of a command'",
        "    )",
        "    _arguments -C '(- *)'{-h,--help}'[Show the commands]' \\",
        "        '(- *)--version[Show the version]' \\",
        "        '1:command:->command' '*::argument:->argument'",
        "    case $state in",
        "        command) _describe -t commands command commands ;;",
        "        argument)",
        "            curcontext=${curcontext%:*:*}:ampt-$words[1]:",
        "            case $words[1] in",
        "                help) _describe -t commands command commands ;;",
    ]
    for command in commands:
        lines.append(f"                {command.name})")
        lines.append("                    _arguments -s -S \\")
        specs = [_spec(command, option) for option in command.options] + _argument(command)
        lines.append(" \\\n".join(f"                        {spec}" for spec in specs) + " ;;")
    return "\n".join([*lines, "            esac ;;", "    esac", "}", "", TAIL])


def _spec(command: Command, option: Option) -> str:
    flags = words.flags(option)
    told = words.told(option).replace("[", "\\[").replace("]", "\\]")
    excluded = "(- *)" if option.key == "help" else "*" if option.many else ""
    if not excluded:
        excluded = f"({' '.join(flags)})"
    rest = f"[{told}]" + (_value(command, option) if option.value else "")
    if len(flags) == 1:
        return _quoted(f"{excluded}{flags[0]}{rest}")
    return f"{_quoted(excluded)}{{{','.join(flags)}}}{_quoted(rest)}"


def _value(command: Command, option: Option) -> str:
    choices = words.choices(command, option)
    name = option.value.replace(":", "\\:")
    if choices:
        return f":{name}:({' '.join(choices)})"
    return f":{name}:{_action(command, words.kind(option.value))}"


def _action(command: Command, kind: str) -> str:
    if kind in {words.IDS_OF, words.NAMES_OF}:
        return f"{{_ampt_spool {kind} {command.name}}}"
    return ACTIONS.get(kind, " ")


def _argument(command: Command) -> list[str]:
    made = []
    for number, word in enumerate(command.arguments.split(), 1):
        name = word.strip("[].")
        place = "*" if word.endswith("...]") else str(number)
        made.append(_quoted(f"{place}:{name}:{_action(command, words.kind(name))}"))
    return made


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
